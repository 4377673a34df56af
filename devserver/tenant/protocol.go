package tenant

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"calling-an-api.example/devserver/internal/directory"
)

const (
	idTokenLifetime       = 10 * time.Hour // Auth0's default
	userinfoTokenLifetime = 24 * time.Hour // of access tokens for no API
)

// protocol implements the endpoints that op routes: token, revocation, userinfo, key set
// and discovery. op rejects requests for what it does not implement.
type protocol struct {
	op.UnimplementedServer
	tenant *Tenant
}

// VerifyClient implements op.Server. A confidential client authenticates with its secret or an
// assertion; a public one needs none, because PKCE binds codes to it.
func (p *protocol) VerifyClient(ctx context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	app := p.tenant.directory.Load().Client(r.Data.ClientID)
	reject := func(why string) error {
		known := ""
		if app != nil {
			known = app.ID
		}
		p.tenant.events.reject(ctx, Event{Type: EventTokens, Client: known, Error: "invalid_client", Text: "A token request was rejected: " + why})
		return op.NewStatusError(oidc.ErrInvalidClient().WithDescription("Unauthorized"), http.StatusUnauthorized)
	}
	if r.Data.ClientAssertion != "" {
		app, err := p.tenant.verifyAssertion(r.Data)
		if err != nil {
			return nil, reject("its client assertion is invalid: " + err.Error())
		}
		return opClient{app}, nil
	}
	if app == nil || !app.IsPublic() && !app.HasSecret(r.Data.ClientSecret) {
		return nil, reject("its client is unknown, or the secret is wrong")
	}
	return opClient{app}, nil
}

// CodeExchange implements op.Server. A code is valid once; a failed attempt uses it too.
func (p *protocol) CodeExchange(ctx context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	user := "" // not known yet
	reject := func(why string) error {
		p.tenant.events.reject(ctx, Event{
			Type: EventTokens, User: user, Client: r.Client.GetID(), Error: "invalid_grant", Text: "An authorization code was rejected: " + why,
		})
		return invalidGrant(why)
	}
	client := p.tenant.directory.Load().Client(r.Client.GetID())
	if client == nil { // since VerifyClient
		return nil, reject("its client no longer exists")
	}
	thumbprint, err := p.proofOf(ctx, r.Header, client) // before the code is used, because the client may have to send another proof
	if err != nil {
		return nil, err
	}
	g := p.tenant.codes.Take(r.Data.Code)
	if g == nil {
		// The code was used before, so the tokens that it gave end (RFC 9700 §4.5.3).
		if id := p.tenant.spent.Take(r.Data.Code); id != "" {
			p.tenant.refresh.EndFamily(id)
			p.tenant.save()
		}
		return nil, reject("Invalid authorization code")
	}
	if g.request.client.ID != r.Client.GetID() {
		return nil, reject("Invalid authorization code")
	}
	user = g.session.user.Email
	if r.Data.RedirectURI != g.request.RedirectURI {
		return nil, reject("redirect_uri is not the one of the authorization request")
	}
	if why := checkAudience(r.Form, g.request.api); why != "" {
		return nil, reject(why)
	}
	if why := checkVerifier(g.request.CodeChallenge, r.Data.CodeVerifier); why != "" {
		return nil, reject(why)
	}
	if why := p.tenant.updateGrant(g); why != "" {
		return nil, reject(why)
	}
	if g.request.thumbprint != "" && g.request.thumbprint != thumbprint {
		return nil, reject("the DPoP proof is missing, or by another key than dpop_jkt of the authorization request")
	}
	isBound, err := p.binds(ctx, g.request.client, g.request.api, thumbprint != "")
	if err != nil {
		return nil, err
	}
	if g.thumbprint = ""; isBound {
		g.thumbprint = thumbprint
	}
	refreshToken := ""
	if slices.Contains(g.scopes, oidc.ScopeOfflineAccess) {
		refreshToken = p.tenant.startFamily(g, r.Data.Code)
	}
	return p.tokens(ctx, g, "an authorization code", refreshToken)
}

// updateGrant gives g the current user and API instead of those of the login, or returns why the user
// gets no token.
func (t *Tenant) updateGrant(g *grant) string {
	d := t.directory.Load()
	u := d.UserByID(g.session.user.ID)
	if u == nil || u.Blocked {
		return "user is blocked"
	}
	current := *g.request
	if current.client = d.Client(g.request.client.ID); current.client == nil {
		return "its client no longer exists"
	}
	if g.request.api != nil {
		if current.api = d.API(g.request.api.Audience); current.api == nil {
			return "its API no longer exists"
		}
	}
	g.request, g.session = &current, &session{id: g.session.id, user: u, loggedIn: g.session.loggedIn}
	g.scopes = directory.Grantable(current.Scopes, u, current.api)
	return ""
}

