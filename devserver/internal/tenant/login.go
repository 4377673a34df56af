package tenant

import (
	"crypto/subtle"
	"net/http"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// pending returns the login under way that r names by its parameter state. It
// must have been begun by the same browser, so that nobody can have another
// person finish a login of theirs. If there is none, it answers r and returns nil.
func (t *Tenant) pending(w http.ResponseWriter, r *http.Request) *authRequest {
	if err := r.ParseForm(); err != nil {
		t.showMessage(w, http.StatusBadRequest, "The form can't be read", "It is malformed or too large.")
		return nil
	}
	begun := t.requests.get(r.Form.Get("state"))
	cookie, err := r.Cookie(browserCookie)
	if begun == nil || err != nil || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(begun.browser)) != 1 {
		t.showMessage(w, http.StatusBadRequest, "This login is over",
			"It was finished, it expired, the dev server was restarted, or it was begun in another browser. Go back to the app and log in again.")
		return nil
	}
	req := *begun
	app := t.client(begun.client.id) // as the configuration has it now
	if app == nil || !slices.Contains(app.callbacks, req.RedirectURI) || req.api != nil && t.api(req.api.audience) == nil {
		t.showMessage(w, http.StatusBadRequest, "This login is over",
			"The tenant's configuration has changed: it knows the app, its callback URL or its API no more. Go back to the app and log in again.")
		return nil
	}
	req.client = app
	if req.api != nil {
		req.api = t.api(req.api.audience)
	}
	return &req
}

// loginPage is what login.html shows.
type loginPage struct {
	State, App, Username string
	Error                string // of the last attempt
	SignUp               bool
	Users                []User
}

func (t *Tenant) loginPage(req *authRequest) loginPage {
	return loginPage{
		State: req.id, App: req.client.name, Username: req.LoginHint, SignUp: req.signUp, Users: t.directory.Load().testUsers(),
	}
}

func (t *Tenant) showLogin(w http.ResponseWriter, r *http.Request) {
	if req := t.pending(w, r); req != nil {
		t.renderForm(w, http.StatusOK, "login.html", req, t.loginPage(req))
	}
}

// login takes the login form: a user picked from the list, or a user name and a
// password.
func (t *Tenant) login(w http.ResponseWriter, r *http.Request) {
	req := t.pending(w, r)
	if req == nil {
		return
	}
	u := t.userByEmail(r.PostForm.Get("pick"))
	if u == nil {
		u = t.userByEmail(r.PostForm.Get("username"))
		if u == nil || subtle.ConstantTimeCompare([]byte(u.password), []byte(r.PostForm.Get("password"))) != 1 {
			page := t.loginPage(req)
			page.Username = r.PostForm.Get("username")
			page.Error = "Wrong email or password"
			t.events.refused("Wrong email or password for %s", req.client.name)
			t.renderForm(w, http.StatusUnauthorized, "login.html", req, page)
			return
		}
	}
	if t.requests.take(req.id) == nil { // the form was sent twice, and the other came first
		t.showMessage(w, http.StatusBadRequest, "This login is over", "It was finished in another tab.")
		return
	}
	if u.blocked { // the words that Auth0 has for it
		t.fail(w, r, req, &oidc.Error{ErrorType: "unauthorized", Description: "user is blocked"})
		return
	}
	req.loggedIn = true
	s := t.startSession(w, r, u)
	t.events.note("%s logged in to %s", u.email, req.client.name)
	t.proceed(w, r, req, s)
}

// consentPage is what consent.html shows.
type consentPage struct {
	State, App, API, User string
	Session               string   // whose page this is: another person may log in meanwhile
	Scopes                []string // in words
}

func (t *Tenant) showConsent(w http.ResponseWriter, r *http.Request) {
	req := t.pending(w, r)
	if req == nil {
		return
	}
	s := t.currentSession(r)
	if s == nil {
		http.Redirect(w, r, "/u/login?state="+req.id, http.StatusSeeOther)
		return
	}
	page := consentPage{State: req.id, App: req.client.name, User: s.user.email, Session: s.id}
	known := slices.Clone(identityScopes)
	if req.api != nil {
		page.API = req.api.name
		known = append(known, req.api.scopes...)
	}
	granted := grantable(req.Scopes, s.user, req.api)
	for _, scope := range known {
		if slices.Contains(granted, scope.name) {
			page.Scopes = append(page.Scopes, scope.words)
		}
	}
	t.renderForm(w, http.StatusOK, "consent.html", req, page)
}

// consent takes the consent form: accepted or declined.
func (t *Tenant) consent(w http.ResponseWriter, r *http.Request) {
	req := t.pending(w, r)
	if req == nil {
		return
	}
	s := t.currentSession(r)
	if s == nil {
		http.Redirect(w, r, "/u/login?state="+req.id, http.StatusSeeOther)
		return
	}
	if r.PostForm.Get("session") != s.id {
		http.Redirect(w, r, "/u/consent?state="+req.id, http.StatusSeeOther)
		return
	}
	if t.requests.take(req.id) == nil {
		t.showMessage(w, http.StatusBadRequest, "This login is over", "It was finished in another tab.")
		return
	}
	if r.PostForm.Get("action") != "accept" {
		t.fail(w, r, req, oidc.ErrAccessDenied().WithDescription("User did not authorize the request"))
		return
	}
	t.recordConsent(s.user, req)
	t.events.note("%s agreed to what %s asks", s.user.email, req.client.name)
	req.consented = true
	t.proceed(w, r, req, s)
}
