package tenant

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// controls are for tests, under /_tenant/: what a real tenant goes through in a
// year, at once. Like all of the tenant they are on loopback, and no page of
// another origin can reach them.
type controls struct {
	mu      sync.Mutex
	ahead   time.Duration       // of the real time
	failing map[string]*failure // by path
}

// maxFailing bounds the paths whose requests are to fail.
const maxFailing = 100

// failure is how the next requests of a path are answered.
type failure struct{ times, status int }

// controlRoutes adds the controls to mux. All take JSON objects and answer JSON.
func (t *Tenant) controlRoutes(mux *http.ServeMux) {
	control := func(pattern string, act func(ask controlRequest) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			var ask controlRequest
			decoder := json.NewDecoder(r.Body)
			decoder.DisallowUnknownFields()
			if r.ContentLength != 0 {
				if err := decoder.Decode(&ask); err != nil {
					http.Error(w, "The body must be a JSON object of what this control takes: "+err.Error(), http.StatusBadRequest)
					return
				}
			}
			answer, err := act(ask)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			if r.URL.Path != "/_tenant/token" { // which says more itself
				t.events.note("A test asked for %s", r.URL.Path)
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			_ = json.NewEncoder(w).Encode(answer) // fails only if the client is gone
		})
	}
	done := map[string]bool{"done": true}
	control("POST /_tenant/keys/rotate", func(controlRequest) (any, error) {
		err := t.keys.rotate()
		t.save()
		return done, err
	})
	control("POST /_tenant/keys/revoke", func(ask controlRequest) (any, error) {
		if !t.keys.revoke(ask.KeyID) {
			return nil, fmt.Errorf("there is no such key, or it is the one that signs: rotate first")
		}
		t.save()
		return done, nil
	})
	control("POST /_tenant/sessions/expire", func(controlRequest) (any, error) {
		t.sessions.clear()
		t.refresh.byID.clear()
		t.save()
		return done, nil
	})
	control("POST /_tenant/clock", func(ask controlRequest) (any, error) {
		ahead, err := time.ParseDuration(ask.Ahead)
		if err != nil {
			return nil, fmt.Errorf(`"ahead" must be a duration, like "2h"`)
		}
		t.controls.mu.Lock()
		t.controls.ahead = ahead
		t.controls.mu.Unlock()
		return map[string]string{"now": t.opts.Now().UTC().Format(time.RFC3339)}, nil
	})
	control("POST /_tenant/fail", func(ask controlRequest) (any, error) {
		f := &failure{times: 1, status: ask.Status}
		if ask.Times != nil {
			f.times = *ask.Times
		}
		if !strings.HasPrefix(ask.Path, "/") || strings.HasPrefix(ask.Path, "/_tenant/") || f.times < 0 || f.status != 0 && (f.status < 400 || f.status > 599) {
			return nil, fmt.Errorf(`"path" must begin with / and be none of these controls, "times" a number, and "status" one from 400 to 599`)
		}
		if f.status == 0 {
			f.status = http.StatusServiceUnavailable
		}
		t.controls.mu.Lock()
		defer t.controls.mu.Unlock()
		if len(t.controls.failing) >= maxFailing {
			clear(t.controls.failing) // a test of long ago asked for those
		}
		t.controls.failing[ask.Path] = f
		return done, nil
	})
	control("POST /_tenant/token", func(ask controlRequest) (any, error) {
		token, err := t.mint(ask)
		return map[string]string{"access_token": token}, err
	})
}

// controlRequest is what the controls take, each its part.
type controlRequest struct {
	KeyID string `json:"kid"` // keys/revoke: the key; without, all that no longer sign

	Ahead string `json:"ahead"` // clock: of the real time

	Path   string `json:"path"`   // fail: of the requests
	Times  *int   `json:"times"`  // without, once
	Status int    `json:"status"` // 503 without

	User     string         `json:"user"`     // token: email address; without, the machine client
	Audience string         `json:"audience"` // without, the API's
	Scope    string         `json:"scope"`    // without, all that the user may
	Expired  bool           `json:"expired"`  // an hour ago
	Claims   map[string]any `json:"claims"`   // in place of the usual ones; null leaves one out
	Bad      string         `json:"bad"`      // signature, key or none (the algorithm)
}

// now is the tenant's time.
func (c *controls) now(actual func() time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return actual().Add(c.ahead)
}

// failing answers in next's place while requests of a path are to fail.
func (t *Tenant) failing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := t.controls.failure(r.URL.Path); status != 0 {
			http.Error(w, "A test asked for this failure.", status)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// failure takes the status that the next request of path is to fail with; 0 is none.
func (c *controls) failure(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.failing[path]
	if f == nil || f.times == 0 {
		return 0
	}
	f.times--
	return f.status
}
