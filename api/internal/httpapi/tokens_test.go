package httpapi_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"calling-an-api.example/api/gate/gatetest"
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestHeaders has tokens whose claims are good and whose signature is, too, unless
// the name says otherwise: what is wrong is in the header alone.
func TestHeaders(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	claims := marshal(t, iss.Claims())
	kid := iss.KID()
	with := func(name string, value any) string { return iss.MintHeader(map[string]any{name: value}, nil) }
	raw := func(header string) string { return iss.Sign(strings.ReplaceAll(header, "KID", kid), claims) }
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)

	verdicts(t, newAPI(t, iss), map[string]verdict{
		"as tenants send it":               {iss.Mint(nil), ""},
		"typ absent":                       {with("typ", nil), ""},
		"typ JWT in lower case":            {with("typ", "jwt"), ""},
		"typ at+jwt":                       {with("typ", "at+jwt"), ""},
		"typ AT+JWT":                       {with("typ", "AT+JWT"), ""},
		"typ application/at+jwt":           {with("typ", "application/at+jwt"), ""},
		"typ application/AT+JWT":           {with("typ", "application/AT+JWT"), ""},
		"x5t is ignored":                   {with("x5t", "abc"), ""},
		"cty json":                         {with("cty", "application/JSON"), ""},
		"white space between members":      {raw("{ \"alg\" : \"RS256\" ,\n\t\"kid\":\"KID\" }\r\n"), ""},
		"names in escapes":                 {raw(`{"\u0061lg":"RS256","k\u0069d":"KID"}`), ""},
		"typ of an ID token response":      {with("typ", "id+jwt"), whyHeader},
		"typ of a logout token":            {with("typ", "logout+jwt"), whyHeader},
		"typ of a DPoP proof":              {with("typ", "dpop+jwt"), whyHeader},
		"typ of a security event":          {with("typ", "secevent+jwt"), whyHeader},
		"typ of client authentication":     {with("typ", "client-authentication+jwt"), whyHeader},
		"typ JWS":                          {with("typ", "JWS"), whyHeader},
		"typ JOSE+JSON":                    {with("typ", "JOSE+JSON"), whyHeader},
		"typ application/jwt":              {with("typ", "application/jwt"), ""},
		"typ empty":                        {with("typ", ""), whyHeader},
		"typ with a space":                 {with("typ", "JWT "), whyHeader},
		"typ a number":                     {with("typ", 1), whyHeader},
		"typ null":                         {raw(`{"alg":"RS256","kid":"KID","typ":null}`), whyHeader},
		"typ a list":                       {with("typ", []string{"JWT"}), whyHeader},
		"cty of a nested token":            {with("cty", "JWT"), whyHeader},
		"cty empty":                        {with("cty", ""), whyHeader},
		"cty a number":                     {with("cty", 1), whyHeader},
		"crit":                             {with("crit", []string{"exp"}), whyHeader},
		"crit empty":                       {with("crit", []string{}), whyHeader},
		"crit of b64":                      {iss.MintHeader(map[string]any{"crit": []string{"b64"}, "b64": true}, nil), whyHeader},
		"b64 false":                        {with("b64", false), whyHeader},
		"b64 true":                         {with("b64", true), whyHeader},
		"zip":                              {with("zip", "DEF"), whyHeader},
		"enc":                              {with("enc", "A256GCM"), ""},
		"embedded key":                     {with("jwk", iss.JWK()), whyHeader},
		"embedded key null":                {with("jwk", json.RawMessage("null")), whyHeader},
		"jku":                              {with("jku", iss.URL+".well-known/jwks.json"), whyHeader},
		"x5u":                              {with("x5u", iss.URL), whyHeader},
		"x5c":                              {with("x5c", []string{"abc"}), whyHeader},
		"x5t#S256":                         {with("x5t#S256", "abc"), ""},
		"x5t a number":                     {with("x5t", 7), ""},
		"nonce":                            {with("nonce", "abc"), ""},
		"a claim in the header":            {with("iss", iss.URL), ""},
		"typ application/JWT":              {with("typ", "application/JWT"), ""},
		"unknown parameters, of all kinds": {iss.MintHeader(map[string]any{"pi.atm": "1", "ver": 2.0, "tnk": []string{"a"}, "x": map[string]any{"y": nil}}, nil), ""},
		"JKU in capitals":                  {with("JKU", iss.URL), ""},
		"an unknown parameter twice":       {raw(`{"alg":"RS256","kid":"KID","foo":1,"foo":1}`), whyHeader},
		"an unknown parameter":             {with("foo", "bar"), ""},
		"an empty name":                    {with("", "bar"), ""},
		"no kid":                           {with("kid", nil), whyHeader},
		"empty kid":                        {with("kid", ""), whyHeader},
		"kid a number":                     {with("kid", 7), whyHeader},
		"kid null":                         {raw(`{"alg":"RS256","kid":null}`), whyHeader},
		"kid a list":                       {with("kid", []string{kid}), whyHeader},
		"kid of 257 bytes":                 {with("kid", strings.Repeat("k", 257)), whyHeader},
		"KID in capitals":                  {raw(`{"alg":"RS256","Kid":"KID"}`), whyHeader},
		"ALG in capitals":                  {raw(`{"ALG":"RS256","kid":"KID"}`), whyHeader},
		"alg in lower case":                {raw(`{"alg":"rs256","kid":"KID"}`), whyHeader},
		"alg absent":                       {raw(`{"kid":"KID"}`), whyHeader},
		"alg empty":                        {raw(`{"alg":"","kid":"KID"}`), whyHeader},
		"alg null":                         {raw(`{"alg":null,"kid":"KID"}`), whyHeader},
		"alg a number":                     {raw(`{"alg":256,"kid":"KID"}`), whyHeader},
		"alg a list":                       {raw(`{"alg":["RS256"],"kid":"KID"}`), whyHeader},
		"alg with a space":                 {raw(`{"alg":"RS256 ","kid":"KID"}`), whyHeader},
		"alg none, signed":                 {raw(`{"alg":"none","kid":"KID"}`), whyHeader},
		"alg None, signed":                 {raw(`{"alg":"None","kid":"KID"}`), whyHeader},
		"alg HS256, signed by RSA":         {raw(`{"alg":"HS256","kid":"KID"}`), whyHeader},
		"alg RS1":                          {raw(`{"alg":"RS1","kid":"KID"}`), whyHeader},
		"alg RSA-OAEP":                     {raw(`{"alg":"RSA-OAEP","kid":"KID"}`), whyHeader},
		"alg twice, good last":             {raw(`{"alg":"none","alg":"RS256","kid":"KID"}`), whyHeader},
		"alg twice, good first":            {raw(`{"alg":"RS256","alg":"none","kid":"KID"}`), whyHeader},
		"alg twice, one in escapes":        {raw(`{"alg":"RS256","\u0061lg":"RS256","kid":"KID"}`), whyHeader},
		"kid twice, the same":              {raw(`{"alg":"RS256","kid":"KID","kid":"KID"}`), whyHeader},
		"typ twice":                        {raw(`{"alg":"RS256","typ":"JWT","typ":"JWT","kid":"KID"}`), whyHeader},
		"byte order mark":                  {raw("\uFEFF" + `{"alg":"RS256","kid":"KID"}`), whyHeader},
		"bytes after the object":           {raw(`{"alg":"RS256","kid":"KID"}x`), whyHeader},
		"two objects":                      {raw(`{"alg":"RS256","kid":"KID"}{}`), whyHeader},
		"a comment":                        {raw(`{"alg":"RS256",/**/"kid":"KID"}`), whyHeader},
		"a comma at the end":               {raw(`{"alg":"RS256","kid":"KID",}`), whyHeader},
		"no closing brace":                 {raw(`{"alg":"RS256","kid":"KID"`), whyHeader},
		"single quotes":                    {raw(`{'alg':'RS256','kid':'KID'}`), whyHeader},
		"a line break in a string":         {raw("{\"alg\":\"RS256\",\"kid\":\"KID\",\"x5t\":\"a\nb\"}"), whyHeader},
		"invalid UTF-8":                    {raw("{\"alg\":\"RS256\",\"kid\":\"KID\",\"x5t\":\"\xff\"}"), whyHeader},
		"overlong UTF-8":                   {raw("{\"alg\":\"RS256\",\"kid\":\"KID\",\"x5t\":\"\xc0\xaf\"}"), whyHeader},
		"a lone high surrogate":            {raw(`{"alg":"RS256","kid":"KID","x5t":"\ud800"}`), whyHeader},
		"a lone low surrogate":             {raw(`{"alg":"RS256","kid":"KID","x5t":"\udc00"}`), whyHeader},
		"surrogates the wrong way":         {raw(`{"alg":"RS256","kid":"KID","x5t":"\udc00\ud800"}`), whyHeader},
		"half an escape":                   {raw(`{"alg":"RS256","kid":"KID","x5t":"\u12"}`), whyHeader},
		"an unknown escape":                {raw(`{"alg":"RS256","kid":"KID","x5t":"\x41"}`), whyHeader},
		"deep nesting":                     {raw(`{"alg":"RS256","kid":"KID","x5t":` + deep + `}`), whyHeader},
		"an array":                         {raw(`["RS256"]`), whyHeader},
		"a string":                         {raw(`"RS256"`), whyHeader},
		"null":                             {raw(`null`), whyHeader},
		"an empty object":                  {raw(`{}`), whyHeader},
		"only white space":                 {raw(` `), whyHeader},
		"not JSON":                         {raw(`alg=RS256`), whyHeader},
	})
}

