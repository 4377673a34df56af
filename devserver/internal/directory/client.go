package directory

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
)

// Client is an application.
type Client struct {
	ID, Name   string
	Secret     string           // "" for none
	PublicKey  crypto.PublicKey // of its assertions (private_key_jwt, RFC 7523 §2.2): RSA or P-256; nil for none
	Callbacks  []string         // redirect URIs
	LogoutURLs []string
	WebOrigins []string // origins for CORS and web_message responses
	Grants     []string // grant types
	Scopes     []string // granted by client_credentials

	RequireProof bool // its tokens must be bound to a key (RFC 9449)
	RequirePKCE  bool // also if it is confidential; public clients always need it (RFC 7636)

	RefreshScopes map[string][]string // by audience: what its refresh tokens may be exchanged for, whatever the login requested
}

// IsPublic reports whether the client has nothing to authenticate with (RFC 6749 §2.1).
func (c *Client) IsPublic() bool { return c.Secret == "" && c.PublicKey == nil }

// HasSecret reports, in constant time, whether secret is the client's. A client without one
// has none.
func (c *Client) HasSecret(secret string) bool {
	return c.Secret != "" && subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) == 1
}

// MayUse reports whether the client has the grant type.
func (c *Client) MayUse(grant string) bool { return slices.Contains(c.Grants, grant) }

// parsePublicKey reads a public key in PEM, as Auth0's dashboard takes it.
func parsePublicKey(text string) (crypto.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("it is not PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("it is not a public key in PKIX form: BEGIN PUBLIC KEY")
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() >= 2048 {
			return key, nil
		}
		return nil, errors.New("its modulus has less than 2048 bits")
	case *ecdsa.PublicKey:
		if key.Curve.Params().Name == "P-256" {
			return key, nil
		}
	}
	return nil, errors.New("it is neither RSA nor P-256")
}
