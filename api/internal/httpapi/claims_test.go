package httpapi_test

import (
	"maps"
	"strconv"
	"strings"
	"testing"

	"calling-an-api.example/api/gate/gatetest"
)

// TestClaims has tokens with a good header and a good signature: what is wrong is
// in the claims alone.
func TestClaims(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	now := now().Unix()
	noSlash := strings.TrimSuffix(iss.URL, "/")
	mint := func(name string, value any) string { return iss.Mint(gatetest.Claims{name: value}) }
	header := marshal(t, map[string]string{"alg": "RS256", "typ": "JWT", "kid": iss.KID()})
	// raw is a token whose payload is that of a good one with text put after its brace.
	raw := func(text string, without ...string) string {
		claims := iss.Claims()
		maps.DeleteFunc(claims, func(name string, _ any) bool { return strings.Contains(strings.Join(without, " "), name) })
		return iss.Sign(header, "{"+text+","+marshal(t, claims)[1:])
	}
	literal := func(name, value string) string { return raw(`"`+name+`":`+value, name) }
	soon := strconv.FormatInt(now+60, 10)
	nested := func(depth int) string { return strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth) }
	many := func(n int) string {
		members := map[string]int{}
		for i := range n {
			members["claim"+strconv.Itoa(i)] = i
		}
		return marshal(t, members)
	}

	verdicts(t, newAPI(t, iss), map[string]verdict{
		"good":                           {iss.Mint(nil), ""},
		"a custom claim":                 {mint("https://acme.com/roles", []string{"admin"}), ""},
		"a custom claim, nested":         {mint("x", map[string]any{"y": []any{1.5, true, nil, "z"}}), ""},
		"a custom claim in Unicode":      {mint("name", "Zoë 🙂"), ""},
		"Unicode in escapes":             {raw(`"name":"Zo\u00eb \ud83d\ude42"`), ""},
		"jti":                            {mint("jti", "id-1"), ""},
		"a logout token":                 {mint("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}), whyKind},
		"a security event":               {iss.MintHeader(map[string]any{"typ": "at+jwt"}, gatetest.Claims{"events": map[string]any{}}), whyKind},
		"an ID token for the API too":    {iss.Mint(gatetest.Claims{"aud": []string{"app", gatetest.Audience}, "azp": "app", "nonce": "n"}), whyKind},
		"an ID token with at_hash":       {iss.Mint(gatetest.Claims{"aud": []string{gatetest.Audience, "app"}, "client_id": "app", "at_hash": "h"}), whyKind},
		"a nonce, for the API alone":     {mint("nonce", "n"), ""},
		"the client is an audience too":  {iss.Mint(gatetest.Claims{"aud": []string{gatetest.Audience, "app"}, "azp": "app"}), ""},
		"client_id":                      {mint("client_id", "app"), ""},
		"a number with an exponent":      {raw(`"x":1.5e-3`), ""},
		"60 claims":                      {raw(many(50)[1 : len(many(50))-1]), ""},
		"nested ten deep":                {raw(`"x":` + nested(10)), ""},
		"nested forty deep":              {raw(`"x":` + nested(40)), whyClaims},
		"100 claims":                     {raw(many(100)[1 : len(many(100))-1]), whyClaims},
		"name twice in an inner object":  {raw(`"x":{"a":1,"a":2}`), whyClaims},
		"iss absent":                     {mint("iss", nil), whyLacks},
		"iss empty":                      {mint("iss", ""), whyLacks},
		"iss without its slash":          {mint("iss", noSlash), whyIssuer},
		"iss with two slashes":           {mint("iss", iss.URL+"/"), whyIssuer},
		"iss in capitals":                {mint("iss", strings.ToUpper(iss.URL)), whyIssuer},
		"iss with a path":                {mint("iss", iss.URL+"x"), whyIssuer},
		"iss with a user":                {mint("iss", strings.Replace(iss.URL, "//", "//a@", 1)), whyIssuer},
		"iss of another issuer":          {mint("iss", "https://evil.test/"), whyIssuer},
		"iss that begins like ours":      {mint("iss", noSlash+".evil.test/"), whyIssuer},
		"iss with a space":               {mint("iss", iss.URL+" "), whyIssuer},
		"iss in a list":                  {mint("iss", []string{iss.URL}), whyClaims},
		"iss a number":                   {mint("iss", 1), whyClaims},
		"iss null":                       {literal("iss", "null"), whyClaims},
		"iss twice, good last":           {raw(`"iss":"https://evil.test/"`), whyClaims},
		"ISS in capitals":                {raw(`"ISS":`+strconv.Quote(iss.URL), "iss"), whyLacks},
		"aud a string":                   {mint("aud", gatetest.Audience), ""},
		"aud a list of one":              {mint("aud", []string{gatetest.Audience}), ""},
		"aud, ours last":                 {mint("aud", []string{"https://other.test", gatetest.Audience}), ""},
		"aud absent":                     {mint("aud", nil), whyLacks},
		"aud an empty list":              {mint("aud", []string{}), whyLacks},
		"aud an empty string":            {mint("aud", ""), whyLacks},
		"aud of another API":             {mint("aud", "https://other.test"), whyAudience},
		"aud of the client, an ID token": {mint("aud", "client"), whyAudience},
		"aud of userinfo alone":          {mint("aud", iss.URL+"userinfo"), whyAudience},
		"aud with a slash":               {mint("aud", gatetest.Audience+"/"), whyAudience},
		"aud in capitals":                {mint("aud", strings.ToUpper(gatetest.Audience)), whyAudience},
		"aud that begins like ours":      {mint("aud", gatetest.Audience+".evil.test"), whyAudience},
		"aud with others around ours":    {mint("aud", "x "+gatetest.Audience+" y"), whyAudience},
		"aud a number":                   {mint("aud", 7), whyClaims},
		"aud null":                       {literal("aud", "null"), whyClaims},
		"aud an object":                  {mint("aud", map[string]any{gatetest.Audience: true}), whyClaims},
		"aud a list with a number":       {mint("aud", []any{gatetest.Audience, 7}), whyClaims},
		"aud a list in a list":           {mint("aud", []any{[]string{gatetest.Audience}}), whyClaims},
		"aud twice":                      {raw(`"aud":"https://other.test"`), whyClaims},
		"AUD in capitals":                {raw(`"AUD":`+strconv.Quote(gatetest.Audience), "aud"), whyLacks},
		"exp within the leeway":          {iss.Mint(gatetest.Claims{"iat": now - 60, "exp": now - 2}), ""},
		"exp with a fraction":            {mint("exp", float64(now)+3600.5), ""},
		"exp in the year 9000":           {mint("exp", 221845392000), ""},
		"exp absent":                     {mint("exp", nil), whyLacks},
		"exp past":                       {mint("exp", now-60), whyExpired},
		"exp just past the leeway":       {mint("exp", now-6), whyExpired},
		"exp zero":                       {mint("exp", 0), whyExpired},
		"exp negative":                   {mint("exp", -1), whyClaims},
		"exp a string":                   {mint("exp", strconv.FormatInt(now+3600, 10)), whyClaims},
		"exp in milliseconds":            {mint("exp", (now+3600)*1000), whyClaims},
		"exp of 1e300":                   {literal("exp", "1e300"), whyClaims},
		"exp beyond any float":           {literal("exp", "1e999"), whyClaims},
		"exp true":                       {mint("exp", true), whyClaims},
		"exp null":                       {literal("exp", "null"), whyClaims},
		"exp a list":                     {mint("exp", []int64{now + 3600}), whyClaims},
		"exp with a zero before":         {literal("exp", "0"+soon), whyClaims},
		"exp in hexadecimal":             {literal("exp", "0xffffffff"), whyClaims},
		"exp with a plus":                {literal("exp", "+"+soon), whyClaims},
		"exp NaN":                        {literal("exp", "NaN"), whyClaims},
		"exp Infinity":                   {literal("exp", "Infinity"), whyClaims},
		"exp twice":                      {raw(`"exp":` + soon), whyClaims},
		"exp twice, one in escapes":      {raw(`"e\u0078p":` + soon), whyClaims},
		"EXP in capitals":                {raw(`"EXP":`+soon, "exp"), whyLacks},
		"nbf now":                        {mint("nbf", now), ""},
		"nbf within the leeway":          {mint("nbf", now+2), ""},
		"nbf ahead":                      {mint("nbf", now+60), whyNotYet},
		"nbf negative":                   {mint("nbf", -1), whyClaims},
		"nbf in milliseconds":            {mint("nbf", now*1000), whyClaims},
		"nbf of 1e300":                   {literal("nbf", "1e300"), whyClaims},
		"nbf a string":                   {mint("nbf", "0"), whyClaims},
		"nbf null":                       {literal("nbf", "null"), whyClaims},
		"nbf twice":                      {raw(`"nbf":0,"nbf":0`), whyClaims},
		"iat absent":                     {mint("iat", nil), ""},
		"iat within the leeway":          {mint("iat", now+2), ""},
		"iat a minute ahead":             {mint("iat", now+60), ""},
		"iat ahead":                      {mint("iat", now+61), whyNotYet},
		"iat of 1e300":                   {literal("iat", "1e300"), whyClaims},
		"iat in milliseconds":            {mint("iat", now*1000), whyClaims},
		"iat a string":                   {mint("iat", strconv.FormatInt(now, 10)), whyClaims},
		"iat negative":                   {mint("iat", -5), whyClaims},
		"iat after exp":                  {iss.Mint(gatetest.Claims{"iat": now + 4, "exp": now + 3}), whyOrder},
		"iat the same as exp":            {iss.Mint(gatetest.Claims{"iat": now + 3, "exp": now + 3}), whyOrder},
		"sub absent":                     {mint("sub", nil), whySubject},
		"sub empty":                      {mint("sub", ""), whySubject},
		"sub a number":                   {mint("sub", 7), whyClaims},
		"sub null":                       {literal("sub", "null"), whyClaims},
		"sub a list":                     {mint("sub", []string{"auth0|test"}), whyClaims},
		"sub twice":                      {raw(`"sub":"auth0|admin"`), whyClaims},
		"SUB in capitals":                {raw(`"SUB":"auth0|test"`, "sub"), whySubject},
		"cnf, bound to a DPoP key":       {mint("cnf", map[string]string{"jkt": "abc"}), whyBound},
		"cnf, bound to a certificate":    {mint("cnf", map[string]string{"x5t#S256": "abc"}), whyBound},
		"cnf null":                       {literal("cnf", "null"), whyBound},
		"token_use id":                   {mint("token_use", "id"), whyKind},
		"token_use access":               {mint("token_use", "access"), ""},
		"typ of Keycloak's ID token":     {mint("typ", "ID"), whyKind},
		"typ of its refresh token":       {mint("typ", "Refresh"), whyKind},
		"typ of its access token":        {mint("typ", "Bearer"), ""},
		"typ a number":                   {mint("typ", 1), whyKind},
		"purpose of Curity's ID token":   {mint("purpose", "id"), whyKind},
		"purpose of its access token":    {mint("purpose", "access_token"), ""},
		"purpose of a link in a mail":    {mint("purpose", "password_reset"), whyKind},
		"token_type refresh":             {mint("token_type", "refresh"), whyKind},
		"act of a delegation":            {mint("act", map[string]string{"sub": "service"}), ""},
		"act of a link in a mail":        {mint("act", "verify_email"), whyKind},
		"a nonce, and no client":         {iss.Mint(gatetest.Claims{"nonce": "n", "azp": nil}), whyKind},
		"c_hash, for the client too":     {iss.Mint(gatetest.Claims{"c_hash": "x", "aud": []string{gatetest.Audience, "client"}}), whyKind},
		"client_id a number":             {mint("client_id", 7), whyClaims},
		"jti a number":                   {mint("jti", 7), whyClaims},
		"scope a number grants nothing":  {mint("scope", 7), ""},
		"byte order mark":                {iss.Sign(header, "\uFEFF"+marshal(t, iss.Claims())), whyClaims},
		"bytes after the object":         {iss.Sign(header, marshal(t, iss.Claims())+"x"), whyClaims},
		"a NUL after the object":         {iss.Sign(header, marshal(t, iss.Claims())+"\x00"), whyClaims},
		"invalid UTF-8":                  {raw("\"name\":\"\xff\""), whyClaims},
		"invalid UTF-8 in a name":        {raw("\"\xff\":1"), whyClaims},
		"a surrogate in UTF-8":           {raw("\"name\":\"\xed\xa0\x80\""), whyClaims},
		"a lone surrogate":               {raw(`"name":"\udead"`), whyClaims},
		"a high surrogate and a letter":  {raw(`"name":"\ud83dx"`), whyClaims},
		"two high surrogates":            {raw(`"name":"\ud83d\ud83d"`), whyClaims},
		"a control character":            {raw("\"name\":\"a\x01\""), whyClaims},
		"a comment":                      {raw(`/* x */"name":1`), whyClaims},
		"a comma at the end":             {raw(`"x":[1,]`), whyClaims},
		"a missing comma":                {raw(`"x":1 "y":2`), whyClaims},
		"a missing colon":                {raw(`"x" 1`), whyClaims},
		"a number of a minus":            {raw(`"x":-`), whyClaims},
		"a number with a dot at its end": {raw(`"x":1.`), whyClaims},
		"a number without its exponent":  {raw(`"x":1e`), whyClaims},
		"a word that is not JSON":        {raw(`"x":undefined`), whyClaims},
		"an array":                       {iss.Sign(header, "["+marshal(t, iss.Claims())+"]"), whyClaims},
		"a string":                       {iss.Sign(header, strconv.Quote(marshal(t, iss.Claims()))), whyClaims},
		"null":                           {iss.Sign(header, "null"), whyClaims},
		"an empty object":                {iss.Sign(header, "{}"), whyLacks},
		"a nested token":                 {iss.Sign(header, iss.Mint(nil)), whyClaims},
	})
}

func TestStrictProfile(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	h := newAPI(t, iss, func(s *settings) { s.auth.StrictRFC9068 = true })
	full := gatetest.Claims{"client_id": "app", "jti": "1"}
	with := func(typ any, changes gatetest.Claims) string {
		claims := maps.Clone(full)
		maps.Copy(claims, changes)
		return iss.MintHeader(map[string]any{"typ": typ}, claims)
	}
	verdicts(t, h, map[string]verdict{
		"all of it":         {with("at+jwt", nil), ""},
		"the long typ":      {with("application/at+jwt", nil), ""},
		"typ JWT":           {with("JWT", nil), whyProfile},
		"no typ":            {with(nil, nil), whyProfile},
		"no client_id":      {with("at+jwt", gatetest.Claims{"client_id": nil}), whyProfile},
		"no jti":            {with("at+jwt", gatetest.Claims{"jti": nil}), whyProfile},
		"empty jti":         {with("at+jwt", gatetest.Claims{"jti": ""}), whyProfile},
		"no iat":            {with("at+jwt", gatetest.Claims{"iat": nil}), whyProfile},
		"an ordinary token": {iss.Mint(nil), whyProfile},
	})
}
