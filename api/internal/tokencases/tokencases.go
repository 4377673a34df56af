// Package tokencases is tokens, valid and not, that this API and other implementations are
// given, to compare their answers. The command in api/bench records those of the others, and
// a test of package httpapi compares.
package tokencases

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Case is one token, as text in which the placeholders ISS, AUD, KID and NOW, NOW+n and
// NOW-n (seconds since 1970) are replaced.
type Case struct {
	Name    string
	Header  string // JSON, or what is there instead
	Payload string
	Sign    Sign
	Change  func(token string) string // after signing; nil means none
}

// Sign is how a token is signed.
type Sign int

// Good is a valid signature; the others are what attackers do.
const (
	Good      Sign = iota
	Stranger       // with another key
	Flipped        // with one bit changed
	None           // with an empty signature
	PublicPEM      // by HMAC, with the public key in PEM
	PSS            // RSASSA-PSS by the same key
)

// Issuer is who signs the tokens of a run.
type Issuer struct {
	URL, Audience, KID string
	Key, Stranger      *rsa.PrivateKey
	Now                time.Time
}

var times = regexp.MustCompile(`NOW([+-]\d+)?`)

// fill replaces the placeholders in text.
func (iss Issuer) fill(text string) string {
	text = strings.NewReplacer("ISS", iss.URL, "AUD", iss.Audience, "KID", iss.KID).Replace(text)
	return times.ReplaceAllStringFunc(text, func(match string) string {
		offset, _ := strconv.ParseInt(strings.TrimPrefix(match, "NOW"), 10, 64) // "" is 0
		return strconv.FormatInt(iss.Now.Unix()+offset, 10)
	})
}

// Token returns the token of c.
func (iss Issuer) Token(c Case) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(iss.fill(c.Header))) + "." + encode([]byte(iss.fill(c.Payload)))
	digest := sha256.Sum256([]byte(signed))
	var signature []byte
	var err error
	switch c.Sign {
	case Good, Flipped:
		signature, err = rsa.SignPKCS1v15(rand.Reader, iss.Key, crypto.SHA256, digest[:])
	case Stranger:
		signature, err = rsa.SignPKCS1v15(rand.Reader, iss.Stranger, crypto.SHA256, digest[:])
	case PSS:
		signature, err = rsa.SignPSS(rand.Reader, iss.Key, crypto.SHA256, digest[:], nil)
	case PublicPEM:
		var der []byte
		if der, err = x509.MarshalPKIXPublicKey(iss.Key.Public()); err == nil {
			mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
			mac.Write([]byte(signed))
			signature = mac.Sum(nil)
		}
	case None:
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.Name, err)
	}
	if c.Sign == Flipped {
		signature[len(signature)/2] ^= 1
	}
	token := signed + "." + encode(signature)
	if c.Change != nil {
		token = c.Change(token)
	}
	return token, nil
}
