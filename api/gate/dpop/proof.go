package dpop

import (
	"errors"
	"math"

	"calling-an-api.example/api/gate/internal/alg"
	"calling-an-api.example/api/gate/internal/jws"
)

const (
	maxProof = 4 << 10 // bytes
	maxJTI   = 256     // bytes
	maxTime  = 253402300799
)

// claims are what a proof says (RFC 9449 §4.2), before it is compared with the request.
type claims struct {
	alg                         string
	key                         publicKey
	jwk                         []byte // the key as it was sent
	id, method, url, ath, nonce string
	issuedAt                    float64
	hasTime                     bool
}

// header reads the header of a proof. parse reads its key.
func (c *claims) header(data []byte, algorithms []string, parse func(jws.Value) (publicKey, error)) *Problem {
	var problem *Problem
	reject := func(reason, description string) error {
		problem = invalid(reason, description)
		return problem
	}
	isProof, hasKey := false, false
	err := jws.ScanObject(data, func(name []byte, v jws.Value) error {
		switch string(name) {
		case "typ":
			text, _ := v.Text()
			isProof = text == "dpop+jwt"
		case "alg":
			text, _ := v.Text()
			for _, known := range algorithms {
				if text == known {
					c.alg = known
				}
			}
			if c.alg == ed25519Name {
				c.alg = alg.EdDSA
			}
		case "jwk":
			hasKey, c.jwk = true, v.Raw
			var err error
			if c.key, err = parse(v); err != nil {
				return reject(ReasonKey, "The DPoP proof's key is not a public key that can be used: "+err.Error())
			}
		case "crit", "b64", "zip", "jku", "x5u": // extensions, and keys from elsewhere
			return reject(ReasonForm, "The DPoP proof's header has the parameter "+string(name)+", which is not allowed")
		}
		return nil
	})
	switch {
	case problem != nil:
		return problem
	case err != nil:
		return invalid(ReasonForm, "The DPoP proof's header is malformed: "+err.Error())
	case !isProof:
		return invalid(ReasonForm, "The DPoP proof's typ is not dpop+jwt")
	case c.alg == "":
		return invalid(ReasonKey, "The DPoP proof's alg is not one that is accepted")
	case !hasKey:
		return invalid(ReasonKey, "The DPoP proof has no jwk")
	}
	return nil
}

// payload reads the claims of a proof.
func (c *claims) payload(data []byte) *Problem {
	err := jws.ScanObject(data, func(name []byte, v jws.Value) error {
		ok := true
		switch string(name) {
		case "jti":
			c.id, ok = v.Text()
		case "htm":
			c.method, ok = v.Text()
		case "htu":
			c.url, ok = v.Text()
		case "ath":
			c.ath, ok = v.Text()
		case "nonce":
			c.nonce, ok = v.Text()
		case "iat":
			c.issuedAt, ok = v.Number()
			c.hasTime = true
			ok = ok && c.issuedAt >= 0 && c.issuedAt <= maxTime && !math.IsNaN(c.issuedAt)
		}
		if !ok {
			return errors.New("the claim " + string(name) + " has the wrong type or is out of range")
		}
		return nil
	})
	switch {
	case err != nil:
		return invalid(ReasonForm, "The DPoP proof's claims are malformed: "+err.Error())
	case c.id == "" || len(c.id) > maxJTI:
		return invalid(ReasonForm, "The DPoP proof has no jti of at most 256 bytes")
	case c.method == "" || c.url == "":
		return invalid(ReasonForm, "The DPoP proof lacks htm or htu")
	case !c.hasTime:
		return invalid(ReasonForm, "The DPoP proof lacks iat")
	}
	return nil
}
