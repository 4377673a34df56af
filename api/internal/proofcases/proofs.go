package proofcases

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// forms are about the serialization, the header and the signature.
func forms() []Case {
	header := func(name string, value any) func(r *Run) string {
		return func(r *Run) string { return r.header(name, value) }
	}
	text := func(change func(header, payload string) (string, string)) func(r *Run) string {
		return func(r *Run) string {
			header, payload := change(r.text())
			return sign(r.Owner, header, payload)
		}
	}
	return []Case{
		bad("proof_form", "15 two parts", func(r *Run) string { return strings.Join(strings.Split(r.proof(), ".")[:2], ".") }),
		bad("proof_form", "15 four parts", func(r *Run) string { return r.proof() + ".AAAA" }),
		bad("proof_form", "15 a word", func(*Run) string { return "proof" }),
		bad("proof_form", "16 padding", func(r *Run) string { return r.proof() + "==" }),
		bad("proof_form", "16 not canonical", func(r *Run) string {
			proof := r.proof()
			return proof[:len(proof)-1] + map[byte]string{'A': "B", 'Q': "R", 'g': "h", 'w': "x"}[proof[len(proof)-1]]
		}),
		bad("proof_form", "17 more than 4 KiB", func(r *Run) string { return r.claim("x", strings.Repeat("x", 4000)) }),
		bad("proof_form", "18 htu twice", text(func(header, payload string) (string, string) {
			return header, `{"htu":"https://evil.test",` + payload[1:]
		})),
		bad("proof_form", "19 jwk twice", func(r *Run) string {
			header, payload := r.text()
			return sign(r.Owner, `{"jwk":`+asJSON(r.Other.JWK())+","+header[1:], payload)
		}),
		bad("proof_form", "19 x of jwk twice", text(func(header, payload string) (string, string) {
			return strings.Replace(header, `"x":`, `"x":"AA","x":`, 1), payload
		})),
		bad("proof_form", "20 invalid UTF-8", text(func(header, payload string) (string, string) {
			return header, "{\"x\":\"\xff\"," + payload[1:]
		})),
		bad("proof_key", "21 a signature in DER", func(r *Run) string {
			return resign(r.proof(), func(signature []byte) []byte {
				der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])})
				if err != nil {
					panic(err) // impossible for two integers
				}
				return der
			})
		}),
		bad("proof_key", "21 a short signature", func(r *Run) string {
			return resign(r.proof(), func(signature []byte) []byte { return signature[:63] })
		}),
		good("22 unknown header members", header("x", map[string]any{"y": 1})),
		good("22 unknown claims", func(r *Run) string { return r.claim("x", []int{1}) }),
		bad("proof_form", "23 crit", header("crit", []string{"jwk"})),
		bad("proof_form", "24 b64 false", header("b64", false)),
		bad("proof_form", "25 typ missing", header("typ", nil)),
		bad("proof_form", "25 typ JWT", header("typ", "JWT")),
		bad("proof_form", "25 typ at+jwt", header("typ", "at+jwt")),
		bad("proof_key", "26 alg none", header("alg", "none")),
		bad("proof_key", "27 HS256 with x as the secret", symmetric),
		bad("proof_key", "28 alg of another key type", header("alg", "RS256")),
		bad("proof_key", "28 alg EdDSA", header("alg", "EdDSA")),
		bad("proof_form", "35 jku", header("jku", "https://evil.test/jwks.json")),
		bad("proof_form", "35 x5u", header("x5u", "https://evil.test/cert")),
		good("white space in the header", text(func(header, payload string) (string, string) { return " " + header + " ", payload })),
	}
}

// symmetric returns a proof with a MAC instead of a signature. Its secret is public.
func symmetric(r *Run) string {
	x, _ := r.Owner.JWK()["x"].(string)
	secret, err := base64.RawURLEncoding.DecodeString(x)
	if err != nil {
		panic(err) // impossible: we have encoded it
	}
	proof := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"jti": "27", "htm": "GET", "htu": r.url(), "iat": r.now(), "ath": r.ath()})
	proof.Header["typ"], proof.Header["jwk"] = "dpop+jwt", r.Owner.JWK()
	signed, err := proof.SignedString(secret)
	if err != nil {
		panic(err) // impossible: any secret is one
	}
	return signed
}

