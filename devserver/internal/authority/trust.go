package authority

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Client returns an HTTP client that trusts the authority in folder, and the system's. Without
// an authority in it, it is one that trusts the system's.
func Client(folder string) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // nothing replaces it
	content, err := os.ReadFile(filepath.Join(folder, certName)) //nolint:gosec // the user's own choice
	switch {
	case folder == "" || errors.Is(err, os.ErrNotExist):
		return &http.Client{Transport: transport}, nil
	case err != nil:
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%s has no certificate", filepath.Join(folder, certName))
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: transport}, nil
}

// Instruction is a command that makes programs trust an authority.
type Instruction struct{ For, Command string }

// Instructions are the commands that make programs trust the authority in file. None of them
// is ever run by itself.
func Instructions(file string) []Instruction {
	if strings.ContainsAny(file, " '()&$") {
		file = `"` + file + `"`
	}
	node, curl := Instruction{"Node.js", "export NODE_EXTRA_CA_CERTS=" + file}, Instruction{"curl", "curl --cacert " + file}
	switch runtime.GOOS {
	case "darwin":
		return []Instruction{{"macOS", "security add-trusted-cert -r trustRoot -p ssl -k ~/Library/Keychains/login.keychain-db " + file}, node, curl}
	case "windows":
		return []Instruction{{"Windows", "certutil -user -addstore Root " + file}, node, curl}
	}
	return []Instruction{
		{"Chrome", "mkdir -p $HOME/.pki/nssdb && certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n devserver -i " + file},
		{"Linux", "sudo install -m 644 " + file + " /usr/local/share/ca-certificates/devserver.crt && sudo update-ca-certificates"},
		node, {"Go", "export SSL_CERT_FILE=" + file}, curl,
	}
}
