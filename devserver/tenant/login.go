package tenant

import (
	"crypto/subtle"
	"net/http"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"calling-an-api.example/devserver/internal/directory"
)

// pending returns the login in progress that r's parameter state names, with the
// current configuration's client and API. It must belong to the same browser, which
// prevents login CSRF. Otherwise it writes an error page and returns nil.
func (t *Tenant) pending(w http.ResponseWriter, r *http.Request) *authRequest {
	if err := r.ParseForm(); err != nil {
		t.showMessage(w, http.StatusBadRequest, "The form is invalid", "It is malformed or too large.")
		return nil
	}
	begun := t.requests.Get(r.Form.Get("state"))
	if begun == nil && t.currentSession(r) != nil { // the browser's back button leads here, in WebKit to the form as it was
		t.showMessage(w, http.StatusOK, "You are logged in", "This login is complete. Go back to the app. To log in as another user, log out there first.")
		return nil
	}
	cookie, err := r.Cookie(t.cookieName(browserCookie))
	isOther := begun != nil && (err != nil || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(begun.browser)) != 1)
	if isOther {
		t.events.reject(r.Context(), Event{
			Type: EventLogin, Client: begun.client.ID, Text: "A login was rejected: the browser has not sent the cookie with which it was started",
		})
	}
	if begun == nil || isOther {
		t.showMessage(w, http.StatusBadRequest, "This login has ended",
			"It is complete or has expired, the dev server was restarted, or it was started in another browser. Go back to the app and log in again.")
		return nil
	}
	req := *begun
	d := t.directory.Load()
	app := d.Client(begun.client.ID)
	if app == nil || !slices.Contains(app.Callbacks, req.RedirectURI) || req.api != nil && d.API(req.api.Audience) == nil {
		t.showMessage(w, http.StatusBadRequest, "This login has ended",
			"The tenant's configuration has changed: the app, its callback URL or its API was removed. Go back to the app and log in again.")
		return nil
	}
	req.client = app
	if req.api != nil {
		req.api = d.API(req.api.Audience)
	}
	return &req
}

// loginPage is what login.html shows.
type loginPage struct {
	State, App, Username string
	Error                string // of the last attempt
	IsUnknown            bool   // no user has that name
	SignUp               bool
	Users                []User // of the configuration; those of tests would be too many
}

func (t *Tenant) loginPage(req *authRequest) loginPage {
	configured, _ := t.userLists()
	return loginPage{
		State: req.id, App: req.client.Name, Username: req.LoginHint, SignUp: req.signUp, Users: configured,
	}
}

// showLogin serves the login form of a login in progress.
func (t *Tenant) showLogin(w http.ResponseWriter, r *http.Request) {
	if req := t.pending(w, r); req != nil {
		t.renderForm(w, http.StatusOK, "login.html", t.loginPage(req))
	}
}

// login handles the login form: a user picked from the list, or an email address and a
// password.
func (t *Tenant) login(w http.ResponseWriter, r *http.Request) {
	req := t.pending(w, r)
	if req == nil {
		return
	}
	d := t.directory.Load()
	u := d.UserByEmail(r.PostForm.Get("pick"))
	if u == nil {
		named := d.UsersByName(r.PostForm.Get("username"))
		if u = withPassword(named, r.PostForm.Get("password")); u == nil {
			page := t.loginPage(req)
			page.Username, page.IsUnknown = r.PostForm.Get("username"), len(named) == 0
			page.Error = "Wrong email or password"
			if len(named) == 1 {
				u = named[0]
			}
			t.events.reject(r.Context(), Event{Type: EventLogin, User: emailOf(u), Client: req.client.ID, Text: "Wrong email or password for " + req.client.Name})
			t.renderForm(w, http.StatusUnauthorized, "login.html", page)
			return
		}
	}
	if t.requests.Take(req.id) == nil { // the form was sent twice
		t.showMessage(w, http.StatusBadRequest, "This login has ended", "It was completed in another tab.")
		return
	}
	if u.Blocked { // Auth0's error and description
		t.fail(w, r, req, u, &oidc.Error{ErrorType: "unauthorized", Description: "user is blocked"})
		return
	}
	req.loggedIn = true
	s := t.startSession(w, r, u)
	t.events.add(r.Context(), Event{Type: EventLogin, User: u.Email, Client: req.client.ID, Text: u.Email + " logged in to " + req.client.Name})
	t.proceed(w, r, req, s)
}

// withPassword returns the user with that password, or nil.
func withPassword(users []*directory.User, password string) *directory.User {
	for _, u := range users {
		if subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) == 1 {
			return u
		}
	}
	return nil
}

// consentPage is what consent.html shows.
type consentPage struct {
	State, App, API, User string
	Audience              string   // identifier of API
	Session               string   // of the user who sees the page; another one may log in meanwhile
	Scopes                []string // their descriptions
}

// pendingConsent returns the login in progress, as [Tenant.pending] does, and the session
// of the user who is asked. Without a session, it redirects to the login and returns nil.
func (t *Tenant) pendingConsent(w http.ResponseWriter, r *http.Request) (*authRequest, *session) {
	req := t.pending(w, r)
	if req == nil {
		return nil, nil
	}
	s := t.currentSession(r)
	if s == nil {
		http.Redirect(w, r, "/u/login?state="+req.id, http.StatusSeeOther)
		return nil, nil
	}
	return req, s
}

// showConsent serves the consent form. It lists only scopes that the user can grant.
func (t *Tenant) showConsent(w http.ResponseWriter, r *http.Request) {
	req, s := t.pendingConsent(w, r)
	if req == nil {
		return
	}
	page := consentPage{State: req.id, App: req.client.Name, User: s.user.Email, Session: s.id}
	known := slices.Clone(directory.IdentityScopes)
	if req.api != nil {
		page.API, page.Audience = req.api.Name, req.api.Audience
		known = append(known, req.api.Scopes...)
	}
	granted := directory.Grantable(req.Scopes, s.user, req.api)
	for _, scope := range known {
		if slices.Contains(granted, scope.Name) {
			page.Scopes = append(page.Scopes, scope.Description)
		}
	}
	t.renderForm(w, http.StatusOK, "consent.html", page)
}

// consent handles the consent form: accepted or declined.
func (t *Tenant) consent(w http.ResponseWriter, r *http.Request) {
	req, s := t.pendingConsent(w, r)
	if req == nil {
		return
	}
	if r.PostForm.Get("session") != s.id {
		http.Redirect(w, r, "/u/consent?state="+req.id, http.StatusSeeOther)
		return
	}
	if t.requests.Take(req.id) == nil {
		t.showMessage(w, http.StatusBadRequest, "This login has ended", "It was completed in another tab.")
		return
	}
	if r.PostForm.Get("action") != "accept" {
		t.fail(w, r, req, s.user, oidc.ErrAccessDenied().WithDescription("User did not authorize the request"))
		return
	}
	t.recordConsent(s.user, req)
	t.events.add(r.Context(), Event{
		Type: EventConsent, User: s.user.Email, Client: req.client.ID, Text: s.user.Email + " agreed to the scopes of " + req.client.Name,
	})
	req.consented = true
	t.proceed(w, r, req, s)
}