// keys are about the key in the header.
func keys() []Case {
	jwk := func(change func(jwk map[string]any)) func(r *Run) string {
		return func(r *Run) string { return r.jwk(change) }
	}
	another := func(members map[string]any) func(r *Run) string {
		return func(r *Run) string { return r.header("jwk", members) }
	}
	modulus := func(bits int) string {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err) // the system has no random numbers
		}
		return encode(key.N.Bytes())
	}
	return []Case{
		bad("proof_key", "29 jwk missing", another(nil)),
		bad("proof_key", "29 jwk a string", func(r *Run) string { return r.header("jwk", "x") }),
		bad("proof_key", "30 jwk with d", jwk(func(jwk map[string]any) { jwk["d"] = "AQ" })),
		bad("proof_key", "30 jwk, all of the private key", func(r *Run) string {
			return r.jwk(func(jwk map[string]any) {
				key, _ := r.Owner.Key().(*ecdsa.PrivateKey)
				d, err := key.Bytes()
				if err != nil {
					panic(err) // impossible: the key is valid
				}
				jwk["d"] = encode(d)
			})
		}),
		bad("proof_key", "31 oct", another(map[string]any{"kty": "oct", "k": "AQAB"})),
		bad("proof_key", "32 off the curve", jwk(func(jwk map[string]any) { jwk["y"] = jwk["x"] })),
		bad("proof_key", "32 x of 31 bytes", jwk(func(jwk map[string]any) { jwk["x"] = encode(make([]byte, 31)) })),
		bad("proof_key", "33 RSA 1024", func(r *Run) string {
			return r.header("jwk", map[string]any{"kty": "RSA", "n": modulus(1024), "e": "AQAB"})
		}),
		bad("proof_key", "33 e of 1", func(r *Run) string {
			return r.header("jwk", map[string]any{"kty": "RSA", "n": modulus(2048), "e": "AQ"})
		}),
		good("34 x5c and kid in jwk", jwk(func(jwk map[string]any) { jwk["x5c"], jwk["kid"] = []string{"MIIB"}, "1" })),
		bad("proof_key", "36 secp256k1", jwk(func(jwk map[string]any) { jwk["crv"] = "secp256k1" })),
		bad("proof_key", "36 P-384", func(r *Run) string {
			key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
			if err != nil {
				panic(err) // the system has no random numbers
			}
			point, err := key.PublicKey.Bytes()
			if err != nil {
				panic(err) // impossible: the key is valid
			}
			return r.header("jwk", map[string]any{"kty": "EC", "crv": "P-384", "x": encode(point[1:49]), "y": encode(point[49:])})
		}),
		bad("proof_key", "small-order Ed25519", another(map[string]any{"kty": "OKP", "crv": "Ed25519", "x": encode(append([]byte{1}, make([]byte, 31)...))})),
		bad("proof_key", "JWK in capitals", func(r *Run) string {
			header, payload := r.text()
			return sign(r.Owner, strings.Replace(header, `"jwk"`, `"JWK"`, 1), payload)
		}),
		bad("binding", "49 another key", func(r *Run) string { return r.Other.Proof(http.MethodGet, r.url(), r.Token, nil) }),
		bad("binding", "signed by another key", func(r *Run) string {
			header, payload := r.text()
			return sign(r.Owner, strings.Replace(header, asJSON(r.Owner.JWK()), asJSON(r.Other.JWK()), 1), payload)
		}),
		bad("proof_key", "another key with a good jkt", func(r *Run) string {
			header, payload := r.text()
			return sign(r.Other, header, payload)
		}),
	}
}

