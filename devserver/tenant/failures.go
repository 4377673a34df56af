package tenant

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// maxFailures is how many failures may wait for requests.
const maxFailures = 2000

// Failure is what [Tenant.Fail] makes the next requests for a path answer.
type Failure struct {
	Path        string `json:"path"`
	User        string `json:"user"`              // email address or ID: requests that concern this user; "" for all requests
	Times       *int   `json:"times"`             // how many requests; nil: 1; 0 removes the failure
	Status      int    `json:"status"`            // from 400 to 599; 0: 503
	Error       string `json:"error"`             // code; "": one for the status
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
	case !strings.HasPrefix(asked.Path, "/") || strings.HasPrefix(asked.Path, "/_tenant/") || !t.serves(asked.Path):
		return fmt.Errorf("\"path\" must be a path of docs/tenant.md and none of these controls, not %.100q", asked.Path)
	case times < 0:
		return errors.New(`"times" must not be negative`)
	case asked.Status < 400 || asked.Status > 599:
		return fmt.Errorf(`"status" must be from 400 to 599, not %d`, asked.Status)
	}
	id := ""
	if asked.User != "" {
		u, err := t.findUser(asked.User)
		if err != nil {
			return err
		}
		id = u.ID
	}
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
func (f *failures) remove(path, userID string) {
	if f.byPath[path][userID] == nil {
		return
	}
	delete(f.byPath[path], userID)
	if len(f.byPath[path]) == 0 {
		delete(f.byPath, path)
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

// injectFailures answers requests that a test makes fail.
func (t *Tenant) injectFailures(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !t.failures.has(r.URL.Path) || r.Method == http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		userID := t.concerned(r)
		if one, ok := t.failures.take(r.URL.Path, userID); ok {
			t.answerFailure(w, r, one, userID)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// answerFailure answers as the path does: with JSON, or with a page.
func (t *Tenant) answerFailure(w http.ResponseWriter, r *http.Request, one Failure, userID string) {
	event := Event{
		Type: EventLogin, User: emailOf(t.directory.Load().UserByID(userID)), Error: cmp.Or(one.Error, codeOf(one.Status)),
		Text: fmt.Sprintf("A test made a request for %s fail with %d", one.Path, one.Status),
	}
	description := cmp.Or(one.Description, "A test has requested this failure.")
	if w.Header().Set("Cache-Control", "no-store"); one.Status == http.StatusTooManyRequests || one.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(1))
	}
	switch path := one.Path; {
	case strings.HasPrefix(path, "/oauth/"):
		event.Type = EventTokens
	case path == "/userinfo":
		event.Type = EventUserinfo
	case !strings.HasPrefix(path, "/.well-known/"): // for people
		t.events.reject(r.Context(), event)
		t.showMessage(w, one.Status, "This request has failed", description)
		return
	}
	t.events.reject(r.Context(), event)
	writeError(w, one.Status, event.Error, description)
}

// codeOf returns the code of an error with that status.
func codeOf(status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return "too_many_requests" // Auth0's
	case status == http.StatusServiceUnavailable:
		return "temporarily_unavailable" // RFC 6749 §4.1.2.1
	case status >= http.StatusInternalServerError:
		return "server_error"
	case status == http.StatusForbidden:
		return "access_denied"
	case status == http.StatusUnauthorized:
		return "invalid_client"
	}
	return "invalid_request"
}

// concerned returns the ID of the user whom r concerns, by its code, refresh token, access token or
// session; "" if none is known. The body can still be read afterwards.
func (t *Tenant) concerned(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	if err != nil {
		return "" // the handler gets the same error
	}
	var object struct {
		Code         string `json:"code"`
		RefreshToken string `json:"refresh_token"`
	}
	if form, err := url.ParseQuery(string(body)); err == nil {
		object.Code, object.RefreshToken = form.Get("code"), form.Get("refresh_token")
	}
	_ = json.Unmarshal(body, &object) // a form is no JSON
	if g := t.codes.Get(object.Code); g != nil {
		return g.session.user.ID
	}
	if id := t.refresh.UserOf(object.RefreshToken); id != "" {
		return id
	}
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if claims, ok := t.openAccessToken(token); ok {
		return claims.Subject
	}
	if s := t.currentSession(r); s != nil {
		return s.user.ID
	}
	return ""
}
