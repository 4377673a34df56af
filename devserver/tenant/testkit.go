package tenant

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"calling-an-api.example/devserver/tenant/internal/refresh"
)

// This file is for tests of applications: logins without the login page, the events to assert on,
// and a reset. docs/testing.md shows their use.

// StartSession logs the user with that email address or ID in, without the login page, and returns
// the cookie to send to the tenant. If consented, the user also agrees to all scopes of all
// clients, so that no page asks; otherwise the user is asked, whatever was agreed to before.
func (t *Tenant) StartSession(user string, consented bool) (*http.Cookie, error) {
	u, err := t.findUser(user)
	if err != nil {
		return nil, err
	}
	if u.Blocked {
		return nil, fmt.Errorf("the user %q is blocked", user)
	}
	if t.forgetConsents(u); consented {
		t.consents.Put(u.ID, []string{})
	}
	_, value := t.newSession(u)
	t.events.record(nil, Event{Type: EventLogin, User: u.Email, Text: fmt.Sprintf("A test logged %s in", u.Email)})
	return t.cookie(sessionCookie, value, 0), nil
}

// EndSessions logs the user with that email address or ID out everywhere, and ends the user's
// refresh tokens; for "", those of all users. The error says that there is no such user.
func (t *Tenant) EndSessions(user string) error {
	id := ""
	if user != "" {
		u, err := t.findUser(user)
		if err != nil {
			return err
		}
		id = u.ID
	}
	t.endThose(func(userID, _ string) bool { return id == "" || userID == id })
	return nil
}

// endThose ends the sessions, authorization codes and refresh tokens that is reports true of, by their
// user and the session's ID.
func (t *Tenant) endThose(is func(userID, sessionID string) bool) {
	t.codes.TakeThose(func(_ string, g *grant) bool { return is(g.session.user.ID, g.session.id) })
	t.sessions.TakeThose(func(_ string, s *session) bool { return is(s.user.ID, s.id) })
	t.refresh.EndThose(func(f refresh.Family) bool { return is(f.User, f.SessionID) })
	t.save()
	t.events.touch()
}

// RotateKey makes a new signing key. Old ones stay published, at most five keys in total.
func (t *Tenant) RotateKey() error {
	err := t.keys.rotate()
	t.saveNow()
	t.events.touch()
	return err
}

// RevokeKey removes the old signing key with that ID; for "", all old ones. The error says that
// there is no such key, or that it signs new tokens.
func (t *Tenant) RevokeKey(id string) error {
	if !t.keys.revoke(id) && id != "" {
		return errors.New("there is no such key, or it signs new tokens: rotate first")
	}
	t.save()
	t.events.touch()
	return nil
}

// Reset removes what tests and the dashboard have done: added and changed users, sessions,
// refresh tokens, consents, failures, the clock's offset and events. The configuration and the
// signing keys stay.
func (t *Tenant) Reset() {
	t.configuring.Lock()
	t.added, t.changes = nil, nil
	t.directory.Store(t.base)
	t.configuring.Unlock()
	t.sessions.Clear()
	t.consents.Clear()
	t.requests.Clear()
	t.codes.Clear()
	t.spent.Clear()
	t.refresh.EndAll()
	t.failures.clear()
	t.clock.set(0)
	t.events.clear()
	t.save()
}

// Events returns the last 5000 events, the newest first; for a user that is an email address or an
// ID, those of this user. They contain claims but no tokens.
func (t *Tenant) Events(user string) []Event {
	list := t.events.list(maxEvents)
	if user != "" {
		email := t.emailOf(user)
		list = slices.DeleteFunc(list, func(one Event) bool { return email == "" || one.User != email })
	}
	for i := range list {
		list[i].Tokens = slices.Clone(list[i].Tokens)
		for j, token := range list[i].Tokens {
			list[i].Tokens[j].Claims = copied(token.Claims)
		}
	}
	return list
}

// serveEvents is GET /_tenant/events?user=NAME: the events as JSON, without the parameter of all
// users.
func (t *Tenant) serveEvents(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	for name := range query {
		if name != "user" {
			writeError(w, http.StatusBadRequest, "invalid_request", fmt.Sprintf("the events have no filter %.50q, only user: an email address or a user_id", name))
			return
		}
	}
	if query.Has("user") {
		if _, err := t.findUser(query.Get("user")); err != nil {
			writeError(w, http.StatusBadRequest, "invalid_request", err.Error())
			return
		}
	}
	writeJSON(w, http.StatusOK, t.Events(query.Get("user")))
}

// serveSession is POST /_tenant/session: it sets the session's cookie, and answers with it for
// programs that have a browser, but no cookies of its own.
func (t *Tenant) serveSession(w http.ResponseWriter, r *http.Request) {
	asked, err := decodeControl[struct {
		User    string `json:"user"`
		Consent *bool  `json:"consent"` // without, true
	}](r.Body)
	var cookie *http.Cookie
	if err == nil {
		cookie, err = t.StartSession(asked.User, asked.Consent == nil || *asked.Consent)
	}
	if err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	t.forgetSession(r)
	t.save()
	http.SetCookie(w, cookie)
	sameSite := "Lax"
	if cookie.SameSite == http.SameSiteNoneMode {
		sameSite = "None"
	}
	writeJSON(w, http.StatusOK, map[string]any{"done": true, "cookie": map[string]any{ // as Playwright's addCookies has it
		"name": cookie.Name, "value": cookie.Value, "url": t.opts.Issuer, "sameSite": sameSite, "secure": cookie.Secure, "httpOnly": cookie.HttpOnly,
	}})
}
