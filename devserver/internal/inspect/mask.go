package inspect

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// masked replaces what must not be kept.
const masked = "…"

// maxMaskDepth is how deep texts are looked into: a URL in a form in JSON in JSON.
const maxMaskDepth = 4

var (
	// secretName matches the names of headers, parameters and members whose values are secret.
	secretName = regexp.MustCompile(`(?i)token|secret|passw|pass(wd|phrase|code)?$|pwd|credential|assertion|authoriz|cookie|session|sess_?id|verifier|` +
		`(api|access|private|auth|subscription|functions|account|shared|signing|encryption|master)[-_]?key|signature|` +
		`(auth|otp|mfa|totp|recovery|backup|verification|sms|user|device)[-_]?code|login_ticket|` +
		`^(key|sig|auth|x-auth|code|state|nonce|otp|pin|dpop|sid|appid|ticket|saml.*)$`)
	// harmless are names that secretName matches, whose values are not secret.
	harmless = regexp.MustCompile(`(?i)^(token_type|token_type_hint|access-control-.*|code_challenge_method|dpop-nonce|www-authenticate|.*_supported|.*_endpoint)$`)
	// wordy are names whose values are often words of a program, which are not secret.
	wordy = regexp.MustCompile(`(?i)^(code|state|key|auth|session|ticket|nonce)$`)
	// word matches such a value: not a number, which may be a one-time code.
	word = regexp.MustCompile(`^([a-z]+([_.-][a-z0-9]+)*|[A-Z]+(_[A-Z0-9]+)+)$`)
	// tokenText matches a JWT or JWE, whole or cut off, anywhere.
	tokenText = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*){0,4}`)
	// credentials matches the value of Authorization in text.
	credentials = regexp.MustCompile(`(?i)\b(bearer|basic|dpop)\s+([A-Za-z0-9._~+/-]*[0-9][A-Za-z0-9._~+/-]*=*|[A-Za-z0-9._~+/-]{16,}=*)`)
	// argument matches a named text as in GraphQL and JavaScript.
	argument = regexp.MustCompile(`\b([A-Za-z_][A-Za-z0-9_-]{0,60})(\s*:\s*)"(?:[^"\\]|\\.)*"?`)
	// identifier matches names that can be shown although their values cannot.
	identifier = regexp.MustCompile(`^[A-Za-z0-9_.\[\]-]{1,64}$`)
	// sessionPath matches a session in a path, as servlets write it.
	sessionPath = regexp.MustCompile(`(?i)(;\s*[a-z]*sess(?:ion)?_?id=)[^;/?#]*`)
)

// isSecret reports whether the value of the header, parameter or member must not be kept.
func isSecret(name string) bool {
	name, _, _ = strings.Cut(name, "[") // code[] and user[password] are checked by both parts
	return secretName.MatchString(name) && !harmless.MatchString(name)
}

// isSecretField is isSecret for names with brackets.
func isSecretField(name string) bool {
	for part := range strings.SplitSeq(strings.NewReplacer("[", ".", "]", "").Replace(name), ".") {
		if isSecret(part) {
			return true
		}
	}
	return isSecret(name)
}

// maskText masks tokens and credentials in text of any kind, and what is in words that are URLs or
// fields of a form.
func maskText(text string) string { return maskWords(text, maxMaskDepth) }

func maskWords(text string, depth int) string {
	if strings.Contains(text, "eyJ") {
		text = tokenText.ReplaceAllString(text, masked)
	}
	text = credentials.ReplaceAllString(text, "$1 "+masked)
	if depth == 0 {
		return text
	}
	if strings.Contains(text, ":") {
		text = argument.ReplaceAllStringFunc(text, func(match string) string {
			parts := argument.FindStringSubmatch(match)
			if isSecret(parts[1]) {
				return parts[1] + parts[2] + `"` + masked + `"`
			}
			return match
		})
	}
	if !strings.ContainsAny(text, "=?@") && !strings.Contains(text, ";") {
		return text
	}
	words := strings.SplitAfter(text, " ")
	for i, one := range words {
		if strings.ContainsAny(one, "=?;") || strings.Contains(one, "://") {
			words[i] = maskLink(one, depth-1)
		}
	}
	return strings.Join(words, "")
}

