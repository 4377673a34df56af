package tenant

import (
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"github.com/zitadel/schema"
)

// responseModeWebMessage is Auth0's response mode for silent authentication and
// popups: the answer is a page that posts it to the window that asked.
const responseModeWebMessage oidc.ResponseMode = "web_message"

// responseModes are the ways in which an answer gets to the app.
var responseModes = []string{
	string(oidc.ResponseModeQuery), string(oidc.ResponseModeFragment), string(oidc.ResponseModeFormPost), string(responseModeWebMessage),
}

// organizationName is what Auth0 calls organizations: an ID, "org_" and 16 letters
// and digits, or a name.
var organizationName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$`)

// maxAuthorize is the most that a login may ask with, in bytes: it is kept until the
// login is over.
const maxAuthorize = 8 << 10

// authRequest is a login under way: what the app asked for, and by which browser.
type authRequest struct {
	*oidc.AuthRequest
	id      string
	client  *client
	api     *api   // nil if no audience was asked for
	browser string // value of the cookie of the browser that began it

	organization        string // asked for, and echoed in the tokens
	signUp              bool   // the app would rather have the person sign up
	loggedIn, consented bool   // steps that the person took for this request
}

// organizationClaim returns the claim that says for which organization the login
// is, as Auth0's tokens do and its SDK checks; "" is none.
func (r *authRequest) organizationClaim() (name, value string) {
	switch {
	case r.organization == "":
		return "", ""
	case strings.HasPrefix(r.organization, "org_"):
		return "org_id", r.organization
	}
	return "org_name", strings.ToLower(r.organization)
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
		t.refuse(w, r, "invalid_request", "The request can't be read", "Malformed: "+malformed(err)+".")
		return
	}
	if len(r.Form.Encode()) > maxAuthorize {
		t.refuse(w, r, "invalid_request", "The request is too large", "Its parameters are more than 8 KiB.")
		return
	}
	app := t.client(asked.ClientID)
	if app == nil {
		t.refuse(w, r, "unauthorized_client", "Unknown client",
			"The client_id is not one of this tenant's. The page reads it from AUTH0_CLIENT_ID; unset, the local default fits.")
		return
	}
	if err := op.ValidateAuthReqRedirectURI(app, asked.RedirectURI, asked.ResponseType); err != nil {
		t.refuse(w, r, "invalid_request", "Callback URL mismatch", "The redirect_uri is not one of the client's allowed callback URLs. "+listed(app.callbacks))
		return
	}
	req := &authRequest{
		AuthRequest: asked, id: randomID(), client: app, api: t.api(r.Form.Get("audience")),
		organization: r.Form.Get("organization"), signUp: r.Form.Get("screen_hint") == "signup",
	}
	if err := t.check(req, r.Form.Get("audience")); err != nil {
		t.fail(w, r, req, err)
		return
	}
	t.proceed(w, r, req, t.currentSession(r))
}

// malformed names the parameters that can't be read.
func malformed(err error) string {
	var wrong schema.MultiError
	if !errors.As(err, &wrong) {
		return "the form"
	}
	return strings.Join(slices.Sorted(maps.Keys(wrong)), ", ")
}

// listed says in a sentence what is allowed.
func listed(urls []string) string {
	if len(urls) == 0 {
		return "It has none."
	}
	return "They are: " + strings.Join(urls, ", ")
}

// check returns why the client's request can't be served, or nil.
func (t *Tenant) check(req *authRequest, audience string) *oidc.Error {
	var err error
	switch {
	case req.ResponseMode != "" && !slices.Contains(responseModes, string(req.ResponseMode)):
		return oidc.ErrInvalidRequest().WithDescription("response_mode must be one of %s", strings.Join(responseModes, ", "))
	case !slices.Contains(req.client.grants, oidc.GrantTypeCode):
		return oidc.ErrUnauthorizedClient().WithDescription("Grant type 'authorization_code' not allowed for the client.")
	case req.CodeChallenge == "":
		return oidc.ErrInvalidRequest().WithDescription("Parameter 'code_challenge' is required (PKCE)")
	case req.CodeChallengeMethod != oidc.CodeChallengeMethodS256:
		return oidc.ErrInvalidRequest().WithDescription("Parameter 'code_challenge_method' must be S256")
	case req.RequestParam != "":
		return oidc.ErrRequestNotSupported()
	case req.organization != "" && !organizationName.MatchString(req.organization):
		return oidc.ErrInvalidRequest().WithDescription("parameter organization is invalid")
	case audience != "" && req.api == nil:
		return oidc.ErrAccessDenied().WithDescription("Service not found: %.200s", audience)
	}
	if err = op.ValidateAuthReqResponseType(req.client, req.ResponseType); err == nil {
		if req.MaxAge, err = op.ValidateAuthReqPrompt(req.Prompt, req.MaxAge); err == nil {
			req.Scopes, err = op.ValidateAuthReqScopes(req.client, req.Scopes)
			if !slices.Contains(req.client.grants, oidc.GrantTypeRefreshToken) { // it could not use one
				req.Scopes = slices.DeleteFunc(req.Scopes, func(name string) bool { return name == oidc.ScopeOfflineAccess })
			}
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
	return maxAge != nil && t.opts.Now().Sub(s.loggedIn).Seconds() > float64(*maxAge)
}

// interact keeps the request and sends the browser, which alone can go on with
// it, to the page at path.
func (t *Tenant) interact(w http.ResponseWriter, r *http.Request, req *authRequest, path string) {
	if req.browser == "" {
		req.browser = t.browserCookie(w, r)
	}
	t.requests.put(req.id, req)
	http.Redirect(w, r, path+"?state="+req.id, http.StatusSeeOther) //nolint:gosec // a page of ours
}
