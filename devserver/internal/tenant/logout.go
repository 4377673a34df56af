package tenant

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// logout ends the session and goes to returnTo, as Auth0's /v2/logout does.
// returnTo must be one of the logout URLs of the client that client_id names or,
// without a client_id, of any client.
func (t *Tenant) logout(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	returnTo, clientID := query.Get("returnTo"), query.Get("client_id")
	w.Header().Set("Cache-Control", "no-store")
	if clientID != "" && t.client(clientID) == nil {
		t.showMessage(w, http.StatusBadRequest, "Unknown client", "The client_id is not one of this tenant's.")
		return
	}
	var allowed []string
	for id, app := range t.directory.Load().clients {
		if clientID == "" || clientID == id {
			allowed = append(allowed, app.logoutURLs...)
		}
	}
	if returnTo != "" && !slices.Contains(allowed, returnTo) {
		t.showMessage(w, http.StatusBadRequest, "Logout URL mismatch", "The returnTo is not one of the allowed logout URLs. "+listed(allowed))
		return
	}
	t.endSession(w, r)
	if returnTo == "" {
		t.showMessage(w, http.StatusOK, "You are logged out", "You can close this page.")
		return
	}
	http.Redirect(w, r, returnTo, http.StatusSeeOther) //nolint:gosec // one of the listed URLs, checked above
}

// oidcLogout ends the session and goes to post_logout_redirect_uri (OpenID Connect
// RP-Initiated Logout §2). That must be one of the logout URLs of the client that
// client_id names or that the ID token in id_token_hint is for; both must agree.
func (t *Tenant) oidcLogout(w http.ResponseWriter, r *http.Request) {
	returnTo, clientID := r.FormValue("post_logout_redirect_uri"), r.FormValue("client_id")
	w.Header().Set("Cache-Control", "no-store")
	if hint := r.FormValue("id_token_hint"); hint != "" {
		issuedTo, ok := t.hintedClient(hint)
		if !ok || clientID != "" && clientID != issuedTo {
			t.showMessage(w, http.StatusBadRequest, "Who is to be logged out?",
				"The id_token_hint is no ID token of this tenant's for that client.")
			return
		}
		clientID = issuedTo
	}
	app := t.client(clientID)
	if returnTo != "" && app == nil {
		t.showMessage(w, http.StatusBadRequest, "Unknown client", "Neither client_id nor id_token_hint names one of this tenant's clients.")
		return
	}
	if returnTo != "" && !slices.Contains(app.logoutURLs, returnTo) {
		t.showMessage(w, http.StatusBadRequest, "Logout URL mismatch",
			"The post_logout_redirect_uri is not one of the client's allowed logout URLs. "+listed(app.logoutURLs))
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

// hintedClient returns the client that an ID token of ours was issued to. It may
// have expired: it only says who asks.
func (t *Tenant) hintedClient(hint string) (clientID string, ok bool) {
	var claims struct {
		Audience oidc.Audience `json:"aud"`
	}
	if !t.verified(hint, &claims) || len(claims.Audience) != 1 {
		return "", false
	}
	return claims.Audience[0], t.client(claims.Audience[0]) != nil
}
