package tenant

import (
	"cmp"
	"crypto/subtle"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The machine-to-machine client that `make token` uses here. Like the users'
// passwords it is public: it opens nothing but a test tenant on loopback.
const (
	MachineClientID     = "local-machine"
	MachineClientSecret = "local-machine-secret" //nolint:gosec // public by design, see above
)

// user is a person who can log in.
type user struct {
	id, email, password   string
	givenName, familyName string
	nickname, picture     string
	permissions           []string       // at the APIs, as RBAC would give them
	blocked               bool           // may not log in
	claims                map[string]any // more, in tokens; names have namespaces
	updatedAt             time.Time
}

// api is a resource server (Auth0: an API).
type api struct {
	audience string
	name     string
	scopes   []scope
	lifetime time.Duration // of its access tokens
	rbac     bool          // scopes need the permission, and tokens carry the permissions
}

// scope is a permission with the words for it on the consent page.
type scope struct{ name, words string }

// identityScopes are the OpenID Connect scopes with the words for them.
var identityScopes = []scope{
	{oidc.ScopeOpenID, "Know who you are"},
	{oidc.ScopeProfile, "See your profile: name, nickname and picture"},
	{oidc.ScopeEmail, "See your email address"},
	{oidc.ScopeOfflineAccess, "Keep access while you are away, without asking again"},
}

// grantable returns which of the asked scopes u gets at a (nil for no API): the
// known ones of OpenID Connect, and of the API's those that u has permission for,
// if that is asked at this API.
func grantable(asked []string, u *user, a *api) []string {
	granted := []string{}
	for _, name := range asked {
		identity := slices.ContainsFunc(identityScopes, func(s scope) bool { return s.name == name })
		if (identity || a.has(name) && (!a.rbac || slices.Contains(u.permissions, name))) && !slices.Contains(granted, name) {
			granted = append(granted, name)
		}
	}
	return granted
}

func (a *api) has(name string) bool {
	return a != nil && slices.ContainsFunc(a.scopes, func(s scope) bool { return s.name == name })
}

// profile returns u's claims that scopes allow to see.
func (u *user) profile(scopes []string) *oidc.UserInfo {
	info := &oidc.UserInfo{Subject: u.id}
	if slices.Contains(scopes, oidc.ScopeProfile) {
		info.UserInfoProfile = oidc.UserInfoProfile{
			Name: u.name(), GivenName: u.givenName, FamilyName: u.familyName, Nickname: u.nickname, Picture: u.picture,
		}
		info.AppendClaims("updated_at", u.updatedAt.UTC().Format("2006-01-02T15:04:05.000Z")) // Auth0's format
	}
	for name, value := range u.claims {
		info.AppendClaims(name, value)
	}
	if slices.Contains(scopes, oidc.ScopeEmail) {
		info.UserInfoEmail = oidc.UserInfoEmail{Email: u.email, EmailVerified: true}
	}
	return info
}

// name is the user's, or the email address in its place, as Auth0 has it.
func (u *user) name() string {
	return cmp.Or(strings.TrimSpace(u.givenName+" "+u.familyName), u.email)
}

// client returns the client called id, or nil.
func (t *Tenant) client(id string) *client { return t.directory.Load().clients[id] }

// api returns the API that audience identifies, or nil.
func (t *Tenant) api(audience string) *api { return t.directory.Load().apis[audience] }

// userByEmail returns the user with that email address, in any case, or nil.
func (t *Tenant) userByEmail(email string) *user {
	users := t.directory.Load().users
	i := slices.IndexFunc(users, func(u *user) bool { return strings.EqualFold(u.email, email) })
	if i < 0 {
		return nil
	}
	return users[i]
}

// userByID returns the user with that subject, or nil.
func (t *Tenant) userByID(id string) *user {
	users := t.directory.Load().users
	i := slices.IndexFunc(users, func(u *user) bool { return u.id == id })
	if i < 0 {
		return nil
	}
	return users[i]
}

// knowsOrigin reports whether a client may be used from pages of origin, so that
// they may read what the token endpoint answers.
func (t *Tenant) knowsOrigin(origin string) bool {
	for _, app := range t.directory.Load().clients {
		if slices.Contains(app.webOrigins, origin) {
			return true
		}
	}
	return false
}

// client is an application. It is an op.Client.
type client struct {
	id, name   string
	secret     string // "" for a public client
	callbacks  []string
	logoutURLs []string
	webOrigins []string // that may receive web_message responses
	grants     []oidc.GrantType
	granted    []string // scopes that client_credentials gives it
}

func (c *client) GetID() string                    { return c.id }
func (c *client) RedirectURIs() []string           { return c.callbacks }
func (c *client) PostLogoutRedirectURIs() []string { return c.logoutURLs }
func (c *client) GrantTypes() []oidc.GrantType     { return c.grants }
func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

func (c *client) AuthMethod() oidc.AuthMethod {
	if c.secret == "" {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodPost
}

// authenticates reports whether secret is the confidential client's, in a time
// that doesn't tell how much of it is right.
func (c *client) authenticates(secret string) bool {
	return c.secret != "" && subtle.ConstantTimeCompare([]byte(c.secret), []byte(secret)) == 1
}

// The rest of op.Client: what this tenant's clients have in common.

func (c *client) ApplicationType() op.ApplicationType  { return op.ApplicationTypeUserAgent }
func (c *client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeJWT }
func (c *client) DevMode() bool                        { return true } // http://localhost callbacks
func (c *client) IsScopeAllowed(string) bool           { return true } // grantable decides
func (c *client) IDTokenLifetime() time.Duration       { return idTokenLifetime }
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c *client) ClockSkew() time.Duration             { return 0 }
func (c *client) LoginURL(id string) string            { return "/u/login?state=" + id }
func (c *client) RestrictAdditionalIdTokenScopes() func([]string) []string { //nolint:revive // op.Client's spelling
	return slices.Clone[[]string]
}

func (c *client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return slices.Clone[[]string]
}
