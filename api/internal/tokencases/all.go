package tokencases

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

const (
	goodHeader  = `{"alg":"RS256","typ":"JWT","kid":"KID"}`
	goodPayload = `{"iss":"ISS","sub":"auth0|ada","aud":["AUD","ISSuserinfo"],"iat":NOW,"exp":NOW+3600,"azp":"client","scope":"openid read:messages"}`
)

// All returns all cases. Their names are unique.
func All() []Case { return slices.Concat(headers(), claims(), forms(), kinds()) }

// headers have valid claims.
func headers() []Case {
	raw := func(name, header string) Case { return Case{Name: name, Header: header, Payload: goodPayload} }
	var all []Case
	member := func(name string, values ...string) {
		for _, value := range values {
			rest := `"alg":"RS256","typ":"JWT","kid":"KID"`
			switch name {
			case "alg":
				rest = `"typ":"JWT","kid":"KID"`
			case "typ":
				rest = `"alg":"RS256","kid":"KID"`
			case "kid":
				rest = `"alg":"RS256","typ":"JWT"`
			}
			all = append(all, raw("header "+name+": "+value, `{"`+name+`":`+value+`,`+rest+`}`))
		}
	}
	member("alg", `"RS256"`, `"rs256"`, `"RS384"`, `"RS512"`, `"PS256"`, `"ES256"`, `"EdDSA"`, `"HS256"`, `"none"`, `"None"`, `"NONE"`, `""`, `"RS256 "`, `null`, `1`, `["RS256"]`)
	member("typ", `"JWT"`, `"jwt"`, `"at+jwt"`, `"AT+JWT"`, `"application/at+jwt"`, `"application/jwt"`, `"logout+jwt"`, `"dpop+jwt"`, `"secevent+jwt"`, `"id+jwt"`, `"JWS"`, `"JOSE"`,
		`"token-introspection+jwt"`, `"client-authentication+jwt"`, `""`, `"JWT "`, `1`, `null`, `["JWT"]`, `true`)
	member("kid", `"KID"`, `"kid"`, `"KID "`, `""`, `"unknown"`, `"../../etc/passwd"`, `"' OR 1=1 --"`, `1`, `null`, `["KID"]`, `{}`, `true`, `"`+strings.Repeat("k", 300)+`"`)
	member("crit", `["exp"]`, `[]`, `["b64"]`, `["unknown"]`, `"exp"`, `null`)
	member("b64", `true`, `false`)
	member("zip", `"DEF"`, `"none"`)
	member("jwk", `{"kty":"RSA","n":"AQAB","e":"AQAB"}`, `null`)
	member("jku", `"https://evil.test/jwks.json"`, `"ISS.well-known/jwks.json"`)
	member("x5u", `"https://evil.test/cert"`)
	member("x5c", `["MIIB"]`)
	member("cty", `"JWT"`, `"json"`, `"application/json"`, `""`, `1`)
	member("x5t", `"abc"`, `1`)
	member("x5t#S256", `"abc"`)
	member("nonce", `"n"`)
	member("pi.atm", `"1"`)
	member("ver", `"1.0"`)
	member("enc", `"A256GCM"`)
	member("unknown", `{"a":[1,2,{"b":null}]}`, `"\u0000"`)
	return append(all,
		raw("header without alg", `{"typ":"JWT","kid":"KID"}`),
		raw("header without typ", `{"alg":"RS256","kid":"KID"}`),
		raw("header without kid", `{"alg":"RS256","typ":"JWT"}`),
		raw("header twice alg: none first", `{"alg":"none","alg":"RS256","kid":"KID"}`),
		raw("header twice alg: none last", `{"alg":"RS256","alg":"none","kid":"KID"}`),
		raw("header twice kid: good last", `{"alg":"RS256","kid":"unknown","kid":"KID"}`),
		raw("header twice kid: in escapes", `{"alg":"RS256","kid":"KID","k\u0069d":"KID"}`),
		raw("header ALG", `{"ALG":"RS256","kid":"KID"}`),
		raw("header KID", strings.Replace(`{"alg":"RS256","typ":"JWT","Kid":"KID"}`, `"Kid"`, `"K\u0049D"`, 1)),
		raw("header names in escapes", `{"\u0061lg":"RS256","typ":"JWT","kid":"KID"}`),
		raw("header white space", " {\n\"alg\" :\t\"RS256\", \"kid\":\"KID\" }\r\n"),
		raw("header broken: array", `["RS256"]`), raw("header broken: text", `"RS256"`), raw("header broken: null", `null`), raw("header broken: empty", ``),
		raw("header broken: comma", `{"alg":"RS256","kid":"KID",}`), raw("header broken: trailing", goodHeader+"x"), raw("header broken: two", goodHeader+goodHeader),
		raw("header broken: mark", "\ufeff"+goodHeader), raw("header broken: single quotes", `{'alg':'RS256','kid':'KID'}`),
		raw("header UTF-8: invalid", "{\"alg\":\"RS256\",\"kid\":\"KID\",\"x\":\"\xff\"}"),
		raw("header UTF-8: lone surrogate", `{"alg":"RS256","kid":"KID","x":"\ud800"}`),
	)
}

