package tenant

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// succeed ends a login: the app gets an authorization code.
func (t *Tenant) succeed(w http.ResponseWriter, r *http.Request, req *authRequest, s *session) {
	code := randomID() + randomID()
	t.codes.put(code, &grant{request: req, session: s, scopes: grantable(req.Scopes, s.user, req.api)})
	t.respond(w, r, req, map[string]string{"code": code, "state": req.State})
}

// fail ends a login with an error for the app.
func (t *Tenant) fail(w http.ResponseWriter, r *http.Request, req *authRequest, err *oidc.Error) {
	if err.ErrorType == oidc.LoginRequired { // the everyday answer to a silent question
		t.events.note("%s asked whether somebody is logged in: no", req.client.name)
	} else {
		t.opts.Log.Warn("login refused", "error", string(err.ErrorType), "why", err.Description)
		t.events.refused("A login to %s ended with %s: %s", req.client.name, err.ErrorType, err.Description)
	}
	t.respond(w, r, req, map[string]string{
		"error": string(err.ErrorType), "error_description": err.Description, "state": req.State,
	})
}

// respond hands params to the app, in the response mode that it asked for. The
// redirect URI was checked before.
func (t *Tenant) respond(w http.ResponseWriter, r *http.Request, req *authRequest, params map[string]string) {
	w.Header().Set("Cache-Control", "no-store")
	if params["state"] == "" {
		delete(params, "state")
	}
	if req.ResponseMode == responseModeWebMessage {
		t.postMessage(w, req, params)
		return
	}
	u, err := url.Parse(req.RedirectURI)
	if err != nil { // can't be: it is one of the client's callbacks
		t.showMessage(w, http.StatusBadRequest, "Callback URL mismatch", "The redirect_uri is no URL.")
		return
	}
	fields := url.Values{}
	for name, value := range params {
		fields.Set(name, value)
	}
	switch req.ResponseMode {
	case oidc.ResponseModeFormPost:
		nonce := randomID()
		w.Header().Set("Content-Security-Policy",
			"default-src 'none'; base-uri 'none'; frame-ancestors 'none'; script-src 'nonce-"+nonce+"'; form-action "+origin(req.RedirectURI))
		t.render(w, http.StatusOK, "post.html", map[string]any{"Nonce": nonce, "Action": req.RedirectURI, "Fields": params})
		return
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

// postMessage answers with the page that posts params to the window that opened
// or frames it, or an error if its origin is none that the client may be used from.
func (t *Tenant) postMessage(w http.ResponseWriter, req *authRequest, params map[string]string) {
	target := origin(req.RedirectURI)
	if !slices.Contains(req.client.webOrigins, target) {
		t.opts.Log.Warn("login refused", "why", "the page's origin is none of the client's web_origins", "client", req.client.name)
		t.events.refused("A login to %s was refused: the page's origin %s is not allowed", req.client.name, target)
		// The redirect URI is the client's, so its page may hear of an error; never of a code.
		params = map[string]string{
			"error": "unauthorized_client", "error_description": "Origin not allowed: it is none of the client's allowed web origins", "state": req.State,
		}
	}
	t.renderMessage(w, target, params)
}

// renderMessage answers with the page that posts params to the window that opened
// or frames it, if that is of the origin target.
func (t *Tenant) renderMessage(w http.ResponseWriter, target string, params map[string]string) {
	nonce := randomID()
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; script-src 'nonce-"+nonce+"'; frame-ancestors "+target)
	t.render(w, http.StatusOK, "message.html", map[string]any{"Nonce": nonce, "Origin": target, "Response": params})
}

// refuse answers a request that has no redirect URI to be trusted. To send anything
// there would make the tenant an open redirector, so the person is told. A window
// that waits for a web_message is told as well, if its origin is one that some
// client may be used from: the SDK would wait a minute for an answer otherwise.
func (t *Tenant) refuse(w http.ResponseWriter, r *http.Request, code, title, text string) {
	t.opts.Log.Warn("login refused", "error", code, "why", title)
	t.events.refused("A login was refused: %s", title)
	target := origin(r.FormValue("redirect_uri"))
	if oidc.ResponseMode(r.FormValue("response_mode")) == responseModeWebMessage && t.knowsOrigin(target) {
		t.renderMessage(w, target, map[string]string{"error": code, "error_description": title + ". " + text, "state": r.FormValue("state")})
		return
	}
	t.showMessage(w, http.StatusBadRequest, title, text)
}