// claims are about the payload.
func claims() []Case {
	claim := func(name string, value any) func(r *Run) string {
		return func(r *Run) string { return r.claim(name, value) }
	}
	htu := func(build func(r *Run) string) func(r *Run) string {
		return func(r *Run) string { return r.claim("htu", build(r)) }
	}
	iat := func(offset int64) func(r *Run) string {
		return func(r *Run) string { return r.claim("iat", r.now()+offset) }
	}
	port := map[string]string{"http": ":80", "https": ":443"}
	other := map[string]string{"http": "https://", "https": "http://"}
	return []Case{
		bad("proof_form", "37 jti missing", claim("jti", nil)),
		bad("proof_form", "37 jti a number", claim("jti", 1)),
		bad("proof_form", "37 jti empty", claim("jti", "")),
		bad("proof_form", "37 jti of 300 bytes", claim("jti", strings.Repeat("x", 300))),
		bad("proof_form", "38 htm missing", claim("htm", nil)),
		bad("proof_method", "38 htm another", claim("htm", "POST")),
		bad("proof_method", "38 htm in lower case", claim("htm", "get")),
		bad("proof_form", "39 htu missing", claim("htu", nil)),
		bad("proof_url", "39 htu relative", htu(func(r *Run) string { return r.Path })),
		bad("proof_url", "39 htu another path", htu(func(r *Run) string { return r.origin() + "/other" })),
		bad("proof_url", "39 htu another host", htu(func(r *Run) string { return r.Scheme + "://evil.test" + r.Path })),
		bad("proof_url", "39 htu another port", htu(func(r *Run) string { return r.origin() + ":8443" + r.Path })),
		bad("proof_url", "40 htu of the other scheme", htu(func(r *Run) string { return other[r.Scheme] + r.Host + r.Path })),
		good("41 htu with a query", htu(func(r *Run) string { return r.url() + "?a=b" })),
		good("41 htu with a fragment", htu(func(r *Run) string { return r.url() + "#a" })),
		good("42 htu in upper case", htu(func(r *Run) string { return strings.ToUpper(r.origin()) + r.Path })),
		good("42 htu with the default port", htu(func(r *Run) string { return r.origin() + port[r.Scheme] + r.Path })),
		good("42 htu percent-encoded", htu(func(r *Run) string {
			return r.origin() + "/%" + strings.ToUpper(hex.EncodeToString([]byte(r.Path[1:2]))) + r.Path[2:]
		})),
		bad("proof_url", "43 htu with a trailing slash", htu(func(r *Run) string { return r.url() + "/" })),
		bad("proof_url", "43 htu with two slashes", htu(func(r *Run) string { return r.origin() + "/" + r.Path })),
		bad("proof_url", "43 htu with %2F", htu(func(r *Run) string { return r.origin() + "%2F" + r.Path[1:] })),
		bad("proof_url", "44 htu with userinfo", htu(func(r *Run) string { return r.Scheme + "://a@" + r.Host + r.Path })),
		bad("proof_url", "45 htu with a dot at the end", htu(func(r *Run) string { return r.origin() + "." + r.Path })),
		bad("proof_form", "46 iat missing", claim("iat", nil)),
		bad("proof_form", "46 iat a string", claim("iat", "1")),
		bad("proof_form", "46 iat of 1e300", claim("iat", json.Number("1e300"))),
		bad("proof_form", "46 iat in milliseconds", func(r *Run) string { return r.claim("iat", r.now()*1000) }),
		good("47 iat 60 s ago", iat(-60)),
		bad("proof_time", "47 iat 61 s ago", iat(-61)),
		good("47 iat 5 s ahead", iat(5)),
		bad("proof_time", "47 iat 6 s ahead", iat(6)),
		bad("proof_time", "47 iat 10 minutes ago", iat(-600)),
		bad("proof_time", "47 iat 10 minutes ahead", iat(600)),
		bad("proof_token", "48 ath missing", claim("ath", nil)),
		bad("proof_token", "48 ath of another token", func(r *Run) string { return r.Owner.Proof(http.MethodGet, r.url(), r.OtherToken, nil) }),
		bad("proof_token", "48 ath in hexadecimal", func(r *Run) string {
			digest := sha256.Sum256([]byte(r.Token))
			return r.claim("ath", hex.EncodeToString(digest[:]))
		}),
		bad("proof_token", "48 ath padded", func(r *Run) string { return r.claim("ath", r.ath()+"=") }),
		bad("proof_nonce", "58 a nonce of somebody else", claim("nonce", "abc")),
	}
}
