package tenant

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// responseModeWebMessage is Auth0's response mode for silent authentication and
// popups: the answer is a page that posts it to the window that asked.
const responseModeWebMessage oidc.ResponseMode = "web_message"

// responseModes are the ways in which an answer gets to the app.
var responseModes = []string{
	string(oidc.ResponseModeQuery), string(oidc.ResponseModeFragment), string(oidc.ResponseModeFormPost), string(responseModeWebMessage),
}

// authRequest is a login under way: what the app asked for, and by which browser.
type authRequest struct {
	*oidc.AuthRequest
	id      string
	client  *client
	api     *api   // nil if no audience was asked for
	browser string // value of the cookie of the browser that began it

	loggedIn, consented bool // steps that the person took for this request
}

// grant is what an authorization code stands for.
type grant struct {
	request *authRequest
	session *session
	scopes  []string
}

// authorize begins a login (RFC 6749 §4.1.1 with PKCE, RFC 7636, and Auth0's
// audience). Until the redirect URI is known to be the client's, errors are
// shown to the person; from then on they go to the client.
func (t *Tenant) authorize(w http.ResponseWriter, r *http.Request) {
	asked, err := op.ParseAuthorizeRequest(r, t.decoder)
	if err != nil {
		t.showError(w, http.StatusBadRequest, "The request can't be read", "A parameter of /authorize is malformed.")
		return
	}
	app := t.client(asked.ClientID)
	if app == nil {
		t.showError(w, http.StatusBadRequest, "Unknown client",
			"The client_id is not one of this tenant's. The page reads it from AUTH0_CLIENT_ID; unset, the local default fits.")
		return
	}
	req := &authRequest{AuthRequest: asked, id: randomID(), client: app, api: t.api(r.Form.Get("audience"))}
	if err := op.ValidateAuthReqRedirectURI(app, asked.RedirectURI, asked.ResponseType); err != nil {
		t.refuseRedirectURI(w, r, req)
		return
	}
	if err := t.check(req, r.Form.Get("audience")); err != nil {
		t.fail(w, r, req, err)
		return
	}
	t.proceed(w, r, req, t.currentSession(r))
}

// check returns why the client's request can't be served, or nil.
func (t *Tenant) check(req *authRequest, audience string) *oidc.Error {
	var err error
	switch {
	case req.ResponseMode != "" && !slices.Contains(responseModes, string(req.ResponseMode)):
		return oidc.ErrInvalidRequest().WithDescription("response_mode must be one of %s", strings.Join(responseModes, ", "))
	case req.CodeChallenge == "":
		return oidc.ErrInvalidRequest().WithDescription("Parameter 'code_challenge' is required (PKCE)")
	case req.CodeChallengeMethod != oidc.CodeChallengeMethodS256:
		return oidc.ErrInvalidRequest().WithDescription("Parameter 'code_challenge_method' must be S256")
	case req.RequestParam != "":
		return oidc.ErrRequestNotSupported()
	case audience != "" && req.api == nil:
		return oidc.ErrAccessDenied().WithDescription("Service not found: %s", audience)
	}
	if err = op.ValidateAuthReqResponseType(req.client, req.ResponseType); err == nil {
		if req.MaxAge, err = op.ValidateAuthReqPrompt(req.Prompt, req.MaxAge); err == nil {
			req.Scopes, err = op.ValidateAuthReqScopes(req.client, req.Scopes)
		}
	}
	if err != nil {
		return oidc.DefaultToServerError(err, "the request can't be served")
	}
	return nil
}

// proceed takes a login to its next step: the login page, the consent page, or
// back to the app with a code.
func (t *Tenant) proceed(w http.ResponseWriter, r *http.Request, req *authRequest, s *session) {
	prompted := func(prompt string) bool { return slices.Contains(req.Prompt, prompt) }
	silent := prompted(oidc.PromptNone)
	mustLogIn := s == nil || !req.loggedIn &&
		(prompted(oidc.PromptLogin) || prompted(oidc.PromptSelectAccount) || t.tooOld(s, req.MaxAge))
	switch {
	case mustLogIn:
		if silent {
			t.fail(w, r, req, oidc.ErrLoginRequired().WithDescription("Login required"))
			return
		}
		t.interact(w, r, req, "/u/login")
	case !req.consented && (prompted(oidc.PromptConsent) || !t.hasConsented(s.user, req)):
		if silent {
			err := oidc.ErrInteractionRequired().WithDescription("Consent required")
			err.ErrorType = "consent_required" // OpenID Connect Core §3.1.2.6; the library has no name for it
			t.fail(w, r, req, err)
			return
		}
		t.interact(w, r, req, "/u/consent")
	default:
		t.succeed(w, r, req, s)
	}
}

// tooOld reports whether the session's login is further back than max_age, in
// seconds, allows.
func (t *Tenant) tooOld(s *session, maxAge *uint) bool {
	return maxAge != nil && t.opts.Now().Sub(s.loggedIn) > time.Duration(*maxAge)*time.Second //nolint:gosec // a wrong age only asks for a login
}

// interact keeps the request and sends the browser, which alone can go on with
// it, to the page at path.
func (t *Tenant) interact(w http.ResponseWriter, r *http.Request, req *authRequest, path string) {
	if req.browser == "" {
		req.browser = t.browserCookie(w, r)
	}
	t.requests.put(req.id, req)
	http.Redirect(w, r, path+"?state="+req.id, http.StatusSeeOther)
}
