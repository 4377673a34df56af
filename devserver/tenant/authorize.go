package tenant

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"github.com/zitadel/schema"

	"calling-an-api.example/devserver/internal/directory"
)

// responseModeWebMessage is Auth0's response mode for silent authentication and popups:
// the response is a page that posts it to the window that has opened or framed it.
const responseModeWebMessage oidc.ResponseMode = "web_message"

// maxAuthorize is the maximum size of the parameters, in bytes. They are kept until the
// login ends.
const maxAuthorize = 8 << 10

// authRequest is a login in progress: what the app has requested, in which browser.
type authRequest struct {
	*oidc.AuthRequest
	id      string
	client  *directory.Client
	api     *directory.API // nil if no audience was requested
	browser string         // value of the cookie of the browser that started it

	thumbprint          string // of the key that the code is bound to (RFC 9449 §10); "" for none
	organization        string // requested, and echoed in the tokens
	signUp              bool   // the app requested the sign-up page
	hasMaxAge           bool   // the app requested max_age, so the ID token has auth_time
	loggedIn, consented bool   // steps that the user has taken for this request
}

// organizationClaim returns the claim for the requested organization, which Auth0's SDK
// checks, or "" if there is none.
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
	request    *authRequest
	session    *session
	scopes     []string
	thumbprint string // of the key that the tokens are bound to; "" for bearer tokens
}

// authorize starts a login (RFC 6749 §4.1.1 with PKCE, RFC 7636, and Auth0's audience).
// Before the redirect URI is validated, errors are shown to the user; afterwards they
// are sent to the client.
func (t *Tenant) authorize(w http.ResponseWriter, r *http.Request) {
	requested, err := op.ParseAuthorizeRequest(r, t.decoder)
	if err != nil {
		t.reject(w, r, "invalid_request", message{Title: "The request is malformed", Text: "Malformed: " + malformed(err) + "."})
		return
	}
	if name := repeated(r.Form); name != "" {
		t.reject(w, r, "invalid_request", message{Title: "The request is malformed", Text: "The parameter " + name + " is included more than once."})
		return
	}
	if len(r.Form.Encode()) > maxAuthorize {
		t.reject(w, r, "invalid_request", message{Title: "The request is too large", Text: "Its parameters are more than 8 KiB."})
		return
	}
	dropEmpty(r.Form)
	if r.Form.Get("audience") == t.opts.Issuer+"userinfo" { // Auth0's way to ask for none
		r.Form.Del("audience")
	}
	d := t.directory.Load()
	app := d.Client(requested.ClientID)
	if app == nil {
		t.reject(w, r, "unauthorized_client", message{
			Title: "Unknown client",
			Text:  "This tenant has no client with this client_id. The page takes it from AUTH0_CLIENT_ID; leave it unset for the local default.",
		})
		return
	}
	switch {
	case slices.Contains(app.Callbacks, requested.RedirectURI): // exactly (RFC 9700 §2.1)
	case r.Form.Has("request_uri"):
		t.reject(w, r, "request_uri_not_supported", message{Title: "The request is not supported", Text: descriptionRequestURI})
		return
	default:
		t.reject(w, r, "invalid_request", mismatch("Callback URL", "redirect_uri", requested.RedirectURI, app.Callbacks, app.ID, "callbacks"))
		return
	}
	req := &authRequest{
		AuthRequest: requested, id: rand.Text(), client: app, api: d.API(requestedAudience(r.Form)),
		organization: r.Form.Get("organization"), signUp: r.Form.Get("screen_hint") == "signup" || slices.Contains(requested.Prompt, promptCreate),
		thumbprint: r.Form.Get("dpop_jkt"), hasMaxAge: r.Form.Has("max_age"),
	}
	s := t.currentSession(r)
	if t.failLogin(w, r, req, s) {
		return
	}
	if err := t.check(req, r.Form); err != nil {
		t.fail(w, r, req, s.userOrNil(), err)
		return
	}
	if ignored := slices.DeleteFunc(slices.Clone(ignoredParameters), func(name string) bool { return !r.Form.Has(name) }); len(ignored) > 0 {
		t.events.add(r.Context(), Event{
			Type: EventLogin, Client: app.ID, Text: fmt.Sprintf("%q sent what the local tenant ignores: %s", app.Name, strings.Join(ignored, ", ")),
		})
	}
	t.proceed(w, r, req, s)
}

// pathAuthorize is the path where logins begin.
const pathAuthorize = "/authorize"

// requestedAudience returns the API that a login is for: Auth0's audience or, without one, resource
// (RFC 8707), as with Auth0's profile for that.
func requestedAudience(form url.Values) string {
	return cmp.Or(form.Get("audience"), form.Get("resource"))
}

// malformed lists the malformed parameters.
func malformed(err error) string {
	var wrong schema.MultiError
	if !errors.As(err, &wrong) {
		return "the form"
	}
	return strings.Join(slices.Sorted(maps.Keys(wrong)), ", ")
}

// repeated returns the name of a parameter that is included more than once, which RFC 6749 §3.1
// and §3.2 forbid; "" if there is none.
func repeated(form url.Values) string {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if len(form[name]) > 1 {
			return name
		}
	}
	return ""
}

// proceed goes to the next step of a login: the login page, the consent page, or back to
// the app with a code.
func (t *Tenant) proceed(w http.ResponseWriter, r *http.Request, req *authRequest, s *session) {
	prompted := func(prompt string) bool { return slices.Contains(req.Prompt, prompt) }
	silent := prompted(oidc.PromptNone)
	mustLogIn := s == nil || !req.loggedIn &&
		(prompted(oidc.PromptLogin) || prompted(oidc.PromptSelectAccount) || t.tooOld(s, req.MaxAge))
	switch {
	case mustLogIn:
		if silent {
			t.fail(w, r, req, s.userOrNil(), oidc.ErrLoginRequired().WithDescription("Login required"))
			return
		}
		t.interact(w, r, req, "/u/login")
	case !req.consented && (prompted(oidc.PromptConsent) || !t.hasConsented(s.user, req)):
		if silent {
			err := oidc.ErrInteractionRequired().WithDescription("Consent required")
			err.ErrorType = "consent_required" // OpenID Connect Core §3.1.2.6; the library has no constant for it
			t.fail(w, r, req, s.user, err)
			return
		}
		t.interact(w, r, req, "/u/consent")
	default:
		t.succeed(w, r, req, s)
	}
}

// tooOld reports whether the session's login is older than max_age, in seconds.
func (t *Tenant) tooOld(s *session, maxAge *uint) bool {
	return maxAge != nil && t.opts.Now().Sub(s.loggedIn).Seconds() > float64(*maxAge)
}

// interact stores the request, binds it to the browser, and redirects to the page at
// path.
func (t *Tenant) interact(w http.ResponseWriter, r *http.Request, req *authRequest, path string) {
	if req.browser == "" {
		req.browser = t.browserCookie(w, r)
	}
	t.requests.Put(req.id, req)
	http.Redirect(w, r, path+"?state="+req.id, http.StatusSeeOther) //nolint:gosec // one of our own pages
}
