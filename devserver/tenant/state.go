package tenant

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"calling-an-api.example/devserver/tenant/internal/refresh"

	"calling-an-api.example/devserver/internal/source"
)

// saved is what outlives the process, so that users stay logged in when the dev server
// restarts, as it does after each edit of its own sources. Cookies and refresh tokens
// are stored as digests; the signing keys are stored as they are. Only the file's owner
// can read it.
type saved struct {
	Issuer   string          `json:"issuer"`
	Keys     []savedKey      `json:"keys"` // the current one first
	Sessions []savedSession  `json:"sessions"`
	Consents []savedConsent  `json:"consents"`
	Families []refresh.Saved `json:"families"`
}

type savedKey struct {
	ID      string `json:"id"`
	Private []byte `json:"private"` // PKCS #8
}

type savedSession struct {
	Cookie   string    `json:"cookie"` // digest
	ID       string    `json:"id"`
	User     string    `json:"user"`
	LoggedIn time.Time `json:"loggedIn"`
	Born     time.Time `json:"born"`
}

type savedConsent struct {
	Key    string    `json:"key"`
	Scopes []string  `json:"scopes"`
	Born   time.Time `json:"born"`
}

// load restores the saved state of this issuer, if there is one, and returns its keys.
// An unreadable file is renamed to .bad.
func (t *Tenant) load() (keys []*signingKey, err error) {
	if t.opts.StateFile == "" {
		return nil, nil
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Rename(t.opts.StateFile, t.opts.StateFile+".bad"))
		}
	}()
	data, err := source.ReadFile(t.opts.StateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var s saved
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", t.opts.StateFile, err)
	}
	if s.Issuer != t.opts.Issuer || len(s.Keys) == 0 {
		return nil, fmt.Errorf("%s: it has no key of %s", t.opts.StateFile, t.opts.Issuer)
	}
	for _, one := range s.Keys {
		private, err := x509.ParsePKCS8PrivateKey(one.Private)
		key, ok := private.(*rsa.PrivateKey)
		if err != nil || !ok {
			return nil, fmt.Errorf("%s: the key %q is not an RSA key", t.opts.StateFile, one.ID)
		}
		keys = append(keys, &signingKey{one.ID, key})
	}
	for _, one := range s.Sessions {
		if u := t.directory.Load().UserByID(one.User); u != nil {
			t.sessions.Restore(one.Cookie, &session{id: one.ID, user: u, loggedIn: one.LoggedIn}, one.Born)
		}
	}
	for _, one := range s.Consents {
		t.consents.Restore(one.Key, append([]string{}, one.Scopes...), one.Born)
	}
	t.refresh.Restore(s.Families)
	return keys, nil
}

// save has the state file written soon, and before [Tenant.Close] returns.
func (t *Tenant) save() { t.saver.Save() }

// saveNow is save, and waits: what was answered must be true after a crash.
func (t *Tenant) saveNow() { t.saver.SaveNow() }

// write replaces the state file atomically. It waits for the first signing key. Only saver calls it.
func (t *Tenant) write() error {
	keys, err := t.keys.list()
	if err != nil {
		return err
	}
	s := saved{Issuer: t.opts.Issuer}
	for _, key := range keys {
		private, err := x509.MarshalPKCS8PrivateKey(key.private)
		if err != nil {
			return err
		}
		s.Keys = append(s.Keys, savedKey{key.id, private})
	}
	t.sessions.All(func(cookie string, one *session, born time.Time) {
		s.Sessions = append(s.Sessions, savedSession{cookie, one.id, one.user.ID, one.loggedIn, born})
	})
	t.consents.All(func(key string, scopes []string, born time.Time) {
		s.Consents = append(s.Consents, savedConsent{key, scopes, born})
	})
	s.Families = t.refresh.Save()
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(t.opts.StateFile), 0o700); err != nil {
		return err
	}
	next := t.opts.StateFile + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) { // left by a process that was killed
		return err
	}
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return err
	}
	return os.Rename(next, t.opts.StateFile)
}
