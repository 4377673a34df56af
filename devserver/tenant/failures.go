package tenant

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"
)

// errorCode matches the codes of errors, and "".
var errorCode = regexp.MustCompile(`^[A-Za-z0-9_.-]{0,100}$`)

// maxFailures is how many failures may wait for requests.
const maxFailures = 2000

// Failure is what [Tenant.Fail] makes the next requests for a path answer.
type Failure struct {
	Path        string `json:"path"`
	User        string `json:"user"`              // email address or ID: requests that concern this user; "" for all requests
	Times       *int   `json:"times"`             // how many requests; nil: 1; 0 removes the failure
	Status      int    `json:"status"`            // from 400 to 599; 0: 503
	Error       string `json:"error"`             // code; "": one for the status. At /authorize, the app gets it as any error of a login
	Description string `json:"error_description"` // "": that a test has requested the failure
}

// failures are those that wait. The methods may be called from any goroutine.
type failures struct {
	mu     sync.Mutex                     // protects the fields below
	byPath map[string]map[string]*waiting // by path, then by the user's ID, "" for all requests
	count  int
}

// waiting is a failure for the next times requests.
type waiting struct {
	Failure
	times int
}

// Fail makes requests for a path fail until it has happened asked.Times times, or [Tenant.Reset]. It
// replaces what was requested for the same path and user. The error says what is invalid.
func (t *Tenant) Fail(asked Failure) error {
	if asked.Status == 0 {
		asked.Status = http.StatusServiceUnavailable
	}
	times := 1
	if asked.Times != nil {
		times = *asked.Times
	}
	switch {
	case path.Clean(asked.Path) != asked.Path || strings.HasPrefix(asked.Path, "/_tenant/") || !t.serves(asked.Path):
		return fmt.Errorf("\"path\" must be a path of docs/tenant.md and none of these controls, not %.100q", asked.Path)
	case times < 0:
		return errors.New(`"times" must not be negative`)
	case asked.Status < 400 || asked.Status > 599:
		return fmt.Errorf(`"status" must be from 400 to 599, not %d`, asked.Status)
	case !errorCode.MatchString(asked.Error):
		return errors.New(`"error" must be a code of at most 100 characters, like "invalid_grant"`)
	case len(asked.Description) > maxEventText:
		return fmt.Errorf(`"error_description" must have at most %d bytes`, maxEventText)
	}
	id := ""
	if asked.User != "" {
		u, err := t.findUser(asked.User)
		if err != nil {
			return err
		}
		id = u.ID
	}
	t.events.touch()
	return t.failures.put(id, waiting{asked, times})
}

// put replaces the failure of the same path and the user with that ID.
func (f *failures) put(userID string, one waiting) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove(one.Path, userID)
	if one.times == 0 {
		return nil
	}
	if f.count >= maxFailures {
		return fmt.Errorf("%d failures wait for requests: reset the tenant between runs", maxFailures)
	}
	if f.byPath == nil {
		f.byPath = map[string]map[string]*waiting{}
	}
	if f.byPath[one.Path] == nil {
		f.byPath[one.Path] = map[string]*waiting{}
	}
	f.byPath[one.Path][userID] = &one
	f.count++
	return nil
}

// remove removes a failure, if there is one. The caller holds mu.
func (f *failures) remove(at, userID string) {
	if f.byPath[at][userID] == nil {
		return
	}
	delete(f.byPath[at], userID)
	if len(f.byPath[at]) == 0 {
		delete(f.byPath, at)
	}
	f.count--
}

// clear removes all failures.
func (f *failures) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byPath, f.count = nil, 0
}

// has reports whether a failure waits for requests for path.
func (f *failures) has(path string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byPath[path] != nil
}

// take uses up a failure of path: one of the user with that ID, or one of all requests. ok is false
// if there is none.
func (f *failures) take(path, userID string) (used Failure, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range []string{userID, ""} {
		if one := f.byPath[path][id]; one != nil {
			if one.times--; one.times == 0 {
				f.remove(path, id)
			}
			return one.Failure, true
		}
	}
	return Failure{}, false
}
