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

// none is the object of a control that needs nothing.
type none struct{}

// done is the answer of a control that returns nothing.
var done = map[string]bool{"done": true}

// controlRoutes adds the controls to mux: those of the tenant here, those of its users and
// sessions in testkit.go.
func (t *Tenant) controlRoutes(mux *http.ServeMux) {
	control(t, mux, "keys/rotate", func(none) (any, error) {
		err := t.keys.rotate()
		t.save()
		return done, err
	})
	control(t, mux, "keys/revoke", func(asked struct {
		KeyID string `json:"kid"` // without, all but the current one
	}) (any, error) {
		if !t.keys.revoke(asked.KeyID) {
			return nil, errors.New("there is no such key, or it is the current one: rotate first")
		}
		t.save()
		return done, nil
	})
	control(t, mux, "sessions/expire", func(none) (any, error) {
		t.sessions.Clear()
		t.refresh.EndAll()
		t.save()
		return done, nil
	})
	control(t, mux, "dpop/nonce", func(none) (any, error) {
		t.proofs.renew()
		return done, nil
	})
	control(t, mux, "clock", func(asked struct {
		Ahead string `json:"ahead"` // of the real time
	}) (any, error) {
		offset, err := time.ParseDuration(asked.Ahead)
		if err != nil {
			return nil, errors.New(`"ahead" must be a duration, like "2h"`)
		}
		t.controls.setOffset(offset)
		return map[string]string{"now": t.opts.Now().UTC().Format(time.RFC3339)}, nil
	})
	control(t, mux, "fail", func(asked failureRequest) (any, error) {
		return done, t.controls.addFailure(asked)
	})
	control(t, mux, "token", func(asked MintOptions) (any, error) {
		token, err := t.Mint(asked)
		return map[string]string{"access_token": token}, err
	})
	t.testKitRoutes(mux)
}

// control adds the control POST /_tenant/name, which accepts a JSON object with the fields of T
// and answers with one.
func control[T any](t *Tenant, mux *http.ServeMux, name string, act func(asked T) (any, error)) {
	mux.HandleFunc("POST /_tenant/"+name, func(w http.ResponseWriter, r *http.Request) {
		var asked T
		if !decodeControl(w, r, &asked) {
			return
		}
		answer, err := act(asked)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if name != "token" && name != "reset" { // Mint reports itself, and a reset leaves no events
			t.events.add(r.Context(), Event{Type: EventControl, Text: "A test used " + r.URL.Path})
		}
		writeControl(w, answer)
	})
}

// decodeControl reads the object of a control. Otherwise it writes an error and returns false.
func decodeControl(w http.ResponseWriter, r *http.Request, asked any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if r.ContentLength == 0 {
		return true
	}
	if err := decoder.Decode(asked); err != nil {
		http.Error(w, "The body must be a JSON object with this control's fields: "+err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

// writeControl writes the answer of a control.
func writeControl(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(answer) // fails only if the client is gone
}

// failureRequest is what the control fail is asked for.
type failureRequest struct {
	Path   string `json:"path"`
	Times  *int   `json:"times"`  // how many requests; without, 1
	Status int    `json:"status"` // without, 503
}

// now is the tenant's time.
func (c *controls) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.actual().Add(c.offset)
}

// ahead is how far the tenant's clock is ahead of the real one, like "2h", "" if it is not.
func (c *controls) ahead() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.offset == 0 {
		return ""
	}
	text := c.offset.String() // "2h0m0s"
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return text
}

// setOffset sets the tenant's clock ahead of the real one.
func (c *controls) setOffset(offset time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = offset
}

// addFailure has the next requests of a path fail.
func (c *controls) addFailure(asked failureRequest) error {
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

// reset sets the clock right and removes all failures.
func (c *controls) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = 0
	clear(c.failures)
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
