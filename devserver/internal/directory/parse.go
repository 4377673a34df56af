package directory

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tailscale/hujson"
)

// Default is the configuration that is used without a file, and a template for one.
//
//go:embed default.jsonc
var Default []byte

// Variables are the values that a configuration refers to.
type Variables struct {
	Page     string // $PAGE: origin of the single-page app
	Tenant   string // $TENANT: origin of the tenant
	ClientID string // $CLIENT_ID
	Audience string // $AUDIENCE
}

// Parse parses data, the content of file. now becomes UpdatedAt of the users. The error
// is a source.Problem, the first one that was found.
func Parse(file string, data []byte, variables Variables, now time.Time) (*Directory, error) {
	v := validator{file, string(bytes.TrimPrefix(data, []byte("\ufeff")))} // a byte order mark
	tree, err := v.parse()
	if err != nil {
		return nil, err
	}
	var config configFile
	if err := v.check(tree, reflect.TypeFor[configFile](), "the file"); err != nil {
		return nil, err
	}
	plain := tree.Clone()
	plain.Standardize()
	if err := json.Unmarshal(plain.Pack(), &config); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	b := builder{validator: v, tree: &tree, variables: strings.NewReplacer(
		"$PAGE", variables.Page, "$TENANT", variables.Tenant, "$CLIENT_ID", variables.ClientID, "$AUDIENCE", variables.Audience)}
	d := b.build(config, now)
	if b.err != nil {
		return nil, b.err
	}
	return d, nil
}

// builder converts a file to a Directory and keeps its first problem.
type builder struct {
	validator
	tree      *hujson.Value
	variables *strings.Replacer
	err       error
}

// require reports a problem at the JSON pointer unless ok.
func (b *builder) require(ok bool, pointer, message string, args ...any) {
	if ok || b.err != nil {
		return
	}
	offset := 0
	for pointer != "" {
		if v := b.tree.Find(pointer); v != nil {
			offset = v.StartOffset
			break
		}
		pointer = pointer[:strings.LastIndexByte(pointer, '/')] // it is missing: report its parent
	}
	b.err = b.problem(offset, message, args...)
}

// fill returns list with the variables replaced.
func (b *builder) fill(list []string) []string {
	filled := make([]string, len(list))
	for i, s := range list {
		filled[i] = b.variables.Replace(s)
	}
	return filled
}

// build converts config. The result is incomplete if b.err is set.
func (b *builder) build(config configFile, now time.Time) *Directory {
	d := &Directory{clients: map[string]*Client{}, apis: map[string]*API{}}
	b.require(len(config.Clients) > 0, "", "there are no clients, so no user can log in")
	for i, u := range config.Users {
		d.Users = append(d.Users, b.user(u, fmt.Sprintf("/users/%d", i), d, now))
	}
	for i, c := range config.Clients {
		made := b.client(c, fmt.Sprintf("/clients/%d", i), d)
		d.clients[made.ID] = made
	}
	for i, a := range config.APIs {
		made := b.api(a, fmt.Sprintf("/apis/%d", i), d)
		d.apis[made.Audience] = made
	}
	for i, u := range config.Users {
		for j, name := range u.Permissions {
			b.require(d.HasScope(name), fmt.Sprintf("/users/%d/permissions/%d", i, j), "no API has the permission %q among its scopes", name)
		}
	}
	for i, c := range config.Clients {
		b.policies(c.RefreshToken.Policies, fmt.Sprintf("/clients/%d/refresh_token/policies", i), d.Client(b.variables.Replace(c.ID)), d)
	}
	return d
}

// user converts u, which is at the JSON pointer at.
func (b *builder) user(u userConfig, at string, d *Directory, now time.Time) *User {
	b.require(u.ID != "", at+"/user_id", "a user needs a user_id, like \"auth0|ada\"")
	b.require(strings.Contains(u.Email, "@"), at+"/email", "a user needs an email address")
	b.require(u.Password != "", at+"/password", "a user needs a password")
	b.require(d.UserByID(u.ID) == nil && d.UserByEmail(u.Email) == nil, at, "there is another user with this user_id or email address")
	err := CheckClaims(u.Claims)
	b.require(err == nil, at+"/claims", "%v", err)
	before, _, _ := strings.Cut(u.Email, "@")
	return &User{
		ID: u.ID, Email: u.Email, Password: u.Password, GivenName: u.GivenName, FamilyName: u.FamilyName, Nickname: cmp.Or(u.Nickname, before),
		Picture: b.variables.Replace(u.Picture), Permissions: u.Permissions, Blocked: u.Blocked, Claims: u.Claims, UpdatedAt: now,
		EmailVerified: u.Verified == nil || *u.Verified,
	}
}

// CheckClaims returns an error if claims of a user have a name that is reserved, because it is no
// URL.
func CheckClaims(claims map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		if !strings.Contains(name, "://") {
			return fmt.Errorf("the claim %q needs a namespace, like \"https://example.com/roles\"; other names are reserved", name)
		}
	}
	return nil
}

