package tenant

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tailscale/hujson"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// DefaultConfig is the configuration without a file, and what a person copies to
// begin one.
//
//go:embed default.jsonc
var DefaultConfig []byte

// directory is who and what the tenant knows. It is never changed, only replaced.
type directory struct {
	users   []*user
	clients map[string]*client
	apis    map[string]*api
}

// The file's form. Names are those of Auth0's Management API, where it has them.
type configFile struct {
	Users   []userConfig   `json:"users"`
	Clients []clientConfig `json:"clients"`
	APIs    []apiConfig    `json:"apis"`
}

type userConfig struct {
	ID          string         `json:"user_id"`
	Email       string         `json:"email"`
	Password    string         `json:"password"`
	GivenName   string         `json:"given_name"`
	FamilyName  string         `json:"family_name"`
	Nickname    string         `json:"nickname"`
	Picture     string         `json:"picture"`
	Permissions []string       `json:"permissions"`
	Blocked     bool           `json:"blocked"`
	Claims      map[string]any `json:"claims"`
}

type clientConfig struct {
	ID         string           `json:"client_id"`
	Secret     string           `json:"client_secret"`
	Name       string           `json:"name"`
	Callbacks  []string         `json:"callbacks"`
	LogoutURLs []string         `json:"allowed_logout_urls"`
	WebOrigins []string         `json:"web_origins"`
	Grants     []oidc.GrantType `json:"grant_types"`
	Scopes     []string         `json:"scopes"`
}

type apiConfig struct {
	Audience string            `json:"audience"`
	Name     string            `json:"name"`
	Scopes   map[string]string `json:"scopes"`
	Lifetime int               `json:"token_lifetime"` // seconds
	RBAC     bool              `json:"rbac"`
}

// Configure has the tenant know who and what data, the content of file, says. On an
// error, which names file:line:column, it knows what it knew.
func (t *Tenant) Configure(file string, data []byte) error {
	d, err := parseConfig(file, data, t.opts)
	if err == nil {
		t.directory.Store(d)
	}
	return err
}

// User is what a person needs to know of a test user.
type User struct {
	Name, Email, Password string
	Permissions           []string
	Blocked               bool
}

// TestUsers lists the people who can log in by the configuration in file, or by the
// default one if file is "".
func TestUsers(file string) ([]User, error) {
	data, err := DefaultConfig, error(nil)
	if file != "" {
		if data, err = os.ReadFile(file); err != nil { //nolint:gosec // the person names it
			return nil, err
		}
	}
	d, err := parseConfig(file, data, Options{
		Now: time.Now, Issuer: "http://localhost:4400/", AppOrigin: "http://localhost:4200", ClientID: "x", Audience: "x",
	})
	if err != nil {
		return nil, err
	}
	return d.testUsers(), nil
}

func (d *directory) testUsers() (list []User) {
	for _, u := range d.users {
		list = append(list, User{u.name(), u.email, u.password, u.permissions, u.blocked})
	}
	return list
}

func parseConfig(file string, data []byte, opts Options) (*directory, error) {
	s := shaper{file, bytes.TrimPrefix(data, []byte("\ufeff"))} // which editors on Windows write
	tree, err := s.parse()
	if err != nil {
		return nil, err
	}
	var config configFile
	if err := s.check(tree, reflect.TypeFor[configFile](), "the file"); err != nil {
		return nil, err
	}
	plain := tree.Clone()
	plain.Standardize()
	if err := json.Unmarshal(plain.Pack(), &config); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	b := builder{shaper: s, tree: &tree, fill: strings.NewReplacer(
		"$PAGE", opts.AppOrigin, "$TENANT", strings.TrimSuffix(opts.Issuer, "/"), "$CLIENT_ID", opts.ClientID, "$AUDIENCE", opts.Audience)}
	d := b.build(config, opts.Now())
	if b.err != nil {
		return nil, b.err
	}
	return d, nil
}

// builder makes a directory of what a file says, and remembers the first fault.
type builder struct {
	shaper
	tree *hujson.Value
	fill *strings.Replacer
	err  error
}

// need remembers problem, of the value at the JSON pointer, unless ok.
func (b *builder) need(ok bool, pointer, problem string, args ...any) {
	if ok || b.err != nil {
		return
	}
	offset := 0
	for pointer != "" {
		if v := b.tree.Find(pointer); v != nil {
			offset = v.StartOffset
			break
		}
		pointer = pointer[:strings.LastIndexByte(pointer, '/')] // it is not there: then where it should be
	}
	b.err = b.fault(offset, problem, args...)
}

func (b *builder) all(list []string) []string {
	filled := make([]string, len(list))
	for i, s := range list {
		filled[i] = b.fill.Replace(s)
	}
	return filled
}

