package tenant

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	idTokenLifetime       = 10 * time.Hour // Auth0's default
	userinfoTokenLifetime = 24 * time.Hour // of access tokens for no API
)

// server answers the endpoints that op routes: token, userinfo, key set and
// discovery. What it doesn't implement, op refuses.
type server struct {
	op.UnimplementedServer
	tenant *Tenant
}

// VerifyClient implements op.Server: a public client is who it says it is, as
// PKCE ties its codes to it; a confidential one proves it by its secret.
func (s *server) VerifyClient(_ context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	app := s.tenant.client(r.Data.ClientID)
	if app == nil || app.secret != "" && !app.authenticates(r.Data.ClientSecret) {
		s.tenant.events.refused("A token request was refused: its client is unknown, or the secret is wrong")
		return nil, op.NewStatusError(oidc.ErrInvalidClient().WithDescription("Unauthorized"), http.StatusUnauthorized)
	}
	return app, nil
}

// CodeExchange implements op.Server. A code works once, and a failed attempt
// uses it up as well.
func (s *server) CodeExchange(_ context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	refuse := func(why string) error {
		s.tenant.events.refused("A code was refused: %s", why)
		return invalidGrant(why)
	}
	g := s.tenant.codes.take(r.Data.Code)
	if g == nil {
		// Somebody else has a code that was used: what came of it ends (RFC 9700 §4.5.3).
		if id := s.tenant.spent.take(r.Data.Code); id != "" {
			s.tenant.refresh.byID.take(id)
			s.tenant.save()
		}
		return nil, refuse("Invalid authorization code")
	}
	if g.request.client.id != r.Client.GetID() {
		return nil, refuse("Invalid authorization code")
	}
	if r.Data.RedirectURI != g.request.RedirectURI {
		return nil, refuse("redirect_uri is not the one of the authorization request")
	}
	if n := len(r.Data.CodeVerifier); n < 43 || n > 128 { // RFC 7636 §4.1
		return nil, refuse("code_verifier must have 43 to 128 characters")
	}
	challenge := &oidc.CodeChallenge{Challenge: g.request.CodeChallenge, Method: oidc.CodeChallengeMethodS256}
	if err := op.AuthorizeCodeChallenge(r.Data.CodeVerifier, challenge); err != nil {
		return nil, refuse("Failed to verify code verifier")
	}
	if u := s.tenant.userByID(g.session.user.id); u == nil || u.blocked { // meanwhile
		return nil, refuse("user is blocked")
	}
	refresh, family := "", ""
	if slices.Contains(g.scopes, oidc.ScopeOfflineAccess) {
		refresh, family = s.tenant.refresh.start(g, s.tenant.opts.Now())
		s.tenant.spent.put(r.Data.Code, family)
		s.tenant.save()
	}
	return s.tokens(g, "a code", refresh)
}

// invalidGrant refuses a code or a refresh token, with the status that Auth0 gives.
func invalidGrant(why string) error {
	return op.NewStatusError(oidc.ErrInvalidGrant().WithDescription("%s", why), http.StatusForbidden)
}

// tokens answers with those that g grants, in return for what, and with refresh,
// if it is one.
func (s *server) tokens(g *grant, what, refresh string) (*op.Response, error) {
	access, lifetime := s.userAccessClaims(g)
	issued := []issuedToken{{"Access token", access}}
	resp := &oidc.AccessTokenResponse{
		TokenType: oidc.BearerToken, ExpiresIn: uint64(lifetime.Seconds()), Scope: g.scopes, RefreshToken: refresh,
	}
	var err error
	if resp.AccessToken, err = s.tenant.keys.sign(access); err != nil {
		return nil, err
	}
	if slices.Contains(g.scopes, oidc.ScopeOpenID) {
		id := s.idClaims(g)
		issued = append(issued, issuedToken{"ID token", id})
		if resp.IDToken, err = s.tenant.keys.sign(id); err != nil {
			return nil, err
		}
	}
	s.tenant.events.issued(issued, "%s got tokens of %s for %s", g.request.client.name, g.session.user.email, what)
	return noStore(resp), nil
}