// checkAudience returns why the audience or resource (RFC 8707) of a token request is not the API of
// the login, or "". A token of another API must not be taken for one of the wanted API.
func checkAudience(form url.Values, a *directory.API) string {
	for _, name := range []string{"audience", "resource"} {
		if form.Has(name) && (a == nil || form.Get(name) != a.Audience) {
			return name + " is not the audience of the authorization request"
		}
	}
	return ""
}

// checkVerifier returns why verifier is not the one of challenge (RFC 7636 §4.6), or "". Without
// a challenge, which a confidential client may leave out, there must be none (RFC 9700 §2.1.1).
func checkVerifier(challenge, verifier string) string {
	switch n := len(verifier); {
	case challenge == "" && n > 0:
		return "code_verifier was sent, but the authorization request had no code_challenge"
	case challenge == "":
		return ""
	case n < 43 || n > 128: // RFC 7636 §4.1
		return "code_verifier must have 43 to 128 characters"
	}
	if op.AuthorizeCodeChallenge(verifier, &oidc.CodeChallenge{Challenge: challenge, Method: oidc.CodeChallengeMethodS256}) != nil {
		return "Failed to verify code verifier"
	}
	return ""
}

// invalidGrant returns the error for a code or a refresh token, with Auth0's status.
func invalidGrant(why string) error {
	return op.NewStatusError(oidc.ErrInvalidGrant().WithDescription("%s", why), http.StatusForbidden)
}

// tokens returns the response with g's tokens, which were exchanged for what. The
// refresh token may be "".
func (p *protocol) tokens(ctx context.Context, g *grant, what, refreshToken string) (*op.Response, error) {
	access, lifetime := p.userAccessClaims(g)
	tokenType := oidc.BearerToken
	if g.thumbprint != "" {
		tokenType = tokenTypeDPoP
		access.Confirmation = &confirmation{g.thumbprint}
	}
	resp := &oidc.AccessTokenResponse{
		TokenType: tokenType, ExpiresIn: uint64(lifetime.Seconds()), Scope: g.scopes, RefreshToken: refreshToken,
	}
	token, shown, err := p.tenant.accessToken(access, g.request.api)
	if err != nil {
		return nil, err
	}
	resp.AccessToken = token
	issued := []IssuedToken{shown}
	if slices.Contains(g.scopes, oidc.ScopeOpenID) {
		id := p.idClaims(g)
		one, err := newIssuedToken("ID token", id)
		if err != nil {
			return nil, err
		}
		issued = append(issued, one)
		if resp.IDToken, err = p.tenant.keys.sign(typeJWT, id); err != nil {
			return nil, err
		}
	}
	app, user := g.request.client, g.session.user.Email
	p.tenant.events.add(ctx, Event{
		Type: EventTokens, User: user, Client: app.ID, Tokens: issued,
		Text: fmt.Sprintf("%q exchanged %s for %s's tokens%s", app.Name, what, user, boundTo(g.thumbprint)),
	})
	return noStore(resp), nil
}

// UserInfo implements op.Server. It requires an access token whose aud contains this
// endpoint, which no ID token's does.
func (p *protocol) UserInfo(_ context.Context, r *op.Request[oidc.UserInfoRequest]) (*op.Response, error) {
	now := p.tenant.opts.Now()
	claims, ok := p.tenant.openAccessToken(r.Data.AccessToken)
	if ok && slices.Contains(claims.Audience, p.userinfoAudience()) && now.Unix() < claims.Expires {
		if u := p.tenant.directory.Load().UserByID(claims.Subject); u != nil && !u.Blocked {
			return noStore(profile(u, strings.Fields(claims.Scope))), nil
		}
	}
	return nil, op.NewStatusError(&oidc.Error{ErrorType: "invalid_token", Description: "Unauthorized"}, http.StatusUnauthorized)
}

func (p *protocol) userinfoAudience() string { return p.tenant.opts.Issuer + "userinfo" }

// noStore returns a response that no cache may store (RFC 6749 §5.1).
func noStore(body any) *op.Response {
	resp := op.NewResponse(body)
	resp.Header.Set("Cache-Control", "no-store")
	return resp
}