// claims have a valid header and signature.
func claims() []Case {
	all := []Case{{Name: "valid", Header: goodHeader, Payload: goodPayload}}
	base := []string{`"iss":"ISS"`, `"sub":"auth0|ada"`, `"aud":["AUD","ISSuserinfo"]`, `"iat":NOW`, `"exp":NOW+3600`, `"azp":"client"`, `"scope":"openid read:messages"`}
	without := func(name string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(base), func(m string) bool { return strings.HasPrefix(m, `"`+name+`":`) }), ",")
	}
	claim := func(name string, values ...string) {
		for _, value := range values {
			all = append(all, Case{Name: "claim " + name + ": " + value, Header: goodHeader, Payload: `{"` + name + `":` + value + `,` + without(name) + `}`})
		}
	}
	all = append(all, Case{Name: "claim iss missing", Header: goodHeader, Payload: "{" + without("iss") + "}"}, Case{Name: "claim sub missing", Header: goodHeader, Payload: "{" + without("sub") + "}"},
		Case{Name: "claim aud missing", Header: goodHeader, Payload: "{" + without("aud") + "}"}, Case{Name: "claim exp missing", Header: goodHeader, Payload: "{" + without("exp") + "}"},
		Case{Name: "claim iat missing", Header: goodHeader, Payload: "{" + without("iat") + "}"}, Case{Name: "claim azp missing", Header: goodHeader, Payload: "{" + without("azp") + "}"},
		Case{Name: "claim scope missing", Header: goodHeader, Payload: "{" + without("scope") + "}"})
	claim("iss", `"https://evil.test/"`, `"ISS/"`, `"ISSx"`, `" ISS"`, `"ISS "`, `""`, `null`, `1`, `["ISS"]`, `{"iss":"ISS"}`, `true`)
	claim("aud", `"AUD"`, `["AUD"]`, `["https://other.test","AUD"]`, `"AUD/"`, `"AUD "`, `"https://other.test"`, `"client"`, `[]`, `""`, `[""]`, `null`, `1`, `["AUD",1]`, `[["AUD"]]`, `{"AUD":true}`, `"x AUD y"`, `true`)
	claim("exp", `NOW+60`, `NOW-60`, `NOW-3600`, `0`, `-1`, `NOW+3600.5`, `"NOW+3600"`, `NOW+3600000`, `NOW0000`, `1e300`, `1e999`, `null`, `true`, `[NOW+3600]`, `{}`, `0NOW`, `+NOW+3600`, `0xffffffff`, `NaN`, `99999999999`)
	claim("nbf", `NOW`, `NOW-60`, `NOW+60`, `NOW+3600`, `-1`, `"NOW"`, `NOW000`, `1e300`, `null`, `true`, `[]`, `0.5`)
	claim("iat", `NOW-60`, `NOW+30`, `NOW+90`, `NOW+3599`, `NOW+3601`, `-1`, `"NOW"`, `NOW000`, `1e300`, `null`, `true`, `[]`)
	claim("sub", `""`, `1`, `null`, `["auth0|ada"]`, `{}`, `true`, `"a b"`, `"\u0000"`)
	claim("azp", `"other"`, `1`, `null`, `["client"]`)
	claim("client_id", `"client"`, `1`, `null`, `""`)
	claim("jti", `"1"`, `1`, `null`, `""`)
	claim("auth_time", `NOW`, `"NOW"`, `1e300`)
	claim("org_id", `"acme"`, `1`)
	claim("nonce", `"n"`)
	claim("gty", `"password"`)
	claim("scope", `"openid"`, `{"a":1}`, `true`, `["openid","read:messages"]`, `1`, `null`, `"a\tb"`, `""`)
	claim("permissions", `["read:messages"]`, `"read:messages"`, `1`, `null`, `[1]`)
	claim("scp", `["read:messages"]`, `"read:messages"`)
	claim("https://acme.test/roles", `["admin"]`, `null`)
	twice := func(name, first string) {
		all = append(all, Case{Name: "claim twice: " + name, Header: goodHeader, Payload: `{` + first + `,` + strings.Join(base, ",") + `}`})
	}
	twice("iss", `"iss":"https://evil.test/"`)
	twice("aud", `"aud":"https://other.test"`)
	twice("exp", `"exp":NOW-60`)
	twice("sub", `"sub":"auth0|admin"`)
	twice("exp in escapes", `"e\u0078p":NOW+3600`)
	twice("in an object", `"x":{"a":1,"a":2}`)
	capitals := func(name, member string) {
		all = append(all, Case{Name: "claim in capitals: " + name, Header: goodHeader, Payload: `{` + member + `,` + without(strings.ToLower(name)) + `}`})
	}
	capitals("ISS", `"I\u0053S":"ISS"`)
	capitals("AUD", `"A\u0055D":"AUD"`)
	capitals("EXP", `"EXP":NOW+3600`)
	capitals("SUB", `"SUB":"auth0|ada"`)
	for name, payload := range map[string]string{
		"array": `[` + goodPayload + `]`, "text": `"text"`, "null": `null`, "number": `7`, "empty": ``, "empty object": `{}`, "comma": strings.TrimSuffix(goodPayload, "}") + ",}",
		"comment": `/**/` + goodPayload, "trailing": goodPayload + "x", "two": goodPayload + goodPayload, "mark": "\ufeff" + goodPayload, "NUL": goodPayload + "\x00",
		"deep":          strings.TrimSuffix(goodPayload, "}") + `,"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
		"very deep":     strings.TrimSuffix(goodPayload, "}") + `,"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
		"invalid UTF-8": strings.TrimSuffix(goodPayload, "}") + ",\"x\":\"\xff\"}", "lone surrogate": strings.TrimSuffix(goodPayload, "}") + `,"x":"\udead"}`,
		"control character": strings.TrimSuffix(goodPayload, "}") + ",\"x\":\"\x01\"}", "prototype": strings.TrimSuffix(goodPayload, "}") + `,"__proto__":{"scope":"admin"}}`,
		"large": strings.TrimSuffix(goodPayload, "}") + `,"x":"` + strings.Repeat("x", 7000) + `"}`,
	} {
		all = append(all, Case{Name: "payload: " + name, Header: goodHeader, Payload: payload})
	}
	slices.SortStableFunc(all, func(a, b Case) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// forms have a valid header and claims; what differs is the signature, or how they are
// written.
func forms() []Case {
	c := func(name string, sign Sign, change func(string) string) Case {
		return Case{Name: name, Header: goodHeader, Payload: goodPayload, Sign: sign, Change: change}
	}
	lastOf := func(change func(string) string) func(string) string {
		return func(token string) string {
			i := strings.LastIndex(token, ".") + 1
			return token[:i] + change(token[i:])
		}
	}
	return []Case{
		c("signature: by a stranger", Stranger, nil), c("signature: one bit", Flipped, nil), c("signature: none", None, nil), c("signature: PSS", PSS, nil),
		{Name: "signature: none, alg none", Header: `{"alg":"none","typ":"JWT"}`, Payload: goodPayload, Sign: None},
		{Name: "signature: none, alg none, kid", Header: `{"alg":"none","typ":"JWT","kid":"KID"}`, Payload: goodPayload, Sign: None},
		{Name: "signature: none, alg nOnE", Header: `{"alg":"nOnE","typ":"JWT","kid":"KID"}`, Payload: goodPayload, Sign: None},
		{Name: "signature: HMAC with the public key", Header: `{"alg":"HS256","typ":"JWT","kid":"KID"}`, Payload: goodPayload, Sign: PublicPEM},
		{Name: "signature: HMAC as RS256", Header: goodHeader, Payload: goodPayload, Sign: PublicPEM},
		{Name: "signature: PSS, alg PS256", Header: `{"alg":"PS256","typ":"JWT","kid":"KID"}`, Payload: goodPayload, Sign: PSS},
		c("signature: cut", Good, func(token string) string { return token[:len(token)-4] }),
		c("signature: longer", Good, func(token string) string { return token + "AAAA" }),
		c("signature: zeros before", Good, lastOf(func(s string) string { return "AAAA" + s })),
		c("form: padded", Good, func(token string) string { return token + "==" }),
		c("form: unused bits", Good, lastOf(func(s string) string {
			return s[:len(s)-1] + map[byte]string{'A': "B", 'Q': "R", 'g': "h", 'w': "x"}[s[len(s)-1]]
		})),
		c("form: four parts", Good, func(token string) string { return token + ".AAAA" }),
		c("form: five parts", Good, func(token string) string { return token + ".AAAA.AAAA" }),
		c("form: two parts", Good, func(token string) string { return token[:strings.LastIndex(token, ".")] }),
		c("form: a dot at the end", Good, func(token string) string { return token + "." }),
		c("form: a dot before", Good, func(token string) string { return "." + token }),
		c("form: a word", Good, func(string) string { return "garbage" }),
		c("form: two dots", Good, func(string) string { return ".." }),
		c("form: base64 in the payload", Good, func(token string) string { return strings.Replace(token, ".", ".+", 1) }),
		c("form: percent-encoded", Good, func(token string) string { return strings.ReplaceAll(token, ".", "%2E") }),
		c("form: in quotes", Good, func(token string) string { return `"` + token + `"` }),
		c("form: a space inside", Good, func(token string) string { return token[:50] + " " + token[50:] }),
		c("form: 20 kB", Good, func(token string) string { return token + strings.Repeat("A", 20000) }),
		c("form: as JSON", Good, func(token string) string {
			return base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf(`{"payload":%q}`, token[:20])))
		}),
	}
}