// ClientCredentialsExchange implements op.Server. Like Auth0 it wants to know
// for which API the token is, by the parameter audience.
func (s *server) ClientCredentialsExchange(_ context.Context, r *op.ClientRequest[oidc.ClientCredentialsRequest]) (*op.Response, error) {
	audience := r.Form.Get("audience")
	a, app := s.tenant.api(audience), s.tenant.client(r.Client.GetID())
	refuse := func(why string) error {
		s.tenant.events.refused("Client credentials were refused: %s", why)
		return op.NewStatusError(oidc.ErrAccessDenied().WithDescription("%s", why), http.StatusForbidden)
	}
	if a == nil || app == nil {
		return nil, refuse(fmt.Sprintf("Service not enabled within domain: %.200s", audience))
	}
	for _, name := range r.Data.Scope {
		if !slices.Contains(app.granted, name) || !a.has(name) {
			return nil, refuse(fmt.Sprintf("Client has not been granted scopes: %.200s", name))
		}
	}
	granted := slices.DeleteFunc(slices.Clone(app.granted), func(name string) bool {
		return !a.has(name) || len(r.Data.Scope) > 0 && !slices.Contains(r.Data.Scope, name)
	})
	now := s.tenant.opts.Now()
	claims := accessClaims{
		Issuer: s.tenant.opts.Issuer, Subject: app.id + "@clients", Audience: oidc.Audience{a.audience},
		IssuedAt: now.Unix(), Expires: now.Add(a.lifetime).Unix(),
		Scope: strings.Join(granted, " "), GrantType: "client-credentials", Client: app.id, Permissions: granted,
	}
	token, err := s.tenant.keys.sign(claims)
	if err != nil {
		return nil, err
	}
	s.tenant.events.issued([]issuedToken{{"Access token", claims}}, "%s got a token by its own credentials", app.name)
	return noStore(&oidc.AccessTokenResponse{
		AccessToken: token, TokenType: oidc.BearerToken, ExpiresIn: uint64(a.lifetime.Seconds()), Scope: granted,
	}), nil
}

// UserInfo implements op.Server: it wants an access token of ours whose aud
// holds this endpoint, which no ID token has.
func (s *server) UserInfo(_ context.Context, r *op.Request[oidc.UserInfoRequest]) (*op.Response, error) {
	var claims accessClaims
	now := s.tenant.opts.Now()
	if s.tenant.verified(r.Data.AccessToken, &claims) && slices.Contains(claims.Audience, s.userinfoAudience()) && now.Unix() < claims.Expires {
		if u := s.tenant.userByID(claims.Subject); u != nil && !u.blocked {
			return noStore(u.profile(strings.Fields(claims.Scope))), nil
		}
	}
	return nil, op.NewStatusError(&oidc.Error{ErrorType: "invalid_token", Description: "Unauthorized"}, http.StatusUnauthorized)
}

// Keys implements op.Server.
func (s *server) Keys(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	set, err := s.tenant.keys.public()
	if err != nil {
		return nil, err
	}
	return op.NewResponse(set), nil
}

// Discovery implements op.Server. It names only what works.
func (s *server) Discovery(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	at := func(path string) string { return strings.TrimSuffix(s.tenant.opts.Issuer, "/") + path }
	scopes := []string{}
	for _, scope := range identityScopes {
		scopes = append(scopes, scope.name)
	}
	return op.NewResponse(&oidc.DiscoveryConfiguration{
		Issuer:                            s.tenant.opts.Issuer,
		AuthorizationEndpoint:             at("/authorize"),
		TokenEndpoint:                     at("/oauth/token"),
		UserinfoEndpoint:                  at("/userinfo"),
		RevocationEndpoint:                at("/oauth/revoke"),
		EndSessionEndpoint:                at("/oidc/logout"),
		JwksURI:                           at("/.well-known/jwks.json"),
		ScopesSupported:                   scopes,
		ResponseTypesSupported:            []string{"code"},
		ResponseModesSupported:            responseModes,
		GrantTypesSupported:               []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials},
		SubjectTypesSupported:             []string{"public"},
		IDTokenSigningAlgValuesSupported:  []string{"RS256"},
		TokenEndpointAuthMethodsSupported: []oidc.AuthMethod{oidc.AuthMethodNone, oidc.AuthMethodPost, oidc.AuthMethodBasic},
		CodeChallengeMethodsSupported:     []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256},
	}), nil
}

func (s *server) userinfoAudience() string { return s.tenant.opts.Issuer + "userinfo" }

func noStore(body any) *op.Response {
	resp := op.NewResponse(body)
	resp.Header.Set("Cache-Control", "no-store")
	return resp
}
