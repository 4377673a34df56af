package tenant

import (
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"calling-an-api.example/devserver/internal/directory"
)

// opClient is a client of the directory as an op.Client.
type opClient struct{ *directory.Client }

// GetID and the other methods implement op.Client.
func (c opClient) GetID() string { return c.ID }

// ResponseTypes are code and, for clients with the implicit grant, id_token: an ID token by
// form_post, which server-side SDKs use by default.
func (c opClient) ResponseTypes() []oidc.ResponseType {
	types := []oidc.ResponseType{oidc.ResponseTypeCode}
	if c.MayUse(directory.GrantImplicit) {
		types = append(types, oidc.ResponseTypeIDTokenOnly)
	}
	return types
}

func (c opClient) RedirectURIs() []string           { return c.Callbacks }
func (c opClient) PostLogoutRedirectURIs() []string { return c.LogoutURLs }
func (c opClient) GrantTypes() (grants []oidc.GrantType) {
	for _, grant := range c.Grants {
		grants = append(grants, oidc.GrantType(grant))
	}
	return grants
}

func (c opClient) AuthMethod() oidc.AuthMethod {
	switch {
	case c.PublicKey != nil:
		return oidc.AuthMethodPrivateKeyJWT
	case c.Secret != "":
		return oidc.AuthMethodPost
	}
	return oidc.AuthMethodNone
}

// The rest is the same for all clients.

func (opClient) ApplicationType() op.ApplicationType  { return op.ApplicationTypeUserAgent }
func (opClient) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeJWT }
func (opClient) DevMode() bool                        { return true } // allows http://localhost callbacks
func (opClient) IsScopeAllowed(string) bool           { return true } // directory.Grantable decides
func (opClient) IDTokenLifetime() time.Duration       { return idTokenLifetime }
func (opClient) IDTokenUserinfoClaimsAssertion() bool { return true }
func (opClient) ClockSkew() time.Duration             { return 0 }
func (opClient) LoginURL(id string) string            { return "/u/login?state=" + id }
func (opClient) RestrictAdditionalIdTokenScopes() func([]string) []string { //nolint:revive // op.Client's spelling
	return slices.Clone[[]string]
}

func (opClient) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return slices.Clone[[]string]
}
