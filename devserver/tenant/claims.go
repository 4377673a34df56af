package tenant

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"calling-an-api.example/devserver/internal/directory"
)

// accessClaims are the claims of an access token, in Auth0's profile or in that of RFC 9068. Its
// aud distinguishes it from an ID token, whose aud is the client.
type accessClaims struct {
	Issuer      string        `json:"iss"`
	Subject     string        `json:"sub"`
	Audience    audienceClaim `json:"aud"`
	IssuedAt    int64         `json:"iat"`
	Expires     int64         `json:"exp"`
	Scope       string        `json:"scope,omitempty"`
	GrantType   string        `json:"gty,omitempty"`
	Client      string        `json:"azp,omitempty"`
	ClientID    string        `json:"client_id,omitempty"` // RFC 9068 §2.2, as jti
	ID          string        `json:"jti,omitempty"`
	Permissions []string      `json:"permissions,omitzero"` // nil for none, as an API without RBAC has

	Confirmation *confirmation `json:"cnf,omitempty"` // the key that the token is bound to

	more map[string]any // the user's own claims
}

// audienceClaim is a claim aud: text if it is one, as at Auth0, or a list (RFC 7519 §4.1.3).
type audienceClaim []string

// MarshalJSON implements json.Marshaler.
func (a audienceClaim) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *audienceClaim) UnmarshalJSON(data []byte) error {
	return (*oidc.Audience)(a).UnmarshalJSON(data)
}

// MarshalJSON implements json.Marshaler.
func (c accessClaims) MarshalJSON() ([]byte, error) {
	type plain accessClaims
	if len(c.more) == 0 {
		return json.Marshal(plain(c))
	}
	all, err := c.asMap()
	if err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// asMap returns all claims by name.
func (c accessClaims) asMap() (map[string]any, error) {
	type plain accessClaims
	data, err := json.Marshal(plain(c))
	if err != nil {
		return nil, err
	}
	all := map[string]any{}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	maps.Copy(all, c.more) // their names have namespaces, so nothing is replaced
	return all, nil
}

// userAccessClaims returns the claims and the lifetime of the access token for g. It is
// for the requested API, if there is one, and /userinfo.
func (p *protocol) userAccessClaims(g *grant) (accessClaims, time.Duration) {
	now, lifetime := p.tenant.opts.Now(), userinfoTokenLifetime
	claims := accessClaims{
		Issuer: p.tenant.opts.Issuer, Subject: g.session.user.ID, Client: g.request.client.ID,
		IssuedAt: now.Unix(), Scope: strings.Join(g.scopes, " "), more: maps.Clone(g.session.user.Claims),
	}
	if a := g.request.api; a != nil {
		lifetime = a.Lifetime
		claims.Audience = append(claims.Audience, a.Audience)
		claims.Permissions = a.PermissionsOf(g.session.user.Permissions)
	}
	if own := g.session.user.TokenLifetime; own > 0 {
		lifetime = own
	}
	if name, value := g.request.organizationClaim(); name != "" {
		if claims.more == nil {
			claims.more = map[string]any{}
		}
		claims.more[name] = value
	}
	claims.Audience = append(claims.Audience, p.userinfoAudience())
	claims.Expires = now.Add(lifetime).Unix()
	return claims, lifetime
}

// idClaims are the claims of an ID token, in the form of Auth0's.
type idClaims struct{ *oidc.IDTokenClaims }

// MarshalJSON implements json.Marshaler.
func (c idClaims) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(c.IDTokenClaims)
	if err != nil {
		return nil, err
	}
	all := map[string]any{}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	all["aud"] = audienceClaim(c.Audience)
	return json.Marshal(all)
}

// idClaims returns the claims of the ID token for g.
func (p *protocol) idClaims(g *grant) idClaims {
	now := p.tenant.opts.Now()
	app := g.request.client.ID
	claims := oidc.NewIDTokenClaims(p.tenant.opts.Issuer, g.session.user.ID, []string{app},
		now.Add(idTokenLifetime), g.session.loggedIn, g.request.Nonce, "", nil, app, 0)
	claims.IssuedAt = oidc.FromTime(now)
	claims.ClientID, claims.AuthorizedParty = "", "" // Auth0's have none
	if !g.request.hasMaxAge {
		claims.AuthTime = 0 // Auth0's have one only then
	}
	info := profile(g.session.user, g.scopes)
	if name, value := g.request.organizationClaim(); name != "" {
		info.AppendClaims(name, value)
	}
	claims.SetUserInfo(info)
	claims.SessionID = g.session.id
	return idClaims{claims}
}

// profile returns the claims of u that scopes allow.
func profile(u *directory.User, scopes []string) *oidc.UserInfo {
	info := &oidc.UserInfo{Subject: u.ID}
	if slices.Contains(scopes, oidc.ScopeProfile) {
		info.UserInfoProfile = oidc.UserInfoProfile{
			Name: u.Name(), GivenName: u.GivenName, FamilyName: u.FamilyName, Nickname: u.Nickname, Picture: u.Picture,
		}
		info.AppendClaims("updated_at", u.UpdatedAt.UTC().Format("2006-01-02T15:04:05.000Z")) // Auth0's format
	}
	for name, value := range u.Claims {
		info.AppendClaims(name, value)
	}
	if slices.Contains(scopes, oidc.ScopeEmail) {
		info.Email = u.Email
		info.AppendClaims("email_verified", u.EmailVerified) // the library's field is left out if false
	}
	return info
}

// verified reports whether token is a JWT of this tenant, and decodes its claims. It may
// have expired.
func (t *Tenant) verified(token string, claims any) bool {
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return false
	}
	payload, err := t.keys.verify(jws)
	return err == nil && json.Unmarshal(payload, claims) == nil
}
