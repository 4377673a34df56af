package tenant

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// controls are the state of what tests control under /_tenant/: rotated keys, expired
// sessions, another time, failures. No page of another origin can use them.
type controls struct {
	actual func() time.Time

	mu       sync.Mutex // protects the fields below
	offset   time.Duration
	failures map[string]*failure // by path
}

func newControls(now func() time.Time) *controls {
	return &controls{actual: now, failures: map[string]*failure{}}
}

// maxFailures is how many paths may have failures.
const maxFailures = 100

// failure is how the next requests of a path are answered.
type failure struct{ times, status int }

// control is a request to one of the controls; each uses some of the fields.
type control struct {
	KeyID string `json:"kid"` // keys/revoke: the key; without, all but the current one

	Ahead string `json:"ahead"` // clock: how far it is ahead of the real time

	Path   string `json:"path"`   // fail: path of the requests
	Times  *int   `json:"times"`  // how many; without, 1
	Status int    `json:"status"` // without, 503

	MintOptions // token
}

// controlRoutes adds the controls to mux. All accept a JSON object and answer with one.
func (t *Tenant) controlRoutes(mux *http.ServeMux) {
	done := map[string]bool{"done": true}
	t.control(mux, "keys/rotate", func(control) (any, error) {
		err := t.keys.rotate()
		t.save()
		return done, err
	})
	t.control(mux, "keys/revoke", func(c control) (any, error) {
		if !t.keys.revoke(c.KeyID) {
			return nil, errors.New("there is no such key, or it is the current one: rotate first")
		}
		t.save()
		return done, nil
	})
	t.control(mux, "sessions/expire", func(control) (any, error) {
		t.sessions.Clear()
		t.refresh.EndAll()
		t.save()
		return done, nil
	})
	t.control(mux, "dpop/nonce", func(control) (any, error) {
		t.proofs.renew()
		return done, nil
	})
	t.control(mux, "clock", func(c control) (any, error) {
		offset, err := time.ParseDuration(c.Ahead)
		if err != nil {
			return nil, errors.New(`"ahead" must be a duration, like "2h"`)
		}
		t.controls.setOffset(offset)
		return map[string]string{"now": t.opts.Now().UTC().Format(time.RFC3339)}, nil
	})
	t.control(mux, "fail", func(c control) (any, error) {
		return done, t.controls.addFailure(c)
	})
	t.control(mux, "token", func(c control) (any, error) {
		token, err := t.Mint(c.MintOptions)
		return map[string]string{"access_token": token}, err
	})
}

// control adds the control POST /_tenant/name.
func (t *Tenant) control(mux *http.ServeMux, name string, act func(control) (any, error)) {
	mux.HandleFunc("POST /_tenant/"+name, func(w http.ResponseWriter, r *http.Request) {
		var c control
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if r.ContentLength != 0 {
			if err := decoder.Decode(&c); err != nil {
				http.Error(w, "The body must be a JSON object with this control's fields: "+err.Error(), http.StatusBadRequest)
				return
			}
		}
		answer, err := act(c)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if name != "token" { // which Mint reports
			t.events.add("A test used %s", r.URL.Path)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(answer) // fails only if the client is gone
	})
}

// now is the tenant's time.
func (c *controls) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.actual().Add(c.offset)
}

// setOffset sets the tenant's clock ahead of the real one.
func (c *controls) setOffset(offset time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = offset
}

// addFailure makes the next requests of a path fail.
func (c *controls) addFailure(asked control) error {
	f := &failure{times: 1, status: asked.Status}
	if asked.Times != nil {
		f.times = *asked.Times
	}
	if f.status == 0 {
		f.status = http.StatusServiceUnavailable
	}
	switch {
	case !strings.HasPrefix(asked.Path, "/") || strings.HasPrefix(asked.Path, "/_tenant/"):
		return errors.New(`"path" must start with / and must not be one of these controls`)
	case f.times < 0:
		return errors.New(`"times" must not be negative`)
	case f.status < 400 || f.status > 599:
		return fmt.Errorf(`"status" must be from 400 to 599, not %d`, f.status)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.failures) >= maxFailures {
		clear(c.failures) // they are left over from earlier tests
	}
	c.failures[asked.Path] = f
	return nil
}

// nextFailure uses up one failure of path and returns its status, 0 if there is none.
func (c *controls) nextFailure(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.failures[path]
	if f == nil || f.times == 0 {
		return 0
	}
	f.times--
	return f.status
}

// injectFailures answers requests that a test makes fail.
func (t *Tenant) injectFailures(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := t.controls.nextFailure(r.URL.Path); status != 0 {
			http.Error(w, "A test requested this failure.", status)
			return
		}
		next.ServeHTTP(w, r)
	})
}
