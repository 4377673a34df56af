package tenant

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"calling-an-api.example/devserver/internal/directory"
)

// injectFailures answers requests that a test makes fail. An error of its own at /authorize is left to
// [Tenant.authorize], because the app gets it as any other.
func (t *Tenant) injectFailures(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := r.URL.Path
		if !t.failures.has(at) || at == pathAuthorize || r.Method == http.MethodOptions || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		userID := t.concerned(r)
		if one, ok := t.failures.take(at, userID); ok {
			t.answerFailure(w, r, one, t.directory.Load().UserByID(userID))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// failLogin answers req, which a test makes fail, and returns true; or it returns false.
func (t *Tenant) failLogin(w http.ResponseWriter, r *http.Request, req *authRequest, s *session) bool {
	userID := ""
	if s != nil {
		userID = s.user.ID
	}
	one, ok := t.failures.take(pathAuthorize, userID)
	switch {
	case !ok:
		return false
	case one.Error == "":
		t.answerFailure(w, r, one, s.userOrNil())
	default:
		err := oidc.ErrInvalidRequest().WithDescription("%s", one.description())
		setType(&err.ErrorType, one.Error)
		t.fail(w, r, req, s.userOrNil(), err)
	}
	return true
}

// answerFailure answers a request of u, nil if no user is known, as the path does: with JSON, or with
// a page.
func (t *Tenant) answerFailure(w http.ResponseWriter, r *http.Request, one Failure, u *directory.User) {
	event := Event{
		Type: typeOf(one.Path), User: emailOf(u), Error: cmp.Or(one.Error, codeOf(one.Status)),
		Text: fmt.Sprintf("A test made a request for %s fail with %d", one.Path, one.Status),
	}
	t.events.reject(r.Context(), event)
	if w.Header().Set("Cache-Control", "no-store"); one.Status == http.StatusTooManyRequests || one.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(1))
	}
	if event.Type == EventTokens || event.Type == EventUserinfo || strings.HasPrefix(one.Path, "/.well-known/") {
		writeError(w, one.Status, event.Error, one.description())
		return
	}
	t.showMessage(w, one.Status, "This request has failed", one.description())
}

func (f Failure) description() string {
	return cmp.Or(f.Description, "A test has requested this failure.")
}

// typeOf returns the type of events about requests for that path.
func typeOf(at string) string {
	switch {
	case strings.HasPrefix(at, "/oauth/"):
		return EventTokens
	case at == "/userinfo":
		return EventUserinfo
	case at == "/v2/logout", at == "/oidc/logout":
		return EventLogout
	case at == pathAuthorize, at == "/u/login", at == "/u/consent":
		return EventLogin
	}
	return EventControl
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

// concerned returns the ID of the user whom r concerns, by the code or token that it has, or by its
// session where that counts; "" if none is known. The body can still be read afterwards.
func (t *Tenant) concerned(r *http.Request) string {
	switch r.URL.Path {
	case "/oauth/token", "/oauth/revoke", "/userinfo":
	default:
		if s := t.currentSession(r); s != nil {
			return s.user.ID
		}
		return ""
	}
	form := peek(r)
	if g := t.codes.Get(form.Get("code")); g != nil {
		return g.session.user.ID
	}
	if id := t.refresh.UserOf(cmp.Or(form.Get("refresh_token"), form.Get("token"))); id != "" {
		return id
	}
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if claims, ok := t.openAccessToken(cmp.Or(form.Get("access_token"), token)); ok {
		return claims.Subject
	}
	return ""
}

// peek returns the parameters in the body of r, none if they are malformed. The body can be read again.
func peek(r *http.Request) url.Values {
	read, err := io.ReadAll(r.Body)
	again := struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(read), r.Body), r.Body}
	defer func() { r.Body = again }()
	if err != nil {
		return nil // the handler gets the same error
	}
	r.Body = io.NopCloser(bytes.NewReader(read))
	form, err := bodyOf(r)
	if err != nil {
		return nil // as does the handler
	}
	return form
}
