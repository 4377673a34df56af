package tenant

import (
	"context"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"calling-an-api.example/devserver/internal/directory"
)

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
	algorithms := []string{}
	for _, name := range assertionAlgorithms {
		algorithms = append(algorithms, string(name))
	}
	authMethods := []oidc.AuthMethod{oidc.AuthMethodNone, oidc.AuthMethodPost, oidc.AuthMethodBasic, oidc.AuthMethodPrivateKeyJWT}
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
		TokenEndpointAuthMethodsSupported: authMethods,
		CodeChallengeMethodsSupported:     []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256},

		TokenEndpointAuthSigningAlgValuesSupported:      algorithms, // RFC 8414 §2: required by private_key_jwt
		RevocationEndpointAuthMethodsSupported:          authMethods,
		RevocationEndpointAuthSigningAlgValuesSupported: algorithms,
	}, proofAlgorithms}), nil
}

// discovery adds what the library does not know (RFC 9449 §5.1).
type discovery struct {
	*oidc.DiscoveryConfiguration
	ProofAlgorithms []jose.SignatureAlgorithm `json:"dpop_signing_alg_values_supported"`
}