// kinds are tokens that are signed by the issuer for something else, and shapes of other
// providers.
func kinds() []Case {
	c := func(name, members string) Case {
		return Case{Name: name, Header: goodHeader, Payload: strings.TrimSuffix(goodPayload, "}") + "," + members + "}"}
	}
	return []Case{
		c("kind: logout token", `"events":{"http://schemas.openid.net/event/backchannel-logout":{}}`),
		c("kind: security event", `"events":{"https://schemas.openid.net/secevent/caep/event-type/session-revoked":{}}`),
		c("kind: bound to a key", `"cnf":{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`),
		c("kind: bound to a certificate", `"cnf":{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}`),
		c("kind: token_use id", `"token_use":"id"`),
		c("kind: typ ID", `"typ":"ID"`),
		c("kind: typ Refresh", `"typ":"Refresh"`),
		c("kind: purpose id", `"purpose":"id"`),
		c("kind: purpose reset", `"purpose":"password_reset"`),
		c("kind: act as text", `"act":"verify_email"`),
		{Name: "kind: ID token", Header: goodHeader, Payload: `{"iss":"ISS","sub":"auth0|ada","aud":"client","iat":NOW,"exp":NOW+3600,"nonce":"n","sid":"s"}`},
		{Name: "kind: ID token for both", Header: goodHeader, Payload: `{"iss":"ISS","sub":"auth0|ada","aud":["client","AUD"],"azp":"client","iat":NOW,"exp":NOW+3600,"nonce":"n"}`},
		{Name: "kind: ID token for the API's own client", Header: goodHeader, Payload: `{"iss":"ISS","sub":"auth0|ada","aud":"AUD","iat":NOW,"exp":NOW+3600,"nonce":"n","at_hash":"h"}`},
		c("shape: Keycloak", `"typ":"Bearer","realm_access":{"roles":["admin"]},"acr":"1"`),
		c("shape: delegation", `"act":{"sub":"service"}`),
		{Name: "shape: Entra", Header: `{"typ":"JWT","alg":"RS256","kid":"KID","x5t":"abc","nonce":"n"}`, Payload: `{"iss":"ISS","sub":"A","aud":"AUD","iat":NOW,"nbf":NOW,"exp":NOW+3600,"azp":"spa","scp":"read:messages","ver":"2.0"}`},
		{Name: "shape: Okta", Header: `{"alg":"RS256","kid":"KID"}`, Payload: `{"iss":"ISS","sub":"ada","aud":"AUD","iat":NOW,"exp":NOW+3600,"cid":"spa","scp":["read:messages"],"ver":1,"uid":"u"}`},
		{Name: "shape: RFC 9068", Header: `{"typ":"at+jwt","alg":"RS256","kid":"KID"}`, Payload: `{"iss":"ISS","sub":"ada","aud":"AUD","iat":NOW,"exp":NOW+3600,"client_id":"spa","jti":"1"}`},
		{Name: "shape: machine", Header: goodHeader, Payload: `{"iss":"ISS","sub":"spa@clients","aud":"AUD","iat":NOW,"exp":NOW+3600,"azp":"spa","gty":"client-credentials"}`},
	}
}