// maskValue masks what is secret in a value, which may be JSON or a URL itself.
func maskValue(text string, depth int) string {
	if depth == 0 {
		return maskWords(text, 0)
	}
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		return maskMembers(text, depth-1)
	}
	return maskWords(text, depth)
}

// maskHeader returns what is kept of a header's value: the scheme of credentials, the names of
// cookies, and URLs without secret parameters.
func maskHeader(name, value string) string {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "Proxy-Authorization":
		scheme, _, found := strings.Cut(value, " ")
		if !found || !identifier.MatchString(scheme) {
			return masked
		}
		return scheme + " " + masked
	case "Cookie":
		cookies := strings.Split(value, ";")
		for i, one := range cookies {
			cookies[i] = maskPair(one)
		}
		return strings.Join(cookies, ";")
	case "Set-Cookie":
		pair, attributes, found := strings.Cut(value, ";")
		if found {
			attributes = ";" + attributes
		}
		return maskPair(pair) + attributes
	case "Sec-Websocket-Protocol": // the only header that scripts can set for a WebSocket, so tokens are here
		protocols := strings.Split(value, ",")
		for i, one := range protocols {
			if len(strings.TrimSpace(one)) > 20 || i > 0 && isSecret(strings.TrimSpace(strings.Replace(strings.ToLower(protocols[i-1]), "bearer", "token", 1))) {
				protocols[i] = masked
			}
		}
		return strings.Join(protocols, ",")
	case "Www-Authenticate": // a challenge has no secret
		return value
	}
	if isSecret(name) {
		return masked
	}
	return maskText(value)
}

// maskPair masks a cookie but for its name.
func maskPair(cookie string) string {
	name, _, found := strings.Cut(cookie, "=")
	if !found {
		return masked
	}
	return name + "=" + masked
}

// maskURL masks the secret parameters of a URL's query and fragment, and a password.
func maskURL(text string) string { return maskLink(text, maxMaskDepth) }

func maskLink(text string, depth int) string {
	rest, fragment, hasFragment := strings.Cut(text, "#")
	path, query, hasQuery := strings.Cut(rest, "?")
	if scheme, after, found := strings.Cut(path, "://"); found {
		host, tail, _ := strings.Cut(after, "/")
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			path = scheme + "://" + masked + host[at:]
			if len(host) < len(after) {
				path += "/" + tail
			}
		}
	}
	out := sessionPath.ReplaceAllString(maskWords(path, 0), "${1}"+masked)
	if strings.Contains(path, "=") && !strings.Contains(path, "/") && !strings.Contains(path, ";") { // a query without its question mark
		out = maskFields(path, depth)
	}
	if hasQuery {
		out += "?" + maskFields(query, depth)
	}
	if hasFragment {
		out += "#" + maskFields(fragment, depth)
	}
	return out
}

// maskForm masks the secret fields of application/x-www-form-urlencoded.
func maskForm(text string) string { return maskFields(text, maxMaskDepth) }

func maskFields(text string, depth int) string {
	fields := strings.Split(text, "&")
	for i, field := range fields {
		name, value, found := strings.Cut(field, "=")
		decoded, err := url.QueryUnescape(name)
		plain, valueErr := url.QueryUnescape(value)
		if depth > 0 && valueErr == nil && !isSecretField(decoded) && maskValue(plain, depth-1) != plain {
			valueErr = errSecret
		}
		switch {
		case !found && maskWords(field, 0) != field: // a token without a name
			fields[i] = masked
		case !found:
		case !identifier.MatchString(strings.TrimSpace(decoded)) && (err != nil || maskValue(decoded, max(0, depth-1)) != decoded || secretName.MatchString(decoded)):
			fields[i] = masked + "=" + masked
		case err != nil || valueErr != nil || isSecretField(strings.TrimSpace(decoded)):
			fields[i] = name + "=" + masked
		}
	}
	return strings.Join(fields, "&")
}

