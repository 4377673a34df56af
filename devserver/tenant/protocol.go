package tenant

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
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
	reject := func(why string) error {
		p.tenant.events.rejected(ctx, "A token request was rejected: %s", why)
		return op.NewStatusError(oidc.ErrInvalidClient().WithDescription("Unauthorized"), http.StatusUnauthorized)
	}
	if r.Data.ClientAssertion != "" {
		app, err := p.tenant.verifyAssertion(r.Data)
		if err != nil {
			return nil, reject("its client assertion is invalid: " + err.Error())
		}
		return opClient{app}, nil
	}
	app := p.tenant.directory.Load().Client(r.Data.ClientID)
	if app == nil || !app.IsPublic() && !app.HasSecret(r.Data.ClientSecret) {
		return nil, reject("its client is unknown, or the secret is wrong")
	}
	return opClient{app}, nil
}

// CodeExchange implements op.Server. A code is valid once; a failed attempt uses it too.
func (p *protocol) CodeExchange(ctx context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	reject := func(why string) error {
		p.tenant.events.rejected(ctx, "An authorization code was rejected: %s", why)
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
	if r.Data.RedirectURI != g.request.RedirectURI {
		return nil, reject("redirect_uri is not the one of the authorization request")
	}
	if why := checkVerifier(g.request.CodeChallenge, r.Data.CodeVerifier); why != "" {
		return nil, reject(why)
	}
	if u := p.tenant.directory.Load().UserByID(g.session.user.ID); u == nil || u.Blocked { // since the login
		return nil, reject("user is blocked")
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
		issued = append(issued, IssuedToken{"ID token", id})
		if resp.IDToken, err = p.tenant.keys.sign(typeJWT, id); err != nil {
			return nil, err
		}
	}
	p.tenant.events.issued(ctx, issued, "%q exchanged %s for %s's tokens%s", g.request.client.Name, what, g.session.user.Email, boundTo(g.thumbprint))
	return noStore(resp), nil
}

// ClientCredentialsExchange implements op.Server. As at Auth0, the parameter audience,
// which names the API, is required.
func (p *protocol) ClientCredentialsExchange(ctx context.Context, r *op.ClientRequest[oidc.ClientCredentialsRequest]) (*op.Response, error) {
	audience := r.Form.Get("audience")
	d := p.tenant.directory.Load()
	a, app := d.API(audience), d.Client(r.Client.GetID())
	reject := func(why string) error {
		p.tenant.events.rejected(ctx, "Client credentials were rejected: %s", why)
		return op.NewStatusError(oidc.ErrAccessDenied().WithDescription("%s", why), http.StatusForbidden)
	}
	if a == nil || app == nil {
		return nil, reject(fmt.Sprintf("Service not enabled within domain: %.200s", audience))
	}
	for _, name := range r.Data.Scope {
		if !slices.Contains(app.Scopes, name) || !a.Has(name) {
			return nil, reject(fmt.Sprintf("Client has not been granted scopes: %.200s", name))
		}
	}
	granted := slices.DeleteFunc(slices.Clone(app.Scopes), func(name string) bool {
		return !a.Has(name) || len(r.Data.Scope) > 0 && !slices.Contains(r.Data.Scope, name)
	})
	now := p.tenant.opts.Now()
	claims := accessClaims{
		Issuer: p.tenant.opts.Issuer, Subject: app.ID + "@clients", Audience: audienceClaim{a.Audience},
		IssuedAt: now.Unix(), Expires: now.Add(a.Lifetime).Unix(),
		Scope: strings.Join(granted, " "), GrantType: "client-credentials", Client: app.ID, Permissions: granted,
	}
	thumbprint, err := p.proofOf(ctx, r.Header, app)
	if err != nil {
		return nil, err
	}
	isBound, err := p.binds(ctx, app, a, thumbprint != "")
	if err != nil {
		return nil, err
	}
	tokenType := oidc.BearerToken
	if isBound {
		tokenType = tokenTypeDPoP
		claims.Confirmation = &confirmation{thumbprint}
	}
	token, shown, err := p.tenant.accessToken(claims, a)
	if err != nil {
		return nil, err
	}
	p.tenant.events.issued(ctx, []IssuedToken{shown}, "%q exchanged its client credentials for a token%s", app.Name, boundTo(claims.Confirmation.thumbprint()))
	return noStore(&oidc.AccessTokenResponse{
		AccessToken: token, TokenType: tokenType, ExpiresIn: uint64(a.Lifetime.Seconds()), Scope: granted,
	}), nil
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

// Keys implements op.Server.
func (p *protocol) Keys(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	set, err := p.tenant.keys.public()
	if err != nil {
		return nil, err
	}
	return op.NewResponse(set), nil
}

// Discovery implements op.Server. It lists only what is supported.
func (p *protocol) Discovery(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	at := func(path string) string { return strings.TrimSuffix(p.tenant.opts.Issuer, "/") + path }
	scopes := []string{}
	for _, scope := range directory.IdentityScopes {
		scopes = append(scopes, scope.Name)
	}
	return op.NewResponse(discovery{&oidc.DiscoveryConfiguration{
		Issuer:                            p.tenant.opts.Issuer,
		AuthorizationEndpoint:             at("/authorize"),
		TokenEndpoint:                     at("/oauth/token"),
		UserinfoEndpoint:                  at("/userinfo"),
		RevocationEndpoint:                at("/oauth/revoke"),
		EndSessionEndpoint:                at("/oidc/logout"),
		JwksURI:                           at("/.well-known/jwks.json"),
		ScopesSupported:                   scopes,
		ResponseTypesSupported:            []string{"code", "id_token"},
		ResponseModesSupported:            responseModes,
		GrantTypesSupported:               []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeImplicit, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials},
		SubjectTypesSupported:             []string{"public"},
		IDTokenSigningAlgValuesSupported:  []string{"RS256"},
		TokenEndpointAuthMethodsSupported: []oidc.AuthMethod{oidc.AuthMethodNone, oidc.AuthMethodPost, oidc.AuthMethodBasic, oidc.AuthMethodPrivateKeyJWT},
		CodeChallengeMethodsSupported:     []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256},
	}, proofAlgorithms}), nil
}

// discovery adds what the library does not know (RFC 9449 §5.1).
type discovery struct {
	*oidc.DiscoveryConfiguration
	ProofAlgorithms []jose.SignatureAlgorithm `json:"dpop_signing_alg_values_supported"`
}

func (p *protocol) userinfoAudience() string { return p.tenant.opts.Issuer + "userinfo" }

// noStore returns a response that no cache may store (RFC 6749 §5.1).
func noStore(body any) *op.Response {
	resp := op.NewResponse(body)
	resp.Header.Set("Cache-Control", "no-store")
	return resp
}
