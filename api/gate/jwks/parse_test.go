package jwks

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"calling-an-api.example/api/gate/internal/alg"
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
		"elliptic curve":         {map[string]any{"kty": "EC", "alg": nil}, "crv"},
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
			keys, skipped, err := parse(body, []string{alg.RS256})
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

// TestParseOtherKeys has keys for the other algorithms, by the examples of RFC 7517 and
// RFC 8037.
func TestParseOtherKeys(t *testing.T) {
	t.Parallel()
	const (
		x = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
		y = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
		o = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
	)
	ec := func(members string) string { return `{"kty":"EC","kid":"k","crv":"P-256",` + members + `}` }
	okp := func(members string) string { return `{"kty":"OKP","kid":"k","crv":"Ed25519",` + members + `}` }
	point := func(bytes ...byte) string {
		return `"x":"` + base64.RawURLEncoding.EncodeToString(append(bytes, make([]byte, 32-len(bytes))...)) + `"`
	}
	xy := `"x":"` + x + `","y":"` + y + `"`
	rsa := `{"kty":"RSA","kid":"k","e":"AQAB","n":"` + modulus(2048) + `"`
	for name, tc := range map[string]struct {
		key        string
		algorithms string
		why        string // part of the reason to skip it, "" if it is good
	}{
		"P-256":                          {ec(xy), "ES256", ""},
		"P-256, with alg":                {ec(xy + `,"alg":"ES256"`), "RS256 ES256", ""},
		"P-256, padded":                  {ec(`"x":"` + x + `=","y":"` + y + `="`), "ES256", ""},
		"Ed25519":                        {okp(`"x":"` + o + `"`), "EdDSA", ""},
		"Ed25519, with alg":              {okp(`"x":"` + o + `","alg":"EdDSA"`), "EdDSA", ""},
		"RSA for PS256":                  {rsa + `,"alg":"PS256"}`, "PS256", ""},
		"RSA for any":                    {rsa + `}`, "PS256", ""},
		"RSA for RS256, which is not on": {rsa + `,"alg":"RS256"}`, "PS256", "alg"},
		"P-256, which is not on":         {ec(xy), "RS256", "does not use"},
		"P-256 that says RS256":          {ec(xy + `,"alg":"RS256"`), "RS256 ES256", "does not use"},
		"Ed25519, which is not on":       {okp(`"x":"` + o + `"`), "RS256 ES256", "does not use"},
		"P-384":                          {`{"kty":"EC","kid":"k","crv":"P-384",` + xy + `}`, "ES256", "crv"},
		"Ed448":                          {`{"kty":"OKP","kid":"k","crv":"Ed448","x":"` + o + `"}`, "EdDSA", "crv"},
		"X25519":                         {`{"kty":"OKP","kid":"k","crv":"X25519","x":"` + o + `"}`, "EdDSA", "crv"},
		"P-256 off the curve":            {ec(`"x":"` + x + `","y":"` + x + `"`), "ES256", "curve"},
		"P-256 at zero":                  {ec(point() + `,"y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`), "ES256", "curve"},
		"P-256, x of 31 bytes":           {ec(`"x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7A","y":"` + y + `"`), "ES256", "32 bytes"},
		"P-256 without y":                {ec(`"x":"` + x + `"`), "ES256", "32 bytes"},
		"Ed25519 of 31 bytes":            {okp(`"x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`), "EdDSA", "32 bytes"},
		"Ed25519, the identity":          {okp(point(1)), "EdDSA", "small order"},
		"Ed25519 of order four":          {okp(point()), "EdDSA", "small order"},
		"Ed25519 no point":               {okp(point(2)), "EdDSA", "not a point"},
		"Ed25519 in another spelling":    {okp(`"x":"7v_______________________________________38"`), "EdDSA", "canonical"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, skipped, err := parse([]byte(`{"keys":[`+tc.key+`]}`), strings.Fields(tc.algorithms))
			switch reason := strings.Join(skipped, "; "); {
			case tc.why == "" && (err != nil || len(keys) != 1):
				t.Errorf("got %d keys, skipped %q, %v", len(keys), reason, err)
			case tc.why != "" && (err == nil || !strings.Contains(reason, tc.why)):
				t.Errorf("got %d keys and %q, which doesn't say %q", len(keys), reason, tc.why)
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
		"the same key for two algorithms":       {`{"keys":[` + key("a") + `,` + strings.Replace(key("a"), `{`, `{"alg":"RS256",`, 1) + `]}`, 1, 0},
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
			keys, skipped, err := parse([]byte(tc.body), []string{alg.RS256})
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
		`{"keys":[{"kty":"EC","kid":"e","crv":"P-256","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}]}`,
		`{"keys":[{"kty":"OKP","kid":"o","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		`{"keys":[{"kty":"RSA","kid":"a","n":"AQ","e":"AQ"}]}`, `{"keys":{"kty":"RSA"}}`, `{"keys":[{"kty":"RSA","kid":7}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, _, err := parse(body, alg.Names())
		if err == nil && len(keys) == 0 {
			t.Fatal("an empty set is no error")
		}
		for kid, key := range keys {
			public, isRSA := key.key.(*rsa.PublicKey)
			if kid == "" || kid != key.kid || alg.Check(key.key) != nil || isRSA && public.N.BitLen() < 2048 {
				t.Fatalf("accepted the key %q, %v, from %q", kid, key, body)
			}
		}
	})
}
