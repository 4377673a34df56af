package tenant

import (
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"calling-an-api.example/devserver/internal/directory"
)

// succeed ends a login with an authorization code, or an ID token, for the app.
func (t *Tenant) succeed(w http.ResponseWriter, r *http.Request, req *authRequest, s *session) {
	g := &grant{request: req, session: s, scopes: directory.Grantable(req.Scopes, s.user, req.api)}
	if req.ResponseType == oidc.ResponseTypeIDTokenOnly {
		t.succeedWithIDToken(w, r, g)
		return
	}
	code := rand.Text() + rand.Text()
	t.codes.Put(code, g)
	t.respond(w, r, req, map[string]string{"code": code, "state": req.State})
}

// succeedWithIDToken ends a login with an ID token for the app (OpenID Connect Core §3.2).
func (t *Tenant) succeedWithIDToken(w http.ResponseWriter, r *http.Request, g *grant) {
	id := (&protocol{tenant: t}).idClaims(g)
	token, err := t.keys.sign(typeJWT, id)
	shown, errShown := newIssuedToken("ID token", id)
	if err := errors.Join(err, errShown); err != nil {
		t.opts.Log.Error("the tenant cannot sign a token", "err", err)
		t.fail(w, r, g.request, g.session.user, oidc.ErrServerError().WithDescription("The ID token could not be signed"))
		return
	}
	app, user := g.request.client, g.session.user.Email
	t.events.add(r.Context(), Event{
		Type: EventTokens, User: user, Client: app.ID, Tokens: []IssuedToken{shown}, Text: fmt.Sprintf("%q got an ID token of %s", app.Name, user),
	})
	t.respond(w, r, g.request, map[string]string{"id_token": token, "state": g.request.State})
}

// fail ends a login of u, nil if no user is known, with an error for the app.
func (t *Tenant) fail(w http.ResponseWriter, r *http.Request, req *authRequest, u *directory.User, err *oidc.Error) {
	event := Event{Type: EventLogin, User: emailOf(u), Client: req.client.ID, Error: string(err.ErrorType)}
	if err.ErrorType == oidc.LoginRequired { // the usual result of silent authentication
		event.Text = fmt.Sprintf("%q asked whether a user is logged in: no", req.client.Name)
		if _, err := r.Cookie(t.cookieName(sessionCookie)); err != nil {
			event.Text += ", the browser sent no session"
		}
		t.events.add(r.Context(), event)
	} else {
		t.opts.Log.Warn("login rejected", "error", string(err.ErrorType), "why", err.Description)
		event.Text = fmt.Sprintf("A login to %q ended with %s: %s", req.client.Name, err.ErrorType, err.Description)
		t.events.reject(r.Context(), event)
	}
	t.respond(w, r, req, map[string]string{
		"error": string(err.ErrorType), "error_description": err.Description, "state": req.State,
	})
}

// respond sends params to the app, in the requested response mode. The redirect URI has
// been validated.
func (t *Tenant) respond(w http.ResponseWriter, r *http.Request, req *authRequest, params map[string]string) {
	w.Header().Set("Cache-Control", "no-store")
	if params["state"] == "" {
		delete(params, "state")
	}
	if req.ResponseMode == responseModeWebMessage && strings.HasPrefix(req.RedirectURI, "http") { // check rejects it for others
		t.postMessage(w, r, req, params)
		return
	}
	u, err := url.Parse(req.RedirectURI)
	if err != nil { // impossible: it is one of the client's callbacks
		t.showMessage(w, http.StatusBadRequest, "Callback URL mismatch", "The redirect_uri is not a URL.")
		return
	}
	fields := url.Values{}
	for name, value := range params {
		fields.Set(name, value)
	}
	switch req.ResponseMode {
	case oidc.ResponseModeFormPost:
		nonce := rand.Text()
		w.Header().Set("Content-Security-Policy",
			"default-src 'none'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; script-src 'nonce-"+nonce+"'")
		//nolint:gosec // the template escapes it, and a callback is neither javascript: nor data: (directory.IsURL)
		t.render(w, http.StatusOK, "post.html", map[string]any{"Nonce": nonce, "Action": template.URL(req.RedirectURI), "Fields": params})
		return
	case "":
		if !strings.Contains(string(req.ResponseType), "token") {
			break
		}
		fallthrough // the default of types with tokens (OAuth 2.0 Multiple Response Types §5)
	case oidc.ResponseModeFragment:
		u.Fragment = ""                                                          // a registered URI has none (RFC 6749 §3.1.2)
		http.Redirect(w, r, u.String()+"#"+fields.Encode(), http.StatusSeeOther) //nolint:gosec // one of the client's callbacks
		return
	}
	query := u.Query()
	for name := range fields {
		query.Set(name, fields.Get(name))
	}
	u.RawQuery = query.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther) //nolint:gosec // one of the client's callbacks
}

// postMessage answers with the page that posts params to the window that has opened or
// framed it, or an error if that origin is not one of the client's web origins.
func (t *Tenant) postMessage(w http.ResponseWriter, r *http.Request, req *authRequest, params map[string]string) {
	target := directory.Origin(req.RedirectURI)
	if !slices.Contains(req.client.WebOrigins, target) {
		t.opts.Log.Warn("login rejected", "why", "the page's origin is not one of the client's web_origins", "client", req.client.Name)
		t.events.reject(r.Context(), Event{
			Type: EventLogin, Client: req.client.ID, Error: "unauthorized_client",
			Text: fmt.Sprintf("A login to %q was rejected: the page's origin %s is not allowed", req.client.Name, target),
		})
		// The redirect URI is the client's, so its page may get the error, but not a code.
		params = map[string]string{
			"error": "unauthorized_client", "error_description": fmt.Sprintf("Origin not allowed: add %q to web_origins of the client in the file of TENANT_CONFIG", target), "state": req.State,
		}
	}
	t.renderMessage(w, target, params)
}

// renderMessage answers with the page that posts params to the window that has opened or
// framed it, if its origin is target.
func (t *Tenant) renderMessage(w http.ResponseWriter, target string, params map[string]string) {
	nonce := rand.Text()
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; script-src 'nonce-"+nonce+"'; frame-ancestors "+target)
	t.render(w, http.StatusOK, "message.html", map[string]any{"Nonce": nonce, "Origin": target, "Response": params})
}

// reject answers a request whose redirect URI is not trusted. A redirect would make the
// tenant an open redirector, so it shows a page. A window that waits for a
// web_message gets the error too, if its origin is a web origin of some client;
// otherwise the SDK would wait for a minute.
func (t *Tenant) reject(w http.ResponseWriter, r *http.Request, code string, m message) {
	s := t.currentSession(r)
	t.opts.Log.Warn("login rejected", "error", code, "why", m.Title)
	t.events.reject(r.Context(), Event{Type: EventLogin, User: emailOf(s.userOrNil()), Client: t.knownClient(r.FormValue("client_id")), Error: code, Text: "A login was rejected: " + m.String()})
	target := directory.Origin(r.FormValue("redirect_uri"))
	if oidc.ResponseMode(r.FormValue("response_mode")) == responseModeWebMessage && t.directory.Load().IsWebOrigin(target) {
		t.renderMessage(w, target, map[string]string{"error": code, "error_description": m.String(), "state": r.FormValue("state")})
		return
	}
	t.showPage(w, http.StatusBadRequest, m)
}
