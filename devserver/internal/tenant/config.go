package tenant

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
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
	d, err := parseConfig(file, data, Options{Now: time.Now, ClientID: "x", Audience: "x"})
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
	tree, err := hujson.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", file, strings.TrimPrefix(err.Error(), "hujson: "))
	}
	plain := tree.Clone()
	plain.Standardize() // keeps every offset
	decoder := json.NewDecoder(bytes.NewReader(plain.Pack()))
	decoder.DisallowUnknownFields()
	var config configFile
	if err := decoder.Decode(&config); err != nil {
		offset := int(decoder.InputOffset()) // after what is wrong
		problem := strings.TrimPrefix(err.Error(), "json: ")
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			offset = int(wrong.Offset) - 1
			problem = fmt.Sprintf("%s must be of the type %s, not %s", wrong.Field, wrong.Type, wrong.Value)
		} else if name, ok := strings.CutPrefix(problem, "unknown field "); ok {
			offset = max(bytes.LastIndex(data[:offset], []byte(name)), 0)
		}
		return nil, fault(file, data, offset, problem)
	}
	c := builder{file: file, data: data, tree: &tree, fill: strings.NewReplacer(
		"$PAGE", opts.AppOrigin, "$TENANT", strings.TrimSuffix(opts.Issuer, "/"), "$CLIENT_ID", opts.ClientID, "$AUDIENCE", opts.Audience)}
	d := c.build(config, opts.Now())
	if c.err != nil {
		return nil, c.err
	}
	return d, nil
}

func fault(file string, data []byte, offset int, problem string) error {
	before := data[:min(offset, len(data))]
	return fmt.Errorf("%s:%d:%d: %s", file, 1+bytes.Count(before, []byte("\n")), len(before)-bytes.LastIndexByte(before, '\n'), problem)
}

// builder makes a directory of what a file says, and remembers the first fault.
type builder struct {
	file string
	data []byte
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
	b.err = fault(b.file, b.data, offset, fmt.Sprintf(problem, args...))
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
	for i, u := range config.Users {
		at := fmt.Sprintf("/users/%d", i)
		b.need(u.ID != "", at+"/user_id", "a user needs a user_id, like \"auth0|ada\"")
		b.need(strings.Contains(u.Email, "@"), at+"/email", "a user needs an email address")
		b.need(u.Password != "", at+"/password", "a user needs a password")
		b.need(!slices.ContainsFunc(d.users, func(other *user) bool { return other.id == u.ID || other.email == u.Email }), at,
			"there is another user with this user_id or email address")
		for name := range u.Claims {
			b.need(strings.Contains(name, "://"), at+"/claims", "the claim %q needs a namespace, like \"https://example.com/roles\": others have a meaning", name)
		}
		d.users = append(d.users, &user{
			id: u.ID, email: u.Email, password: u.Password, givenName: u.GivenName, familyName: u.FamilyName, nickname: u.Nickname,
			picture: b.fill.Replace(u.Picture), permissions: u.Permissions, blocked: u.Blocked, claims: u.Claims, updatedAt: now,
		})
	}
	for i, c := range config.Clients {
		at := fmt.Sprintf("/clients/%d", i)
		id := b.fill.Replace(c.ID)
		b.need(id != "", at+"/client_id", "a client needs a client_id")
		b.need(d.clients[id] == nil, at+"/client_id", "there is another client with this client_id")
		for j, grant := range c.Grants {
			known := []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials}
			b.need(slices.Contains(known, grant), fmt.Sprintf("%s/grant_types/%d", at, j),
				"the grant %q is none of authorization_code, refresh_token, client_credentials", grant)
		}
		b.need(c.Secret != "" || !slices.Contains(c.Grants, oidc.GrantTypeClientCredentials), at, "client_credentials needs a client_secret")
		d.clients[id] = &client{
			id: id, name: c.Name, secret: c.Secret, callbacks: b.all(c.Callbacks), logoutURLs: b.all(c.LogoutURLs),
			webOrigins: b.all(c.WebOrigins), grants: c.Grants, granted: c.Scopes,
		}
	}
	for i, a := range config.APIs {
		at := fmt.Sprintf("/apis/%d", i)
		audience := b.fill.Replace(a.Audience)
		b.need(audience != "", at+"/audience", "an API needs an audience, its identifier")
		b.need(d.apis[audience] == nil, at+"/audience", "there is another API with this audience")
		b.need(0 < a.Lifetime && a.Lifetime <= 30*24*3600, at+"/token_lifetime", "token_lifetime must be between 1 second and 30 days")
		made := &api{audience: audience, name: a.Name, lifetime: time.Duration(a.Lifetime) * time.Second, rbac: a.RBAC}
		for _, name := range slices.Sorted(maps.Keys(a.Scopes)) {
			made.scopes = append(made.scopes, scope{name, a.Scopes[name]})
		}
		d.apis[audience] = made
	}
	return d
}
