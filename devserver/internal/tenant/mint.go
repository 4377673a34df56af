package tenant

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// mint returns an access token as ask describes it.
func (t *Tenant) mint(ask controlRequest) (string, error) {
	if ask.Audience == "" {
		ask.Audience = t.opts.Audience
	}
	lifetime := 2 * time.Hour
	a := t.api(ask.Audience)
	if a != nil {
		lifetime = a.lifetime
	}
	expires := t.opts.Now().Add(lifetime)
	if ask.Expired {
		expires = t.opts.Now().Add(-time.Hour)
	}
	claims := map[string]any{
		"iss": t.opts.Issuer, "aud": []string{ask.Audience}, "iat": expires.Add(-lifetime).Unix(), "exp": expires.Unix(),
	}
	var permissions []string
	if ask.User != "" {
		u := t.userByEmail(ask.User)
		if u == nil {
			return "", fmt.Errorf("there is no user with the email address %q", ask.User)
		}
		permissions = u.permissions
		claims["sub"], claims["azp"] = u.id, t.opts.ClientID
		claims["scope"] = strings.Join(append([]string{"openid", "profile", "email"}, permissions...), " ")
		maps.Copy(claims, u.claims)
	} else {
		if app := t.client(MachineClientID); app != nil {
			permissions = app.granted
		}
		claims["sub"], claims["azp"], claims["gty"] = MachineClientID+"@clients", MachineClientID, "client-credentials"
		claims["scope"] = strings.Join(permissions, " ")
	}
	if a != nil && a.rbac && len(permissions) > 0 {
		claims["permissions"] = permissions
	}
	if ask.Scope != "" {
		claims["scope"] = ask.Scope
	}
	maps.Copy(claims, ask.Claims)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	t.events.issued([]issuedToken{{"Access token", claims}}, "make token, or a test, got a token of %s", cmp.Or(ask.User, MachineClientID))
	return t.signAs(ask.Bad, claims)
}

// signAs returns claims as a token with the flaw that bad names; "" is none.
func (t *Tenant) signAs(bad string, claims map[string]any) (string, error) {
	switch bad {
	case "":
		return t.keys.sign(claims)
	case "signature":
		token, err := t.keys.sign(claims)
		if err != nil {
			return "", err
		}
		at := strings.LastIndexByte(token, '.') + 10
		return token[:at] + string(map[bool]byte{true: 'B', false: 'A'}[token[at] == 'A']) + token[at+1:], nil
	case "key":
		return t.signForeign(claims)
	case "none":
		payload, err := json.Marshal(claims)
		encode := base64.RawURLEncoding.EncodeToString
		return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(payload) + ".", err
	}
	return "", fmt.Errorf(`"bad" must be signature, key or none, not %q`, bad)
}

// signForeign signs claims by a key that nobody knows, under the name of ours.
func (t *Tenant) signForeign(claims any) (string, error) {
	keys, err := t.keys.list()
	if err != nil {
		return "", err
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: private, KeyID: keys[0].id}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}
