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

// The rest is not used, or the same for all clients: check.go validates types and URLs.

func (opClient) ResponseTypes() []oidc.ResponseType { return nil }
func (opClient) RedirectURIs() []string             { return nil }
func (opClient) PostLogoutRedirectURIs() []string   { return nil }

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
