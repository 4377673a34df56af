package tenant

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// logout ends the session and redirects to returnTo, as Auth0's /v2/logout does. returnTo
// must be a logout URL of the client that client_id names or, without client_id, of
// any client.
func (t *Tenant) logout(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	returnTo, clientID := query.Get("returnTo"), query.Get("client_id")
	w.Header().Set("Cache-Control", "no-store")
	if name := repeated(query); name != "" {
		t.rejectLogout(w, r, message{Title: "The request is malformed", Text: "The parameter " + name + " is included more than once."})
		return
	}
	d := t.directory.Load()
	if clientID != "" && d.Client(clientID) == nil {
		t.rejectLogout(w, r, message{Title: "Unknown client", Text: "This tenant has no client with this client_id."})
		return
	}
	var allowed []string
	for _, app := range d.Clients() {
		if clientID == "" || clientID == app.ID {
			allowed = append(allowed, app.LogoutURLs...)
		}
	}
	if returnTo != "" && !slices.Contains(allowed, returnTo) {
		t.rejectLogout(w, r, mismatch("Logout URL", "returnTo", returnTo, allowed, clientID, "allowed_logout_urls"))
		return
	}
	t.endSession(w, r)
	if returnTo == "" {
		t.showMessage(w, http.StatusOK, "You are logged out", "You can close this page.")
		return
	}
	http.Redirect(w, r, returnTo, http.StatusSeeOther) //nolint:gosec // one of the listed URLs, checked above
}

// oidcLogout ends the session and redirects to post_logout_redirect_uri (OpenID Connect
// RP-Initiated Logout §2), which must be a logout URL of the client that client_id
// names or that the ID token in id_token_hint was issued to. If both are given, they
// must name the same client.
func (t *Tenant) oidcLogout(w http.ResponseWriter, r *http.Request) {
	returnTo, clientID := r.FormValue("post_logout_redirect_uri"), r.FormValue("client_id")
	w.Header().Set("Cache-Control", "no-store")
	if name := repeated(r.Form); name != "" { // FormValue has parsed it
		t.rejectLogout(w, r, message{Title: "The request is malformed", Text: "The parameter " + name + " is included more than once."})
		return
	}
	if hint := r.FormValue("id_token_hint"); hint != "" {
		issuedTo, ok := t.hintedClient(hint)
		if !ok || clientID != "" && clientID != issuedTo {
			t.rejectLogout(w, r, message{Title: "Invalid id_token_hint", Text: "The id_token_hint is not an ID token of this tenant for that client."})
			return
		}
		clientID = issuedTo
	}
	app := t.directory.Load().Client(clientID)
	if returnTo != "" && app == nil {
		t.rejectLogout(w, r, message{Title: "Unknown client", Text: "Neither client_id nor id_token_hint names a client of this tenant."})
		return
	}
	if returnTo != "" && !slices.Contains(app.LogoutURLs, returnTo) {
		t.rejectLogout(w, r, mismatch("Logout URL", "post_logout_redirect_uri", returnTo, app.LogoutURLs, app.ID, "allowed_logout_urls"))
		return
	}
	t.endSession(w, r)
	u, err := url.Parse(returnTo)
	if returnTo == "" || err != nil {
		t.showMessage(w, http.StatusOK, "You are logged out", "You can close this page.")
		return
	}
	if state := r.FormValue("state"); state != "" {
		values := u.Query()
		values.Set("state", state)
		u.RawQuery = values.Encode()
	}
	http.Redirect(w, r, u.String(), http.StatusSeeOther) //nolint:gosec // one of the listed URLs, checked above
}

// rejectLogout shows why a logout is invalid. The user stays logged in.
func (t *Tenant) rejectLogout(w http.ResponseWriter, r *http.Request, m message) {
	s := t.currentSession(r)
	t.events.reject(r.Context(), Event{
		Type: EventLogout, User: emailOf(s.userOrNil()), Client: t.knownClient(r.FormValue("client_id")), Error: "invalid_request",
		Text: "A logout was rejected: " + m.String(),
	})
	t.showPage(w, http.StatusBadRequest, m)
}

// hintedClient returns the client that an ID token was issued to. It may have expired,
// because it is only a hint.
func (t *Tenant) hintedClient(hint string) (clientID string, ok bool) {
	var claims struct {
		Audience oidc.Audience `json:"aud"`
	}
	if !t.verified(hint, &claims) || len(claims.Audience) != 1 {
		return "", false
	}
	return claims.Audience[0], t.directory.Load().Client(claims.Audience[0]) != nil
}
