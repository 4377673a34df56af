package tenant

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"calling-an-api.example/devserver/internal/directory"
)

// maxAssertion is how long a client assertion may be valid.
const maxAssertion = 10 * time.Minute

// assertionAlgorithms are those of client assertions, as at Auth0, and ES256.
var assertionAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.PS256, jose.ES256}

// verifyAssertion returns the client that has signed the assertion in asked (private_key_jwt,
// OpenID Connect Core §9, RFC 7523 §3). The error says what is wrong, without values.
func (t *Tenant) verifyAssertion(asked *op.ClientCredentials) (*directory.Client, error) {
	if asked.ClientAssertionType != oidc.ClientAssertionTypeJWTAssertion {
		return nil, errors.New("client_assertion_type must be " + oidc.ClientAssertionTypeJWTAssertion)
	}
	jws, err := jose.ParseSignedCompact(asked.ClientAssertion, assertionAlgorithms)
	if err != nil {
		return nil, errors.New("it is not a JWT that is signed with RS256, RS384, PS256 or ES256")
	}
	var claims struct {
		Issuer   string        `json:"iss"`
		Subject  string        `json:"sub"`
		Audience audienceClaim `json:"aud"`
		Expires  float64       `json:"exp"`
		Not      float64       `json:"nbf"`
		ID       string        `json:"jti"`
	}
	if json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &claims) != nil {
		return nil, errors.New("a claim is of the wrong type")
	}
	app := t.directory.Load().Client(claims.Subject)
	if app == nil || app.PublicKey == nil {
		return nil, errors.New("sub is not a client with a public_key")
	}
	if _, err := jws.Verify(app.PublicKey); err != nil {
		return nil, errors.New("its signature is not by the client's key")
	}
	own := []string{t.opts.Issuer, strings.TrimSuffix(t.opts.Issuer, "/"), t.opts.Issuer + "oauth/token"}
	now, expires := t.opts.Now(), time.UnixMilli(int64(claims.Expires*1000))
	switch {
	case claims.Issuer != app.ID, asked.ClientID != "" && asked.ClientID != app.ID:
		return nil, errors.New("iss, sub and client_id are not the same client")
	case !slices.ContainsFunc(claims.Audience, func(one string) bool { return slices.Contains(own, one) }):
		return nil, errors.New("aud is not this tenant")
	case !now.Before(expires):
		return nil, errors.New("it has expired, or has no exp")
	case expires.After(now.Add(maxAssertion)):
		return nil, errors.New("it is valid for more than 10 minutes")
	case now.Before(time.UnixMilli(int64(claims.Not * 1000))):
		return nil, errors.New("it is not valid yet")
	case claims.ID == "" || len(claims.ID) > 256:
		return nil, errors.New("it has no jti of at most 256 bytes")
	}
	isNew := false
	t.jtis.Update(app.ID+"\n"+claims.ID, func(used bool) bool { isNew = !used; return true })
	if !isNew {
		return nil, errors.New("it was used before")
	}
	return app, nil
}
