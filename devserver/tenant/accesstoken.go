package tenant

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"calling-an-api.example/devserver/internal/directory"
)

// Values of the header parameter typ.
const (
	typeJWT         = "JWT"    // of ID tokens, and of access tokens in Auth0's profile
	typeAccessToken = "at+jwt" // of access tokens in the profile of RFC 9068 (§2.1)
)

// inProfileOf returns the claims in the profile of a, which may be nil, and the token's typ. The
// profile of RFC 9068 has client_id and jti, and neither azp nor gty, as at Auth0.
func (c accessClaims) inProfileOf(a *directory.API) (accessClaims, string) {
	if a == nil || a.Dialect != directory.DialectRFC9068 {
		return c, typeJWT
	}
	c.ClientID, c.ID = c.Client, rand.Text()
	c.Client, c.GrantType = "", ""
	return c, typeAccessToken
}

// accessToken returns claims as the access token for a, and as they are for the events. Without
// an API the token is opaque to clients, as at Auth0: only /userinfo can read it.
func (t *Tenant) accessToken(claims accessClaims, a *directory.API) (string, IssuedToken, error) {
	kind, typ := "Access token, which is opaque to clients", ""
	if a != nil {
		kind = "Access token"
		claims, typ = claims.inProfileOf(a)
	}
	shown, err := newIssuedToken(kind, claims)
	if err != nil {
		return "", shown, err
	}
	if a == nil {
		token, err := t.encrypt(claims)
		return token, shown, err
	}
	token, err := t.keys.sign(typ, claims)
	return token, shown, err
}

// openAccessToken returns the claims of an access token of this tenant. It may have expired, or be
// an ID token: the caller must check aud and exp.
func (t *Tenant) openAccessToken(token string) (claims accessClaims, ok bool) {
	if strings.Count(token, ".") == 2 {
		return claims, t.verified(token, &claims)
	}
	return claims, t.decrypt(token, &claims)
}

// encrypt returns claims as a JWE by a key that only this tenant has. Its header is Auth0's.
func (t *Tenant) encrypt(claims any) (string, error) {
	keys, err := t.keys.list()
	if err != nil {
		return "", err
	}
	secret, err := keys[0].secret()
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: secret},
		(&jose.EncrypterOptions{}).WithHeader("iss", t.opts.Issuer))
	if err != nil {
		return "", err
	}
	jwe, err := encrypter.Encrypt(payload)
	if err != nil {
		return "", err
	}
	return jwe.CompactSerialize()
}

// decrypt reports whether token is a JWE by one of the published keys, and decodes its claims.
func (t *Tenant) decrypt(token string, claims any) bool {
	jwe, err := jose.ParseEncryptedCompact(token, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return false
	}
	keys, err := t.keys.list()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(keys, func(key *signingKey) bool {
		secret, err := key.secret()
		if err != nil {
			return false
		}
		payload, err := jwe.Decrypt(secret)
		return err == nil && json.Unmarshal(payload, claims) == nil
	})
}

// secret returns the symmetric key of opaque tokens, which lives and ends with the signing key.
func (k *signingKey) secret() ([]byte, error) {
	return hkdf.Key(sha256.New, x509.MarshalPKCS1PrivateKey(k.private), nil, "opaque access tokens", 32)
}
