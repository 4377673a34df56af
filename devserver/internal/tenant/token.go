package tenant

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
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

// accessClaims are the claims of an access token, in the shape of Auth0's. Its
// aud tells it from an ID token, whose aud is the client.
type accessClaims struct {
	Issuer      string        `json:"iss"`
	Subject     string        `json:"sub"`
	Audience    oidc.Audience `json:"aud"`
	IssuedAt    int64         `json:"iat"`
	Expires     int64         `json:"exp"`
	Scope       string        `json:"scope,omitempty"`
	GrantType   string        `json:"gty,omitempty"`
	Client      string        `json:"azp"`
	Permissions []string      `json:"permissions,omitempty"`

	more map[string]any // of the user's own
}

// MarshalJSON implements json.Marshaler.
func (c accessClaims) MarshalJSON() ([]byte, error) {
	type plain accessClaims
	data, err := json.Marshal(plain(c))
	if err != nil || len(c.more) == 0 {
		return data, err
	}
	all := map[string]any{}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	maps.Copy(all, c.more) // their names have namespaces, so they replace none
	return json.Marshal(all)
}

// VerifyClient implements op.Server: a public client is who it says it is, as
// PKCE ties its codes to it; a confidential one proves it by its secret.
func (s *server) VerifyClient(_ context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	app := s.tenant.client(r.Data.ClientID)
	if app == nil || app.secret != "" && !app.authenticates(r.Data.ClientSecret) {
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
	if g == nil || g.request.client.id != r.Client.GetID() {
		return nil, refuse("Invalid authorization code")
	}
	if r.Data.RedirectURI != g.request.RedirectURI {
		return nil, refuse("redirect_uri is not the one of the authorization request")
	}
	challenge := &oidc.CodeChallenge{Challenge: g.request.CodeChallenge, Method: oidc.CodeChallengeMethodS256}
	if err := op.AuthorizeCodeChallenge(r.Data.CodeVerifier, challenge); err != nil {
		return nil, refuse("Failed to verify code verifier")
	}
	refresh := ""
	if slices.Contains(g.scopes, oidc.ScopeOfflineAccess) {
		refresh = s.tenant.refresh.start(g, s.tenant.opts.Now())
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

// userAccessClaims returns the claims of the access token for g, which is for the
// API that was asked for and /userinfo, or just the latter.
func (s *server) userAccessClaims(g *grant) (accessClaims, time.Duration) {
	now, lifetime := s.tenant.opts.Now(), userinfoTokenLifetime
	claims := accessClaims{
		Issuer: s.tenant.opts.Issuer, Subject: g.session.user.id, Client: g.request.client.id,
		IssuedAt: now.Unix(), Scope: strings.Join(g.scopes, " "), more: maps.Clone(g.session.user.claims),
	}
	if a := g.request.api; a != nil {
		lifetime = a.lifetime
		claims.Audience = append(claims.Audience, a.audience)
		if a.rbac {
			claims.Permissions = g.session.user.permissions
		}
	}
	if name, value := g.request.organizationClaim(); name != "" {
		if claims.more == nil {
			claims.more = map[string]any{}
		}
		claims.more[name] = value
	}
	claims.Audience = append(claims.Audience, s.userinfoAudience())
	claims.Expires = now.Add(lifetime).Unix()
	return claims, lifetime
}

func (s *server) idClaims(g *grant) *oidc.IDTokenClaims {
	now := s.tenant.opts.Now()
	app := g.request.client.id
	claims := oidc.NewIDTokenClaims(s.tenant.opts.Issuer, g.session.user.id, []string{app},
		now.Add(idTokenLifetime), g.session.loggedIn, g.request.Nonce, "", nil, app, 0)
	claims.IssuedAt = oidc.FromTime(now)
	claims.ClientID = "" // Auth0's don't have it
	info := g.session.user.profile(g.scopes)
	if name, value := g.request.organizationClaim(); name != "" {
		info.AppendClaims(name, value)
	}
	claims.SetUserInfo(info)
	claims.SessionID = g.session.id
	return claims
}

// ClientCredentialsExchange implements op.Server. Like Auth0 it wants to know
// for which API the token is, by the parameter audience.
func (s *server) ClientCredentialsExchange(_ context.Context, r *op.ClientRequest[oidc.ClientCredentialsRequest]) (*op.Response, error) {
	audience := r.Form.Get("audience")
	a, app := s.tenant.api(audience), s.tenant.client(r.Client.GetID())
	if a == nil || app == nil {
		return nil, op.NewStatusError(
			oidc.ErrAccessDenied().WithDescription("Service not enabled within domain: %s", audience), http.StatusForbidden)
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
func (s *server) UserInfo(ctx context.Context, r *op.Request[oidc.UserInfoRequest]) (*op.Response, error) {
	unauthorized := op.NewStatusError(oidc.ErrAccessDenied().WithDescription("Unauthorized"), http.StatusUnauthorized)
	verifier := op.NewAccessTokenVerifier(s.tenant.opts.Issuer, s.tenant.keys, op.WithSupportedAccessTokenSigningAlgorithms("RS256"))
	claims, err := op.VerifyAccessToken[*oidc.AccessTokenClaims](ctx, r.Data.AccessToken, verifier)
	if err != nil || !slices.Contains(claims.Audience, s.userinfoAudience()) {
		return nil, unauthorized
	}
	u := s.tenant.userByID(claims.Subject)
	if u == nil {
		return nil, unauthorized
	}
	return noStore(u.profile(claims.Scopes)), nil
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

// formFromJSON lets token requests come as a JSON object of strings, as Auth0's
// documentation writes them; op reads forms alone.
func formFromJSON(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		if r.Method == http.MethodPost && strings.TrimSpace(media) == "application/json" {
			var fields map[string]string
			if err := json.NewDecoder(r.Body).Decode(&fields); err != nil {
				op.WriteError(w, r, oidc.ErrInvalidRequest().WithDescription("the body is no JSON object of strings"), nil)
				return
			}
			r.PostForm = url.Values{}
			for name, value := range fields {
				r.PostForm.Set(name, value)
			}
			r.Form = r.PostForm
		}
		next.ServeHTTP(w, r)
	})
}