// client converts c, which is at the JSON pointer at. Its grants decide what else it needs.
func (b *builder) client(c clientConfig, at string, d *Directory) *Client {
	made := &Client{
		ID: b.variables.Replace(c.ID), Name: c.Name, Secret: c.Secret, Callbacks: b.fill(c.Callbacks), LogoutURLs: b.fill(c.LogoutURLs),
		WebOrigins: b.fill(c.WebOrigins), Grants: c.Grants, Scopes: c.Scopes, RequireProof: c.RequireProof, RequirePKCE: c.RequirePKCE,
	}
	b.require(made.ID != "", at+"/client_id", "a client needs a client_id")
	b.require(made.Name != "", at+"/name", "a client needs a name, which the consent page shows")
	b.require(d.clients[made.ID] == nil, at+"/client_id", "there is another client with this client_id")
	known := []string{GrantCode, GrantImplicit, GrantRefreshToken, GrantClientCredentials}
	for j, grant := range c.Grants {
		b.require(slices.Contains(known, grant), fmt.Sprintf("%s/grant_types/%d", at, j),
			"the grant type %q is not one of %s", grant, strings.Join(known, ", "))
	}
	if c.PublicKey != "" {
		key, err := parsePublicKey(c.PublicKey)
		made.PublicKey = key
		b.require(err == nil, at+"/public_key", "this is not the key of a client: %v", err)
	}
	b.require(!made.IsPublic() || !made.MayUse(GrantClientCredentials), at, "client_credentials needs a client_secret or a public_key")
	b.requireURLs(made.Callbacks, at+"/callbacks")
	b.requireURLs(made.LogoutURLs, at+"/allowed_logout_urls")
	for j, one := range made.WebOrigins {
		b.require(one != "" && Origin(one) == one, fmt.Sprintf("%s/web_origins/%d", at, j),
			"%q is not an origin: a scheme, a host and perhaps a port, like \"https://app.example\"", one)
	}
	return made
}

// policies converts the list of refresh-token policies at the JSON pointer at. d has all APIs.
func (b *builder) policies(list []policyConfig, at string, client *Client, d *Directory) {
	client.RefreshScopes = map[string][]string{}
	for i, p := range list {
		audience, here := b.variables.Replace(p.Audience), fmt.Sprintf("%s/%d", at, i)
		b.require(d.API(audience) != nil, here+"/audience", "there is no API with the audience %q", audience)
		b.require(client.RefreshScopes[audience] == nil, here+"/audience", "there is another policy for this audience")
		for j, name := range p.Scopes {
			b.require(d.API(audience).Has(name), fmt.Sprintf("%s/scope/%d", here, j), "the API %q has no scope %q", audience, name)
		}
		client.RefreshScopes[audience] = append([]string{}, p.Scopes...)
	}
}

// requireURLs requires absolute URLs, which are in the list at the JSON pointer.
func (b *builder) requireURLs(urls []string, at string) {
	for i, one := range urls {
		b.require(IsURL(one), fmt.Sprintf("%s/%d", at, i), "%q is not an absolute URL without a fragment, like \"https://app.example/callback\"", one)
	}
}

// IsURL reports whether one can be a URL of a client: an absolute one without a fragment, or that of a
// native app, like com.acme.app:/callback (RFC 8252 §7.1).
func IsURL(one string) bool {
	u, err := url.Parse(one)
	if err != nil || u.Fragment != "" || slices.Contains([]string{"", "javascript", "data"}, u.Scheme) {
		return false
	}
	return u.Host != "" || u.Path != "" && strings.Contains(u.Scheme, ".")
}

// api converts a, which is at the JSON pointer at.
func (b *builder) api(a apiConfig, at string, d *Directory) *API {
	made := &API{Audience: b.variables.Replace(a.Audience), Name: a.Name, Lifetime: time.Duration(a.Lifetime) * time.Second, RBAC: a.RBAC}
	made.Possession = cmp.Or(a.Possession, PossessionAllowed)
	b.require(slices.Contains([]string{PossessionNone, PossessionAllowed, PossessionRequired}, made.Possession), at+"/proof_of_possession",
		"%q is not one of none, allowed, required", made.Possession)
	made.Dialect = cmp.Or(a.Dialect, DialectAuth0)
	b.require(slices.Contains([]string{DialectAuth0, DialectRFC9068}, made.Dialect), at+"/token_dialect",
		"%q is not one of %s, %s", made.Dialect, DialectAuth0, DialectRFC9068)
	b.require(made.Audience != "", at+"/audience", "an API needs an audience, its identifier")
	b.require(made.Name != "", at+"/name", "an API needs a name, which the consent page shows")
	b.require(d.apis[made.Audience] == nil, at+"/audience", "there is another API with this audience")
	b.require(0 < a.Lifetime && a.Lifetime <= 30*24*3600, at+"/token_lifetime", "token_lifetime must be between 1 second and 30 days")
	for _, name := range slices.Sorted(maps.Keys(a.Scopes)) {
		made.Scopes = append(made.Scopes, Scope{name, a.Scopes[name]})
	}
	return made
}