func (b *builder) build(config configFile, now time.Time) *directory {
	d := &directory{clients: map[string]*client{}, apis: map[string]*api{}}
	b.need(len(config.Clients) > 0, "", "there are no clients, so nobody can log in to anything")
	for i, u := range config.Users {
		d.users = append(d.users, b.user(u, fmt.Sprintf("/users/%d", i), d, now))
	}
	for i, c := range config.Clients {
		made := b.client(c, fmt.Sprintf("/clients/%d", i), d)
		d.clients[made.id] = made
	}
	for i, a := range config.APIs {
		made := b.api(a, fmt.Sprintf("/apis/%d", i), d)
		d.apis[made.audience] = made
	}
	return d
}

func (b *builder) user(u userConfig, at string, d *directory, now time.Time) *user {
	b.need(u.ID != "", at+"/user_id", "a user needs a user_id, like \"auth0|ada\"")
	b.need(strings.Contains(u.Email, "@"), at+"/email", "a user needs an email address")
	b.need(u.Password != "", at+"/password", "a user needs a password")
	b.need(!slices.ContainsFunc(d.users, func(other *user) bool { return other.id == u.ID || strings.EqualFold(other.email, u.Email) }), at,
		"there is another user with this user_id or email address")
	for _, name := range slices.Sorted(maps.Keys(u.Claims)) {
		b.need(strings.Contains(name, "://"), at+"/claims", "the claim %q needs a namespace, like \"https://example.com/roles\": others have a meaning", name)
	}
	before, _, _ := strings.Cut(u.Email, "@")
	return &user{
		id: u.ID, email: u.Email, password: u.Password, givenName: u.GivenName, familyName: u.FamilyName, nickname: cmp.Or(u.Nickname, before),
		picture: b.fill.Replace(u.Picture), permissions: u.Permissions, blocked: u.Blocked, claims: u.Claims, updatedAt: now,
	}
}

func (b *builder) client(c clientConfig, at string, d *directory) *client {
	made := &client{
		id: b.fill.Replace(c.ID), name: c.Name, secret: c.Secret, callbacks: b.all(c.Callbacks), logoutURLs: b.all(c.LogoutURLs),
		webOrigins: b.all(c.WebOrigins), grants: c.Grants, granted: c.Scopes,
	}
	b.need(made.id != "", at+"/client_id", "a client needs a client_id")
	b.need(made.name != "", at+"/name", "a client needs a name: people are asked whether they trust it")
	b.need(d.clients[made.id] == nil, at+"/client_id", "there is another client with this client_id")
	for j, grant := range c.Grants {
		known := []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials}
		b.need(slices.Contains(known, grant), fmt.Sprintf("%s/grant_types/%d", at, j),
			"the grant %q is none of authorization_code, refresh_token, client_credentials", grant)
	}
	b.need(c.Secret != "" || !slices.Contains(c.Grants, oidc.GrantTypeClientCredentials), at, "client_credentials needs a client_secret")
	b.absolute(made.callbacks, at+"/callbacks")
	b.absolute(made.logoutURLs, at+"/allowed_logout_urls")
	for j, one := range made.webOrigins {
		b.need(one != "" && origin(one) == one, fmt.Sprintf("%s/web_origins/%d", at, j),
			"%q is no origin: a scheme, a host and maybe a port, with nothing behind it", one)
	}
	return made
}

// absolute needs all of urls, which are at the JSON pointer, to be that.
func (b *builder) absolute(urls []string, at string) {
	for i, one := range urls {
		u, err := url.Parse(one)
		b.need(err == nil && u.Scheme != "" && u.Host != "" && u.Fragment == "", fmt.Sprintf("%s/%d", at, i),
			"%q is no absolute URL without a fragment, like \"https://app.example/callback\"", one)
	}
}

func (b *builder) api(a apiConfig, at string, d *directory) *api {
	made := &api{audience: b.fill.Replace(a.Audience), name: a.Name, lifetime: time.Duration(a.Lifetime) * time.Second, rbac: a.RBAC}
	b.need(made.audience != "", at+"/audience", "an API needs an audience, its identifier")
	b.need(made.name != "", at+"/name", "an API needs a name: people are asked whether it may be called for them")
	b.need(d.apis[made.audience] == nil, at+"/audience", "there is another API with this audience")
	b.need(0 < a.Lifetime && a.Lifetime <= 30*24*3600, at+"/token_lifetime", "token_lifetime must be between 1 second and 30 days")
	for _, name := range slices.Sorted(maps.Keys(a.Scopes)) {
		made.scopes = append(made.scopes, scope{name, a.Scopes[name]})
	}
	return made
}
