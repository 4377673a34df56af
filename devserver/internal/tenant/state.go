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
)

// saved is what outlives the process: whoever is logged in stays so when the dev
// server is started anew, as it is after each edit of its own sources. Secrets of
// people are in it as digests alone, the signing key as it is; the file is for its
// owner alone, and opens nothing but a test tenant on loopback.
type saved struct {
	Issuer   string         `json:"issuer"`
	Keys     []savedKey     `json:"keys"` // the one that signs first
	Sessions []savedSession `json:"sessions"`
	Consents []savedConsent `json:"consents"`
	Families []savedFamily  `json:"families"`
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

type savedFamily struct {
	Family *family   `json:"family"`
	Born   time.Time `json:"born"`
}

// load brings in what was saved, if there is something of this issuer's. What can't
// be read is put aside.
func (t *Tenant) load() (keys []*signingKey, err error) {
	if t.opts.State == "" {
		return nil, nil
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Rename(t.opts.State, t.opts.State+".bad"))
		}
	}()
	data, err := os.ReadFile(t.opts.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var s saved
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", t.opts.State, err)
	}
	if s.Issuer != t.opts.Issuer || len(s.Keys) == 0 {
		return nil, fmt.Errorf("%s: it holds no key of %s", t.opts.State, t.opts.Issuer)
	}
	for _, one := range s.Keys {
		private, err := x509.ParsePKCS8PrivateKey(one.Private)
		key, ok := private.(*rsa.PrivateKey)
		if err != nil || !ok {
			return nil, fmt.Errorf("%s: the key %q is none", t.opts.State, one.ID)
		}
		keys = append(keys, &signingKey{one.ID, key})
	}
	for _, one := range s.Sessions {
		if u := t.userByID(one.User); u != nil {
			t.sessions.restore(one.Cookie, &session{id: one.ID, user: u, loggedIn: one.LoggedIn}, one.Born)
		}
	}
	for _, one := range s.Consents {
		t.consents.restore(one.Key, append([]string{}, one.Scopes...), one.Born)
	}
	for _, one := range s.Families {
		if one.Family != nil {
			t.refresh.byID.restore(one.Family.ID, one.Family, one.Born)
		}
	}
	return keys, nil
}

// save writes what is to outlive the process, whole or not at all. Nobody waits for
// the tenant's key, so nothing is saved before there is one.
func (t *Tenant) save() {
	if t.opts.State == "" {
		return
	}
	if err := t.write(); err != nil {
		t.opts.Log.Warn("the tenant's state is not saved", "err", err)
	}
}

func (t *Tenant) write() error {
	t.saving.Lock()
	defer t.saving.Unlock()
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
	t.sessions.each(func(cookie string, one *session, born time.Time) {
		s.Sessions = append(s.Sessions, savedSession{cookie, one.id, one.user.id, one.loggedIn, born})
	})
	t.consents.each(func(key string, scopes []string, born time.Time) {
		s.Consents = append(s.Consents, savedConsent{key, scopes, born})
	})
	t.refresh.mu.Lock()
	t.refresh.byID.each(func(_ string, one *family, born time.Time) { s.Families = append(s.Families, savedFamily{one, born}) })
	data, err := json.Marshal(s)
	t.refresh.mu.Unlock()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(t.opts.State), 0o700); err != nil {
		return err
	}
	next := t.opts.State + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a process that was killed
		return err
	}
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return err
	}
	return os.Rename(next, t.opts.State)
}
