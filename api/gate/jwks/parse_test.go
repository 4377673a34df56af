package jwks

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"testing"
)

// modulus is an odd number of so many bits, as n is written. It is no product of
// two primes, which nothing here looks at.
func modulus(bits uint) string {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return base64.RawURLEncoding.EncodeToString(n.SetBit(n, 0, 1).Bytes())
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	good := map[string]any{"kty": "RSA", "kid": "k", "use": "sig", "alg": "RS256", "n": modulus(2048), "e": "AQAB"}
	for name, tc := range map[string]struct {
		change map[string]any // nil removes
		why    string         // part of the reason to skip it, "" if it is good
	}{
		"as Auth0 publishes it":  {map[string]any{"x5t": "bm90IGEgU0hBLTE", "x5c": []string{"junk"}}, ""},
		"alg, use left out":      {map[string]any{"alg": nil, "use": nil}, ""},
		"exponent 3":             {map[string]any{"e": "Aw"}, ""},
		"4096 bits":              {map[string]any{"n": modulus(4096)}, ""},
		"key_ops with verify":    {map[string]any{"key_ops": []string{"verify"}}, ""},
		"1024 bits":              {map[string]any{"n": modulus(1024)}, "1024"},
		"16384 bits":             {map[string]any{"n": modulus(16384)}, "16384"},
		"exponent 1":             {map[string]any{"e": "AQ"}, "exponent"},
		"even exponent":          {map[string]any{"e": "BA"}, "exponent"},
		"huge exponent":          {map[string]any{"e": "AQAAAAAB"}, "exponent"},
		"no exponent":            {map[string]any{"e": nil}, "exponent"},
		"padded":                 {map[string]any{"n": modulus(2048) + "==", "e": "AQAB="}, ""},
		"other members":          {map[string]any{"KID": 7, "Kid": "x", "N": "x", "Use": "enc", "ALG": "none", "Key_Ops": 1}, ""},
		"n in base64":            {map[string]any{"n": strings.Repeat("+", 342)}, "base64url"},
		"kid in capitals alone":  {map[string]any{"kid": nil, "KID": "k"}, "no kid"},
		"for encryption":         {map[string]any{"use": "enc"}, "use"},
		"for another algorithm":  {map[string]any{"alg": "PS256"}, "alg"},
		"elliptic curve":         {map[string]any{"kty": "EC"}, "kty"},
		"symmetric":              {map[string]any{"kty": "oct", "k": "c2VjcmV0"}, "kty"},
		"no kid":                 {map[string]any{"kid": nil}, "kid"},
		"kid a number":           {map[string]any{"kid": 7}, "kid is not text"},
		"use null":               {map[string]any{"use": json.RawMessage("null")}, "use is not text"},
		"key_ops as text":        {map[string]any{"key_ops": "verify"}, "key_ops"},
		"key_ops without verify": {map[string]any{"key_ops": []string{"sign"}}, "key_ops"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := map[string]any{}
			for _, m := range []map[string]any{good, tc.change} {
				for k, v := range m {
					key[k] = v
					if v == nil {
						delete(key, k)
					}
				}
			}
			body, err := json.Marshal(map[string]any{"keys": []any{key}})
			if err != nil {
				t.Fatal(err)
			}
			keys, skipped, err := parse(body)
			switch {
			case tc.why == "" && (err != nil || len(keys) != 1 || len(skipped) != 0):
				t.Errorf("got %d keys, skipped %q, %v", len(keys), skipped, err)
			case tc.why != "" && (err == nil || len(keys) != 0):
				t.Errorf("accepted")
			case tc.why != "" && !strings.Contains(strings.Join(skipped, "\n"), tc.why):
				t.Errorf("skipped %q, which doesn't say %q", skipped, tc.why)
			}
		})
	}
}

func TestParseSet(t *testing.T) {
	t.Parallel()
	sized := func(kid string, bits uint) string {
		return `{"kty":"RSA","kid":"` + kid + `","n":"` + modulus(bits) + `","e":"AQAB"}`
	}
	key := func(kid string) string { return sized(kid, 2048) }
	other := func(kid string) string { return sized(kid, 3072) }
	many := make([]string, 500)
	for i := range many {
		many[i] = key(strconv.Itoa(i))
	}
	for name, tc := range map[string]struct {
		body          string
		keys, skipped int
	}{
		"an invalid key does not affect others": {`{"keys":[{"kty":"RSA"},` + key("a") + `,null,3]}`, 1, 3},
		"the same key twice counts once":        {`{"keys":[` + key("a") + `,` + key("b") + `,` + key("a") + `]}`, 2, 0},
		"one kid for different keys":            {`{"keys":[` + key("a") + `,` + key("b") + `,` + other("a") + `,` + key("a") + `]}`, 1, 1},
		"only different keys":                   {`{"keys":[` + key("a") + `,` + other("a") + `]}`, 0, 1},
		"a byte order mark":                     {"\ufeff" + `{"keys":[` + key("a") + `]}`, 1, 0},
		"other members":                         {`{"KEYS":[` + key("b") + `],"keys":[` + key("a") + `],"Keys":7}`, 1, 0},
		"keys in capitals alone":                {`{"KEYS":[` + key("b") + `]}`, 0, 0},
		"an array":                              {`[` + key("a") + `]`, 0, 0},
		"keys that are no list":                 {`{"keys":{}}`, 0, 0},
		"trailing bytes":                        {`{"keys":[` + key("a") + `]} x`, 0, 0},
		"500 keys":                              {`{"keys":[` + strings.Join(many, ",") + `]}`, 500, 0},
		"many of other kinds":                   {`{"keys":[` + strings.Repeat(`{"kty":"EC"},`, 10000) + key("a") + `]}`, 1, maxReasons + 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, skipped, err := parse([]byte(tc.body))
			if len(keys) != tc.keys || len(skipped) != tc.skipped || (err == nil) != (tc.keys > 0) {
				t.Errorf("got %d keys, skipped %q, %v", len(keys), skipped, err)
			}
		})
	}
}

// FuzzParse looks for a set that makes the parser panic, or that gives a key
// which is not fit.
func FuzzParse(f *testing.F) {
	n := modulus(2048)
	for _, seed := range []string{
		`{"keys":[{"kty":"RSA","kid":"a","use":"sig","alg":"RS256","n":"` + n + `","e":"AQAB"}]}`,
		`{"keys":[{"kty":"RSA","kid":"a","n":"` + n + `","e":"Aw"},{"kty":"RSA","kid":"a","n":"` + n + `","e":"AQAB"}]}`,
		`{"keys":[{"kty":"EC","kid":"b"},{"kty":"oct","k":"x"},null,7,"x",[]]}`, `{"keys":null}`, `{}`, `[]`, `null`, ``, `<html>`,
		`{"keys":[{"kty":"RSA","kid":"a","n":"AQ","e":"AQ"}]}`, `{"keys":{"kty":"RSA"}}`, `{"keys":[{"kty":"RSA","kid":7}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, _, err := parse(body)
		if err == nil && len(keys) == 0 {
			t.Fatal("an empty set is no error")
		}
		seen := map[string]bool{}
		for _, jwk := range keys {
			public, ok := jwk.Key().(*rsa.PublicKey)
			kid := jwk.Marshal().KID
			if !ok || public.N.BitLen() < minModulus || public.E < 3 || public.E%2 == 0 || kid == "" || seen[kid] {
				t.Fatalf("accepted %v from %q", jwk.Marshal(), body)
			}
			seen[kid] = true
		}
	})
}
