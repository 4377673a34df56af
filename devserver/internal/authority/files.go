package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// The files of an authority. That with the key has the certificate too, so that they always
// belong together; certName is a copy for programs that shall trust it.
const (
	keyName  = "ca-key.pem"
	certName = "ca.pem"
)

// read returns the authority in folder, which is absolute. The error is os.ErrNotExist if
// there is none.
func read(folder string) (*Authority, error) {
	file := filepath.Join(folder, keyName)
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 { // a copy, or Windows, where this does nothing
		if err := os.Chmod(file, 0o600); err != nil {
			return nil, err
		}
	}
	content, err := os.ReadFile(file) //nolint:gosec // the user's own choice; read once, because another process may replace it
	if err != nil {
		return nil, fmt.Errorf("the certificate authority %s: %w", file, err)
	}
	pair, err := tls.X509KeyPair(content, content)
	if err != nil {
		return nil, fmt.Errorf("the certificate authority %s: %w", file, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("%s is not a certificate authority of the dev server", file)
	}
	return &Authority{cert: pair.Leaf, key: key}, nil
}

// write writes a to folder, which is absolute. isFirst says that there was none: the error is
// then os.ErrExist if another process has written one since.
func (a *Authority) write(folder string, isFirst bool) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return err
	}
	move := os.Rename
	if isFirst {
		move = os.Link // which replaces nothing
	}
	content := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), a.pem()...)
	return writeFile(filepath.Join(folder, keyName), content, move)
}

// publish writes the certificate alone to folder, unless it is there.
func (a *Authority) publish(folder string) error {
	a.file = filepath.Join(folder, certName)
	if found, err := os.ReadFile(a.file); err == nil && bytes.Equal(found, a.pem()) {
		return nil
	}
	return writeFile(a.file, a.pem(), func(from, to string) error {
		if err := os.Chmod(from, 0o644); err != nil { //nolint:gosec // it is public: other programs read it, and the system's store keeps the mode
			return err
		}
		return os.Rename(from, to)
	})
}

func (a *Authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// writeFile writes content to a file that only its user can read, all of it or nothing. move
// gives the complete file its name.
func writeFile(name string, content []byte, move func(from, to string) error) error {
	temporary, err := os.CreateTemp(filepath.Dir(name), ".ca-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	if errClose := temporary.Close(); err == nil {
		err = errClose
	}
	if err == nil {
		err = move(temporary.Name(), name)
	}
	if errRemove := os.Remove(temporary.Name()); errRemove != nil && !errors.Is(errRemove, os.ErrNotExist) && err == nil {
		err = errRemove
	}
	return err
}