type secretError struct{}

func (secretError) Error() string { return "it has something secret" }

var errSecret = secretError{}

// MaskJSON masks the secret members of JSON, which may be cut off.
func MaskJSON(text string) string { return maskMembers(text, maxMaskDepth) }

// maskMembers reads text once, string by string. A string that a colon follows is a name.
func maskMembers(text string, depth int) string {
	var out strings.Builder
	for i := 0; i < len(text); {
		start := strings.IndexByte(text[i:], '"')
		if start < 0 {
			out.WriteString(text[i:])
			break
		}
		out.WriteString(text[i : i+start])
		start += i
		end := stringEnd(text, start)
		next := skipSpace(text, end)
		if next == len(text) || text[next] != ':' {
			out.WriteString(maskString(text[start:end], depth))
			i = end
			continue
		}
		value := skipSpace(text, next+1)
		out.WriteString(text[start:value])
		i = value
		name, err := unquote(text[start:end])
		if err == nil && !isSecretField(name) {
			continue
		}
		i = valueEnd(text, value)
		if plain, plainErr := unquote(text[value:i]); plainErr == nil && wordy.MatchString(name) && len(plain) <= 40 && word.MatchString(plain) {
			out.WriteString(text[value:i])
			continue
		}
		if short := strings.TrimSpace(text[value:i]); wordy.MatchString(name) && (len(short) <= 3 && short != "" && short[0] != '"' || short == "null" || short == "true" || short == "false") {
			out.WriteString(text[value:i]) // an HTTP status, or nothing
			continue
		}
		out.WriteString(`"` + masked + `"`)
	}
	return out.String()
}

// maskString masks a JSON string if something in it is secret.
func maskString(quoted string, depth int) string {
	plain, err := unquote(quoted)
	if err != nil {
		plain = strings.Trim(quoted, `"`) // it is cut off
	}
	if maskValue(plain, depth) == plain {
		return quoted
	}
	return `"` + masked + `"`
}

// stringEnd returns where the JSON string that begins at start ends.
func stringEnd(text string, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

func skipSpace(text string, i int) int {
	for i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0 {
		i++
	}
	return i
}

// valueEnd returns where the JSON value ends that begins at start, or the length of text if it is
// cut off.
func valueEnd(text string, start int) int {
	depth := 0
	for i := start; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = stringEnd(text, i) - 1
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i
			}
			if depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 { // of a number or a word
				return i
			}
		}
	}
	return len(text)
}

// unquote returns the text of a JSON string.
func unquote(quoted string) (plain string, err error) {
	err = json.Unmarshal([]byte(quoted), &plain)
	return plain, err
}

// TokenSent is what is kept of an access token: what anybody who has it can read, and not the
// signature, without which it is worth nothing.
type TokenSent struct {
	Scheme string          `json:"scheme"`
	Header json.RawMessage `json:"header,omitempty"` // of a JWT
	Claims json.RawMessage `json:"claims,omitempty"`
}

// accessToken returns the access token of a request with its scheme, "" if it has none.
func accessToken(header http.Header) (scheme, token string) {
	scheme, token, _ = strings.Cut(header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return "Bearer", strings.TrimSpace(token)
	case strings.EqualFold(scheme, "DPoP"):
		return "DPoP", strings.TrimSpace(token)
	}
	return "", ""
}

// tokenSent returns what is kept of a request's access token, nil if it has none.
func tokenSent(header http.Header) *TokenSent {
	scheme, token := accessToken(header)
	if token == "" {
		return nil
	}
	sent := &TokenSent{Scheme: scheme}
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > maxBody {
		return sent
	}
	head, headErr := base64.RawURLEncoding.DecodeString(parts[0])
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	maskedHead, maskedClaims := []byte(MaskJSON(string(head))), []byte(MaskJSON(string(claims)))
	if headErr == nil && err == nil && json.Valid(maskedHead) && json.Valid(maskedClaims) {
		sent.Header, sent.Claims = maskedHead, maskedClaims
	}
	return sent
}
