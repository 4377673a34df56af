package tenant

import (
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// accessClaims are the claims of an access token, in the shape of Auth0's. Its
// aud tells it from an ID token, whose aud is the client.
type accessClaims struct {
	Issuer      string        `json:"iss"`
	Subject     string        `json:"sub"`
	Audience    oidc.Audience `json:"aud"`
	IssuedAt    int64         `json:"iat"`
	Expires     int64         `json:"exp"`
	Scope       string        `json:"scope,omitempty"`
	GrantType   string        `json:"gty,omitempty"`
	Client      string        `json:"azp"`
	Permissions []string      `json:"permissions,omitempty"`

	more map[string]any // of the user's own
}

// MarshalJSON implements json.Marshaler.
func (c accessClaims) MarshalJSON() ([]byte, error) {
	type plain accessClaims
	data, err := json.Marshal(plain(c))
	if err != nil || len(c.more) == 0 {
		return data, err
	}
	all := map[string]any{}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	maps.Copy(all, c.more) // their names have namespaces, so they replace none
	return json.Marshal(all)
}

// userAccessClaims returns the claims of the access token for g, which is for the
// API that was asked for and /userinfo, or just the latter.
func (s *server) userAccessClaims(g *grant) (accessClaims, time.Duration) {
	now, lifetime := s.tenant.opts.Now(), userinfoTokenLifetime
	claims := accessClaims{
		Issuer: s.tenant.opts.Issuer, Subject: g.session.user.id, Client: g.request.client.id,
		IssuedAt: now.Unix(), Scope: strings.Join(g.scopes, " "), more: maps.Clone(g.session.user.claims),
	}
	if a := g.request.api; a != nil {
		lifetime = a.lifetime
		claims.Audience = append(claims.Audience, a.audience)
		if a.rbac {
			claims.Permissions = g.session.user.permissions
		}
	}
	if name, value := g.request.organizationClaim(); name != "" {
		if claims.more == nil {
			claims.more = map[string]any{}
		}
		claims.more[name] = value
	}
	claims.Audience = append(claims.Audience, s.userinfoAudience())
	claims.Expires = now.Add(lifetime).Unix()
	return claims, lifetime
}

func (s *server) idClaims(g *grant) *oidc.IDTokenClaims {
	now := s.tenant.opts.Now()
	app := g.request.client.id
	claims := oidc.NewIDTokenClaims(s.tenant.opts.Issuer, g.session.user.id, []string{app},
		now.Add(idTokenLifetime), g.session.loggedIn, g.request.Nonce, "", nil, app, 0)
	claims.IssuedAt = oidc.FromTime(now)
	claims.ClientID = "" // Auth0's don't have it
	info := g.session.user.profile(g.scopes)
	if name, value := g.request.organizationClaim(); name != "" {
		info.AppendClaims(name, value)
	}
	claims.SetUserInfo(info)
	claims.SessionID = g.session.id
	return claims
}

// verified reports whether token is a JWT of ours, and reads its claims. It may have
// expired.
func (t *Tenant) verified(token string, claims any) bool {
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return false
	}
	payload, err := t.keys.verify(jws)
	return err == nil && json.Unmarshal(payload, claims) == nil
}
