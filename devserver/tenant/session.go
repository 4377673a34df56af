package tenant

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"calling-an-api.example/devserver/internal/directory"
)

const (
	sessionCookie = "local_tenant_session" // a login
	browserCookie = "local_tenant_browser" // binds a login in progress to its browser
	maxSessions   = 10000
)

// session is a user's login at the tenant, in one browser.
type session struct {
	id       string // the claim sid; not the cookie's value
	user     *directory.User
	loggedIn time.Time
}

// userOrNil returns the user of s, nil if s is nil.
func (s *session) userOrNil() *directory.User {
	if s == nil {
		return nil
	}
	return s.user
}

// currentSession returns the session of the browser that sent r, or nil.
func (t *Tenant) currentSession(r *http.Request) *session {
	cookie, err := r.Cookie(t.cookieName(sessionCookie))
	if err != nil {
		return nil
	}
	s := t.sessions.Get(digest(cookie.Value))
	if s == nil {
		return nil
	}
	u := t.directory.Load().UserByID(s.user.ID) // of the current configuration
	if u == nil || u.Blocked {
		return nil
	}
	return &session{id: s.id, user: u, loggedIn: s.loggedIn}
}

// startSession logs u in. The cookie's value is always a new one, so that a cookie that
// an attacker has set does not become the session (session fixation).
func (t *Tenant) startSession(w http.ResponseWriter, r *http.Request, u *directory.User) *session {
	t.forgetSession(r)
	s, value := t.newSession(u)
	t.setCookie(w, sessionCookie, value, 0)
	return s
}

// forgetSession removes the session of the browser that sent r, which another one replaces.
func (t *Tenant) forgetSession(r *http.Request) {
	if cookie, err := r.Cookie(t.cookieName(sessionCookie)); err == nil {
		t.sessions.Take(digest(cookie.Value))
	}
}

// newSession returns a session of u, and the value of its cookie.
func (t *Tenant) newSession(u *directory.User) (s *session, value string) {
	s, value = &session{id: rand.Text(), user: u, loggedIn: t.opts.Now()}, rand.Text()
	t.sessions.Put(digest(value), s)
	t.save()
	return s, value
}

// endSession logs the browser that sent r out.
func (t *Tenant) endSession(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(t.cookieName(sessionCookie)); err == nil {
		if s := t.sessions.Take(digest(cookie.Value)); s != nil {
			t.events.add(r.Context(), Event{Type: EventLogout, User: s.user.Email, Text: s.user.Email + " logged out"})
		}
		t.save()
		t.setCookie(w, sessionCookie, "", -1)
	}
}

// browserCookie returns the value that identifies the browser that sent r, and sets one
// if there is none.
func (t *Tenant) browserCookie(w http.ResponseWriter, r *http.Request) string {
	if cookie, err := r.Cookie(t.cookieName(browserCookie)); err == nil && cookie.Value != "" {
		return cookie.Value
	}
	value := rand.Text()
	t.setCookie(w, browserCookie, value, 0)
	return value
}

// setCookie sets a cookie for the tenant's origin that scripts cannot read. A negative
// maxAge (seconds) deletes it.
func (t *Tenant) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, t.cookie(name, value, maxAge))
}

// cookie returns a cookie. Over https, that of the session is also for frames in pages of other
// sites, as at Auth0: a page on http://localhost is one (RFC 6265bis §5.2), and authenticates
// silently in a frame. Forms are protected by the origin that browsers send with them.
func (t *Tenant) cookie(name, value string, maxAge int) *http.Cookie {
	cookie := &http.Cookie{ //nolint:gosec // Secure follows the issuer's scheme: http on localhost
		Name: t.cookieName(name), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: t.isSecure(),
	}
	if name == sessionCookie && t.isSecure() {
		cookie.SameSite = http.SameSiteNoneMode
	}
	return cookie
}

func (t *Tenant) isSecure() bool { return strings.HasPrefix(t.opts.Issuer, "https:") }

// cookieName returns another name for https: a browser never lets http replace a Secure cookie
// of the same host (RFC 6265bis §5.7), so that nobody could log in after a change to http. With
// the prefix, the cookie is also bound to the host. The name has the port, because cookies do not
// distinguish the tenants of one host.
func (t *Tenant) cookieName(name string) string {
	if t.port != "" {
		name += "_" + t.port
	}
	if t.isSecure() {
		return "__Host-" + name
	}
	return name
}

// hasConsented reports whether u has agreed to all scopes that req would be granted.
func (t *Tenant) hasConsented(u *directory.User, req *authRequest) bool {
	if t.consents.Get(u.ID) != nil {
		return true // to everything
	}
	agreed := t.consents.Get(consentKey(u, req)) // nil if u was never asked
	for _, name := range directory.Grantable(req.Scopes, u, req.api) {
		if !slices.Contains(agreed, name) {
			return false
		}
	}
	return agreed != nil
}

// recordConsent records that u agrees to all scopes that req would be granted.
func (t *Tenant) recordConsent(u *directory.User, req *authRequest) {
	t.consents.Update(consentKey(u, req), func(agreed []string) []string {
		all := append(append([]string{}, agreed...), directory.Grantable(req.Scopes, u, req.api)...)
		slices.Sort(all)
		return slices.Compact(all)
	})
	t.save()
}

// consentKey identifies what a consent is for: a user, a client and an API. The user's ID alone is
// the key of a consent to everything.
func consentKey(u *directory.User, req *authRequest) string {
	audience := ""
	if req.api != nil {
		audience = req.api.Audience
	}
	return u.ID + "\n" + req.client.ID + "\n" + audience
}

// forgetConsents forgets what u has agreed to.
func (t *Tenant) forgetConsents(u *directory.User) {
	t.consents.TakeThose(func(key string, _ []string) bool { return key == u.ID || strings.HasPrefix(key, u.ID+"\n") })
}
