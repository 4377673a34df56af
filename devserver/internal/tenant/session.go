package tenant

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	sessionCookie = "local_tenant_session" // a login
	browserCookie = "local_tenant_browser" // ties a login under way to its browser
)

// session is a person's login at the tenant, in one browser.
type session struct {
	id       string // the claim sid; not the cookie's value
	user     *user
	loggedIn time.Time
}

// currentSession returns the session of the browser that sent r, or nil.
func (t *Tenant) currentSession(r *http.Request) *session {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	s := t.sessions.get(digest(cookie.Value))
	if s == nil {
		return nil
	}
	u := t.userByID(s.user.id) // as the configuration has them now
	if u == nil || u.blocked {
		return nil
	}
	return &session{id: s.id, user: u, loggedIn: s.loggedIn}
}

// startSession logs u in. The cookie's value is always a new one, so that nobody
// can plant one and have the login come to it.
func (t *Tenant) startSession(w http.ResponseWriter, r *http.Request, u *user) *session {
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		t.sessions.take(digest(cookie.Value)) // the one that this replaces
	}
	s := &session{id: randomID(), user: u, loggedIn: t.opts.Now()}
	value := randomID()
	t.sessions.put(digest(value), s)
	t.save()
	t.setCookie(w, sessionCookie, value, 0)
	return s
}

// endSession logs the browser that sent r out.
func (t *Tenant) endSession(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		if s := t.sessions.take(digest(cookie.Value)); s != nil {
			t.events.note("%s logged out", s.user.email)
		}
		t.save()
		t.setCookie(w, sessionCookie, "", -1)
	}
}

// browserCookie returns the value that tells the browser that sent r from
// others, and gives it one if it has none.
func (t *Tenant) browserCookie(w http.ResponseWriter, r *http.Request) string {
	if cookie, err := r.Cookie(browserCookie); err == nil && cookie.Value != "" {
		return cookie.Value
	}
	value := randomID()
	t.setCookie(w, browserCookie, value, 0)
	return value
}

func (t *Tenant) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the issuer's scheme: http on localhost
		Name: name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(t.opts.Issuer, "https:"),
	})
}

// hasConsented reports whether u has agreed to all that req would be granted.
func (t *Tenant) hasConsented(u *user, req *authRequest) bool {
	agreed := t.consents.get(consentKey(u, req)) // nil is never asked
	for _, name := range grantable(req.Scopes, u, req.api) {
		if !slices.Contains(agreed, name) {
			return false
		}
	}
	return agreed != nil
}

// recordConsent remembers that u agrees to what req would be granted.
func (t *Tenant) recordConsent(u *user, req *authRequest) {
	t.consents.update(consentKey(u, req), func(agreed []string) []string {
		all := append(append([]string{}, agreed...), grantable(req.Scopes, u, req.api)...)
		slices.Sort(all)
		return slices.Compact(all)
	})
	t.save()
}

func consentKey(u *user, req *authRequest) string {
	audience := ""
	if req.api != nil {
		audience = req.api.audience
	}
	return u.id + "\n" + req.client.id + "\n" + audience
}
