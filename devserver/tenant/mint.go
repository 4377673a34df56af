package tenant

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"calling-an-api.example/devserver/internal/directory"
)

// MintOptions describe an access token for [Tenant.Mint]. The zero value is a valid
// token of the machine client.
type MintOptions struct {
	User     string         `json:"user"`     // email address or ID; "" means the machine client
	Audience string         `json:"audience"` // "" means Options.Audience or, without such an API, the only one
	Scope    string         `json:"scope"`    // "" means everything that the user may do
	Expired  bool           `json:"expired"`  // an hour ago
	Claims   map[string]any `json:"claims"`   // replace claims; nil removes one
	JKT      string         `json:"jkt"`      // thumbprint of the key that the token is bound to (RFC 9449 §6.1); "" for none
	Bad      string         `json:"bad"`      // a defect: "signature", "key" (unknown) or "none" (the algorithm)
}

// Mint returns an access token without a login. It does not check permissions. The
// error says that the user does not exist, JKT is not a thumbprint, or Bad is unknown.
func (t *Tenant) Mint(options MintOptions) (string, error) {
	if options.JKT != "" && !isDigest(options.JKT) {
		return "", errors.New(`"jkt" must be the SHA-256 thumbprint of a key (RFC 7638), 43 characters of base64url`)
	}
	d, now := t.directory.Load(), t.opts.Now()
	audience := cmp.Or(options.Audience, t.opts.Audience)
	if apis := d.APIs(); options.Audience == "" && d.API(audience) == nil && len(apis) == 1 {
		audience = apis[0].Audience
	}
	lifetime := 2 * time.Hour
	a := d.API(audience)
	if a != nil {
		lifetime = a.Lifetime
	}
	access := accessClaims{Issuer: t.opts.Issuer, Audience: audienceClaim{audience}}
	var permissions []string
	if options.User != "" {
		u, err := t.findUser(options.User)
		if err != nil {
			return "", err
		}
		permissions = u.Permissions
		if u.TokenLifetime > 0 {
			lifetime = u.TokenLifetime
		}
		access.Subject, access.Client, access.more = u.ID, clientOfUsers(d, t.opts.ClientID), u.Claims
		access.Scope = strings.Join(append([]string{"openid", "profile", "email"}, permissions...), " ")
	} else {
		if app := d.Client(MachineClientID); app != nil {
			permissions = app.Scopes
		}
		access.Subject, access.Client, access.GrantType = MachineClientID+"@clients", MachineClientID, "client-credentials"
		access.Scope = strings.Join(permissions, " ")
	}
	expires := now.Add(lifetime)
	if options.Expired {
		expires = now.Add(-time.Hour)
	}
	access.IssuedAt, access.Expires = expires.Add(-lifetime).Unix(), expires.Unix()
	access.Permissions = a.PermissionsOf(permissions)
	if options.JKT != "" {
		access.Confirmation = &confirmation{options.JKT}
	}
	access.Scope = cmp.Or(options.Scope, access.Scope)
	if a != nil && options.User != "" && slices.Contains(strings.Fields(access.Scope), oidc.ScopeOpenID) { // as after a login
		access.Audience = append(access.Audience, t.opts.Issuer+"userinfo")
	}
	access, typ := access.inProfileOf(a)
	claims, err := access.asMap()
	if err != nil {
		return "", err
	}
	maps.Copy(claims, options.Claims)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	shown, err := newIssuedToken("Access token", claims)
	if err != nil {
		return "", err
	}
	t.events.record(nil, Event{
		Type: EventControl, User: t.emailOf(options.User), Client: access.Client,
		Text:   fmt.Sprintf("make token, a test or the dashboard minted a token for %s%s", cmp.Or(options.User, MachineClientID), boundTo(options.JKT)),
		Tokens: []IssuedToken{shown},
	})
	return t.signAs(options.Bad, typ, claims)
}

// clientOfUsers returns the client that a user's token is for: usual or, if d does not have it, the first
// that users log in to; "" if there is none.
func clientOfUsers(d *directory.Directory, usual string) string {
	if d.Client(usual) != nil {
		return usual
	}
	for _, client := range d.Clients() {
		if client.MayUse(directory.GrantCode) {
			return client.ID
		}
	}
	return ""
}

// signAs returns claims as a token with a defect, "" for none.
func (t *Tenant) signAs(defect, typ string, claims map[string]any) (string, error) {
	switch defect {
	case "":
		return t.keys.sign(typ, claims)
	case "signature":
		token, err := t.keys.sign(typ, claims)
		if err != nil {
			return "", err
		}
		at := strings.LastIndexByte(token, '.') + 10
		return token[:at] + string(map[bool]byte{true: 'B', false: 'A'}[token[at] == 'A']) + token[at+1:], nil
	case "key":
		return t.signWithUnknownKey(typ, claims)
	case "none":
		payload, err := json.Marshal(claims)
		encode := base64.RawURLEncoding.EncodeToString
		return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(payload) + ".", err
	}
	return "", fmt.Errorf(`"bad" must be signature, key or none, not %q`, defect)
}

// signWithUnknownKey signs claims with a key that is not published, under the current
// key's ID.
func (t *Tenant) signWithUnknownKey(typ string, claims any) (string, error) {
	keys, err := t.keys.list()
	if err != nil {
		return "", err
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	unknown := &signingKeys{first: func() error { return nil }, all: []*signingKey{{keys[0].id, private}}}
	return unknown.sign(typ, claims)
}
