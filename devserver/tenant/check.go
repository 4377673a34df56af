package tenant

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"calling-an-api.example/devserver/internal/directory"
)

// responseModes are the supported response modes.
var responseModes = []string{
	string(oidc.ResponseModeQuery), string(oidc.ResponseModeFragment), string(oidc.ResponseModeFormPost), string(responseModeWebMessage),
}

// promptCreate asks for the sign-up page (OpenID Connect Prompt Create §4).
const promptCreate = "create"

// prompts are the supported values of prompt.
var prompts = []string{oidc.PromptNone, oidc.PromptLogin, oidc.PromptConsent, oidc.PromptSelectAccount, promptCreate}

// ignoredParameters are those of Auth0 and OpenID Connect Core §3.1.2.1 that have no effect here.
var ignoredParameters = []string{
	"acr_values", "claims", "claims_locales", "connection", "connection_scope", "display", "id_token_hint", "registration", "ui_locales",
}

// organizationName matches what Auth0 accepts as the ID or name of an organization.
var organizationName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$`)

const descriptionRequestURI = "request_uri is not supported; send the parameters themselves"

// check returns why the client's request is invalid, or nil. It also normalizes the
// request's scopes and max_age.
func (t *Tenant) check(req *authRequest, form url.Values) *oidc.Error {
	if err := checkType(req); err != nil {
		return err
	}
	audience, isPublic := requestedAudience(form), req.client.IsPublic()
	isCode := req.ResponseType == oidc.ResponseTypeCode
	unknownPrompt := slices.IndexFunc(req.Prompt, func(name string) bool { return !slices.Contains(prompts, name) })
	switch {
	case form.Has("request_uri"):
		return &oidc.Error{ErrorType: "request_uri_not_supported", Description: descriptionRequestURI}
	case req.RequestParam != "":
		return oidc.ErrRequestNotSupported().WithDescription("request objects are not supported; send the parameters themselves")
	case form.Has("invitation"):
		return oidc.ErrInvalidRequest().WithDescription("invitations to organizations are not supported by the local tenant")
	case form.Has("authorization_details"): // RFC 9396
		return oidc.ErrInvalidRequest().WithDescription("authorization_details are not supported by the local tenant")
	case isCode && req.CodeChallenge == "" && (isPublic || req.client.RequirePKCE):
		return oidc.ErrInvalidRequest().WithDescription("Parameter 'code_challenge' is required (PKCE)")
	case req.CodeChallenge != "" && req.CodeChallengeMethod != oidc.CodeChallengeMethodS256:
		return oidc.ErrInvalidRequest().WithDescription("Parameter 'code_challenge_method' must be S256")
	case req.CodeChallenge != "" && !isDigest(req.CodeChallenge):
		return oidc.ErrInvalidRequest().WithDescription("Parameter 'code_challenge' must be the SHA-256 digest of the verifier, 43 characters of base64url")
	case req.thumbprint != "" && !isDigest(req.thumbprint):
		return oidc.ErrInvalidRequest().WithDescription("dpop_jkt must be the SHA-256 thumbprint of a key, 43 characters of base64url")
	case unknownPrompt >= 0:
		return oidc.ErrInvalidRequest().WithDescription("prompt must be one of %s", strings.Join(prompts, ", "))
	case req.organization != "" && !organizationName.MatchString(req.organization):
		return oidc.ErrInvalidRequest().WithDescription("parameter organization is invalid")
	case form.Has("resource") && form.Get("resource") != audience:
		err := oidc.ErrInvalidRequest().WithDescription("resource and audience are not the same API")
		setType(&err.ErrorType, "invalid_target") // RFC 8707 §2
		return err
	case req.ResponseMode == responseModeWebMessage && !strings.HasPrefix(req.RedirectURI, "http"):
		return oidc.ErrInvalidRequest().WithDescription("response_mode web_message needs a callback with http or https")
	case audience != "" && req.api == nil:
		return oidc.ErrAccessDenied().WithDescription("Service not found: %.200s", audience)
	}
	if err := req.normalize(); err != nil {
		return oidc.DefaultToServerError(err, "the request is invalid")
	}
	return nil
}

// checkType returns why the response type or mode is invalid for the client, or nil.
func checkType(req *authRequest) *oidc.Error {
	isCode := req.ResponseType == oidc.ResponseTypeCode
	switch {
	case req.ResponseType == "":
		return oidc.ErrInvalidRequest().WithDescription("Missing required parameter: response_type")
	case !isCode && req.ResponseType != oidc.ResponseTypeIDTokenOnly:
		err := oidc.ErrInvalidRequest().WithDescription("response_type must be code or, with response_mode form_post, id_token")
		setType(&err.ErrorType, "unsupported_response_type") // RFC 6749 §4.1.2.1; the library has no constant for it
		return err
	case req.ResponseMode != "" && !slices.Contains(responseModes, string(req.ResponseMode)):
		return oidc.ErrInvalidRequest().WithDescription("response_mode must be one of %s", strings.Join(responseModes, ", "))
	case isCode && !req.client.MayUse(directory.GrantCode):
		return oidc.ErrUnauthorizedClient().WithDescription("Grant type 'authorization_code' not allowed for the client.")
	case isCode:
		return nil
	case !req.client.MayUse(directory.GrantImplicit):
		return oidc.ErrUnauthorizedClient().WithDescription("Grant type 'implicit' not allowed for the client.")
	case req.ResponseMode != oidc.ResponseModeFormPost:
		return oidc.ErrInvalidRequest().WithDescription("response_type id_token needs response_mode form_post")
	case req.Nonce == "": // OpenID Connect Core §3.2.2.1
		return oidc.ErrInvalidRequest().WithDescription("response_type id_token needs a nonce")
	case !slices.Contains(req.Scopes, oidc.ScopeOpenID):
		return oidc.ErrInvalidScope().WithDescription("response_type id_token needs the scope openid")
	}
	return nil
}

// normalize validates and normalizes the request's scopes, prompt and max_age.
func (r *authRequest) normalize() (err error) {
	if r.MaxAge, err = op.ValidateAuthReqPrompt(r.Prompt, r.MaxAge); err != nil {
		return err
	}
	if len(r.Scopes) > 0 { // they are optional (RFC 6749 §3.3)
		if r.Scopes, err = op.ValidateAuthReqScopes(opClient{r.client}, r.Scopes); err != nil {
			return err
		}
	}
	if !r.client.MayUse(directory.GrantRefreshToken) {
		r.Scopes = slices.DeleteFunc(r.Scopes, func(name string) bool { return name == oidc.ScopeOfflineAccess })
	}
	return nil
}

// isDigest reports whether text is a SHA-256 digest in base64url.
func isDigest(text string) bool {
	digest, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(digest) == 32
}