// TestUnknownKeys has tokens whose kid the issuer does not publish, each at an API of its
// own: the budget for fetches limits how many can be answered with 401.
func TestUnknownKeys(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	kid := iss.KID()
	with := func(name string, value any) string { return iss.MintHeader(map[string]any{name: value}, nil) }
	for name, want := range map[string]verdict{
		"kid of 256 bytes":    {with("kid", strings.Repeat("k", 256)), whyKey},
		"kid unknown":         {with("kid", "other"), whyKey},
		"kid in another case": {with("kid", strings.ToUpper(kid)), whyKey},
		"kid with a space":    {with("kid", kid+" "), whyKey},
		"kid that is a path":  {with("kid", "../../../../dev/null"), whyKey},
		"kid that is a query": {with("kid", "' OR 1=1 --"), whyKey},
		"kid with a NUL":      {with("kid", kid+"\x00"), whyKey},
	} {
		verdicts(t, newAPI(t, iss), map[string]verdict{name: want})
	}
}

// TestSignatures has tokens whose header and claims are those of a good one.
func TestSignatures(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	good := iss.Mint(nil)
	part := strings.Split(good, ".")
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&iss.Key().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(method jwt.SigningMethod, key any) string {
		token := jwt.NewWithClaims(method, jwt.MapClaims(iss.Claims()))
		token.Header["kid"] = iss.KID()
		s, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	signature, err := base64.RawURLEncoding.DecodeString(part[2])
	if err != nil {
		t.Fatal(err)
	}
	changed := func(change func([]byte) []byte) string {
		return part[0] + "." + part[1] + "." + base64.RawURLEncoding.EncodeToString(change(append([]byte{}, signature...)))
	}

	verdicts(t, newAPI(t, iss), map[string]verdict{
		"alg none":                       {sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), whyParts},
		"alg none with a signature":      {strings.TrimSuffix(sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), ".") + "." + part[2], whyHeader},
		"alg HS256 with the modulus":     {sign(jwt.SigningMethodHS256, iss.Key().N.Bytes()), whyHeader},
		"alg HS256 with the public key":  {sign(jwt.SigningMethodHS256, der), whyHeader},
		"alg HS256 with an empty secret": {sign(jwt.SigningMethodHS256, []byte{}), whyHeader},
		"alg HS512":                      {sign(jwt.SigningMethodHS512, der), whyHeader},
		"alg PS256 with the same key":    {sign(jwt.SigningMethodPS256, iss.Key()), whyHeader},
		"alg RS384 with the same key":    {sign(jwt.SigningMethodRS384, iss.Key()), whyHeader},
		"alg RS512 with the same key":    {sign(jwt.SigningMethodRS512, iss.Key()), whyHeader},
		"alg ES256":                      {sign(jwt.SigningMethodES256, curve), whyHeader},
		"alg EdDSA":                      {sign(jwt.SigningMethodEdDSA, edwards), whyHeader},
		"signed by a stranger":           {sign(jwt.SigningMethodRS256, stranger), whySignature},
		"signature of another token":     {part[0] + "." + part[1] + "." + strings.Split(iss.Mint(gatetest.Claims{"sub": "x"}), ".")[2], whySignature},
		"payload of another token":       {part[0] + "." + strings.Split(iss.Mint(gatetest.Claims{"sub": "x"}), ".")[1] + "." + part[2], whySignature},
		"one bit of the signature":       {changed(func(s []byte) []byte { s[100] ^= 1; return s }), whySignature},
		"signature with a byte less":     {changed(func(s []byte) []byte { return s[1:] }), whySignature},
		"signature with a zero before":   {changed(func(s []byte) []byte { return append([]byte{0}, s...) }), whySignature},
		"signature of zeros":             {changed(func(s []byte) []byte { return make([]byte, len(s)) }), whySignature},
		"signature of one byte":          {changed(func([]byte) []byte { return []byte{1} }), whySignature},
		"no signature":                   {part[0] + "." + part[1] + ".", whyParts},
		"no payload":                     {part[0] + ".." + part[2], whyParts},
		"no header":                      {"." + part[1] + "." + part[2], whyParts},
		"dots alone":                     {"..", whyParts},
		"padded header":                  {part[0] + "=." + part[1] + "." + part[2], whyParts},
		"padded signature":               {good + "==", whyParts},
		"a base64 plus":                  {part[0] + "." + part[1] + ".+" + part[2][1:], whyParts},
		"a base64 slash":                 {part[0] + "." + part[1] + "./" + part[2][1:], whyParts},
		"a percent sign":                 {part[0] + "." + part[1] + ".%" + part[2][1:], whyParts},
		"bits that say nothing":          {part[0] + "." + part[1] + "." + otherLastBits(part[2]), whyParts},
		"a part of one letter":           {part[0] + ".A." + part[2], whyParts},
		"two parts":                      {part[0] + "." + part[1], whyNotJWT},
		"four parts":                     {good + ".x", whyNotJWT},
		"an opaque token":                {"NotAJWTButAnOpaqueToken", whyNotJWT},
		"an encrypted token":             {part[0] + ".a.b.c.d", "is encrypted"},
		"larger than 8 KiB":              {iss.Mint(gatetest.Claims{"pad": strings.Repeat("x", 9000)}), "larger than 8 KiB"},
		"almost 8 KiB":                   {iss.Mint(gatetest.Claims{"pad": strings.Repeat("x", 5200)}), ""},
	})
}

// otherLastBits changes the bits of the last character that no byte has.
func otherLastBits(part string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(alphabet, part[len(part)-1])
	return part[:len(part)-1] + string(alphabet[i^1]) // 256 bytes leave two bits over
}
