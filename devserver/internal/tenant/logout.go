package tenant

import (
	"net/http"
	"slices"
)

// logout ends the session and goes to returnTo, as Auth0's /v2/logout does.
// returnTo must be one of the logout URLs of the client that client_id names or,
// without a client_id, of any client.
func (t *Tenant) logout(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	returnTo, clientID := query.Get("returnTo"), query.Get("client_id")
	allowed := false
	for id, app := range t.clients {
		if clientID == "" || clientID == id {
			allowed = allowed || slices.Contains(app.logoutURLs, returnTo)
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	if returnTo != "" && !allowed {
		t.showError(w, http.StatusBadRequest, "Logout URL mismatch",
			"The returnTo is not one of the client's allowed logout URLs. They are "+t.opts.AppOrigin+", with nothing behind it or with /.")
		return
	}
	t.endSession(w, r)
	if returnTo == "" {
		t.showMessage(w, http.StatusOK, "You are logged out", "You can close this page.")
		return
	}
	http.Redirect(w, r, returnTo, http.StatusSeeOther) //nolint:gosec // one of the listed URLs, checked above
}
