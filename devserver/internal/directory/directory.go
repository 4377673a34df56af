// Package directory holds the local tenant's users, clients and APIs, read from a file of
// JSON with comments. A [Directory] is immutable; an edit of the file makes another one.
package directory

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Directory is the users, clients and APIs of a tenant.
type Directory struct {
	Users   []*User
	clients map[string]*Client // by ID
	apis    map[string]*API    // by audience
}

// User is a person who can log in.
type User struct {
	ID, Email, Password   string
	GivenName, FamilyName string
	Nickname, Picture     string
	Permissions           []string       // at the APIs, as roles grant them (RBAC)
	Blocked               bool           // may not log in
	EmailVerified         bool           // the claim email_verified
	TokenLifetime         time.Duration  // of access tokens; 0 for the API's
	Claims                map[string]any // additional claims for ID and access tokens; names are URLs
	UpdatedAt             time.Time
}

// API is a resource server.
type API struct {
	Audience string
	Name     string
	Scopes   []Scope
	Lifetime time.Duration // of its access tokens
	RBAC     bool          // scopes require the permission, and tokens contain permissions

	Possession string // one of the Possession constants
	Dialect    string // the profile of its access tokens: one of the Dialect constants
}

// Values of an API's token_dialect, by Auth0's names.
const (
	DialectAuth0   = "access_token"    // Auth0's profile; the default
	DialectRFC9068 = "rfc9068_profile" // RFC 9068
)

// Values of an API's proof_of_possession: whether its tokens are bound to a key (RFC 9449).
const (
	PossessionNone     = "none"     // never
	PossessionAllowed  = "allowed"  // if the client sends a proof; the default
	PossessionRequired = "required" // always
)

// Scope is a scope with its description on the consent page.
type Scope struct{ Name, Description string }

// Grant types that a client can have.
const (
	GrantCode              = "authorization_code"
	GrantImplicit          = "implicit" // ID tokens by form_post alone
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
)

// IdentityScopes are the scopes of OpenID Connect.
var IdentityScopes = []Scope{
	{"openid", "Know who you are"},
	{"profile", "See your profile: name, nickname and picture"},
	{"email", "See your email address"},
	{"offline_access", "Keep access while you are away, without asking again"},
}

// Client returns the client with that ID, or nil.
func (d *Directory) Client(id string) *Client { return d.clients[id] }

// API returns the API with that audience, or nil.
func (d *Directory) API(audience string) *API { return d.apis[audience] }

// Clients returns all clients, by name.
func (d *Directory) Clients() []*Client {
	return slices.SortedFunc(maps.Values(d.clients), func(a, b *Client) int { return cmp.Compare(a.Name, b.Name) })
}

// APIs returns all APIs, by audience.
func (d *Directory) APIs() []*API {
	return slices.SortedFunc(maps.Values(d.apis), func(a, b *API) int { return cmp.Compare(a.Audience, b.Audience) })
}

// UserByEmail returns the user with that email address, in any case, or nil.
func (d *Directory) UserByEmail(email string) *User {
	return d.user(func(u *User) bool { return strings.EqualFold(u.Email, email) })
}

// UserByEither returns the user with that email address, in any case, or with that ID; or nil.
func (d *Directory) UserByEither(name string) *User {
	return cmp.Or(d.UserByEmail(name), d.UserByID(name))
}

// UsersByName returns the users with that email address or, without an @, with that nickname.
func (d *Directory) UsersByName(name string) (users []*User) {
	for _, u := range d.Users {
		if strings.EqualFold(u.Email, name) || name != "" && !strings.Contains(name, "@") && strings.EqualFold(u.Nickname, name) {
			users = append(users, u)
		}
	}
	return users
}

// UserByID returns the user with that ID, the claim sub, or nil.
func (d *Directory) UserByID(id string) *User {
	return d.user(func(u *User) bool { return u.ID == id })
}

func (d *Directory) user(is func(*User) bool) *User {
	if i := slices.IndexFunc(d.Users, is); i >= 0 {
		return d.Users[i]
	}
	return nil
}

// HasScope reports whether some API has that scope, which is a permission, too.
func (d *Directory) HasScope(name string) bool {
	for _, a := range d.apis {
		if a.Has(name) {
			return true
		}
	}
	return false
}

// IsWebOrigin reports whether some client may be used from pages of origin.
func (d *Directory) IsWebOrigin(origin string) bool {
	for _, c := range d.clients {
		if slices.Contains(c.WebOrigins, origin) {
			return true
		}
	}
	return false
}

// Name is the user's full name, or else the email address, as at Auth0.
func (u *User) Name() string {
	return cmp.Or(strings.TrimSpace(u.GivenName+" "+u.FamilyName), u.Email)
}

// Has reports whether scope is one of the API's. A nil API has none.
func (a *API) Has(scope string) bool {
	return a != nil && slices.ContainsFunc(a.Scopes, func(s Scope) bool { return s.Name == scope })
}

// PermissionsOf returns the claim permissions for someone with all of these: those of the API, not
// nil, or nil if the API has no RBAC. The receiver may be nil.
func (a *API) PermissionsOf(all []string) []string {
	if a == nil || !a.RBAC {
		return nil
	}
	return slices.DeleteFunc(append([]string{}, all...), func(name string) bool { return !a.Has(name) })
}

// Grantable returns which of the requested scopes u gets at a, which is nil if no API
// was requested: those of OpenID Connect, and those of the API that u has the
// permission for, if the API requires it.
func Grantable(requested []string, u *User, a *API) []string {
	granted := []string{}
	for _, name := range requested {
		identity := slices.ContainsFunc(IdentityScopes, func(s Scope) bool { return s.Name == name })
		if (identity || a.Has(name) && (!a.RBAC || slices.Contains(u.Permissions, name))) && !slices.Contains(granted, name) {
			granted = append(granted, name)
		}
	}
	return granted
}

// Origin returns the scheme, host and port of rawURL as browsers write an origin, or
// "" if it has none.
func Origin(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return ""
	}
	standard := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return u.Scheme + "://" + strings.TrimSuffix(strings.ToLower(u.Host), standard)
}
