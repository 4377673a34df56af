package inspect

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// masked replaces what must not be kept.
const masked = "…"

var (
	// secretName matches the names of headers, parameters and members whose values are secret.
	secretName = regexp.MustCompile(`(?i)token|secret|passw|pwd|credential|assertion|authoriz|cookie|session|verifier|api-?_?key|signature|^(code|state|nonce|otp|pin|dpop|sid|login_ticket|user_code|device_code|saml.*)$`)
	// harmless are names that secretName matches, whose values are not secret.
	harmless = regexp.MustCompile(`(?i)^(token_type|token_type_hint|access-control-.*|code_challenge_method|dpop-nonce|www-authenticate|www-authenticate-.*|.*_supported|.*_endpoint)$`)
	// memberName matches the name of a member of JSON.
	memberName = regexp.MustCompile(`"((?:[^"\\]|\\.){1,100})"\s*:\s*`)
	// tokenText matches a JWT or JWE, whole or cut off, anywhere.
	tokenText = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*){0,4}`)
	// credentials matches the value of Authorization in text.
	credentials = regexp.MustCompile(`(?i)\b(bearer|basic|dpop)\s+[A-Za-z0-9._~+/=-]{8,}`)
)

// isSecret reports whether the value of the header, parameter or member must not be kept.
func isSecret(name string) bool { return secretName.MatchString(name) && !harmless.MatchString(name) }

// maskText masks tokens and credentials in text of any kind.
func maskText(text string) string {
	if strings.Contains(text, "eyJ") {
		text = tokenText.ReplaceAllString(text, masked)
	}
	return credentials.ReplaceAllString(text, "$1 "+masked)
}

// maskHeader returns what is kept of a header's value: the scheme of credentials, the names of
// cookies, and URLs without secret parameters.
func maskHeader(name, value string) string {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "Proxy-Authorization":
		scheme, _, found := strings.Cut(value, " ")
		if !found {
			return masked
		}
		return maskText(scheme) + " " + masked
	case "Cookie":
		cookies := strings.Split(value, ";")
		for i, one := range cookies {
			name, _, _ := strings.Cut(one, "=")
			cookies[i] = name + "=" + masked
		}
		return strings.Join(cookies, ";")
	case "Set-Cookie":
		pair, attributes, _ := strings.Cut(value, ";")
		name, _, _ := strings.Cut(pair, "=")
		if attributes != "" {
			attributes = ";" + attributes
		}
		return name + "=" + masked + attributes
	case "Location", "Content-Location", "Referer", "Refresh", "Link":
		return maskURL(value)
	}
	if isSecret(name) {
		return masked
	}
	return maskText(value)
}

// maskURL masks the secret parameters of a URL's query and fragment.
func maskURL(text string) string {
	rest, fragment, hasFragment := strings.Cut(text, "#")
	path, query, hasQuery := strings.Cut(rest, "?")
	out := maskText(path)
	if at := strings.LastIndexByte(path, '@'); at >= 0 && strings.Contains(path[:at], "://") { // a password
		scheme, _, _ := strings.Cut(path, "://")
		out = scheme + "://" + masked + path[at:]
	}
	if hasQuery {
		out += "?" + maskForm(query)
	}
	if hasFragment {
		out += "#" + maskForm(fragment)
	}
	return out
}

// maskForm masks the secret fields of application/x-www-form-urlencoded.
func maskForm(text string) string {
	fields := strings.Split(text, "&")
	for i, field := range fields {
		name, value, found := strings.Cut(field, "=")
		decoded, err := url.QueryUnescape(name)
		plain, valueErr := url.QueryUnescape(value)
		switch {
		case found && (err != nil || valueErr != nil || isSecret(decoded)):
			fields[i] = maskText(name) + "=" + masked
		case found && maskText(plain) != plain:
			fields[i] = name + "=" + masked
		case maskText(field) != field: // a token without a name
			fields[i] = masked
		}
	}
	return strings.Join(fields, "&")
}

// maskJSON masks the secret members of JSON, which may be cut off.
func maskJSON(text string) string {
	var out strings.Builder
	for {
		at := memberName.FindStringSubmatchIndex(text)
		if at == nil {
			return maskText(out.String() + text)
		}
		name, err := unquote(text[at[2]:at[3]])
		start := at[1]
		end := valueEnd(text, start)
		value := text[start:end]
		out.WriteString(text[:start])
		switch {
		case err == nil && name == "code" && len(value) < 16: // an error's
			out.WriteString(value)
		case err != nil || isSecret(name):
			out.WriteString(`"` + masked + `"`)
		case strings.HasPrefix(value, "{") || strings.HasPrefix(value, "["):
			end = start // their members follow
		default:
			if plain, err := unquote(strings.Trim(value, `"`)); err != nil || maskText(plain) != plain {
				value = `"` + masked + `"`
			}
			out.WriteString(value)
		}
		text = text[end:]
	}
}

// valueEnd returns where the JSON value ends that begins at start, or the length of text if it is
// cut off.
func valueEnd(text string, start int) int {
	depth, inString := 0, false
	for i := start; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			if inString = !inString; !inString && depth == 0 {
				return i + 1
			}
		case inString:
		case c == '{' || c == '[':
			depth++
		case (c == '}' || c == ']' || c == ',') && depth == 0: // of a number or a word
			return i
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// unquote returns the text of a JSON string without its quotes.
func unquote(text string) (plain string, err error) {
	err = json.Unmarshal([]byte(`"`+text+`"`), &plain)
	return plain, err
}

// shared matches what one request of a login hands to the next, in forms, JSON, HTML and URLs.
var shared = regexp.MustCompile(`\b(code|state|access_token|refresh_token|id_token|id_token_hint)"?\s*(?:=|:|value=)\s*"?([A-Za-z0-9._~+/%-]{12,})`)

// sharedValues returns the values in text that only the requests of one flow know.
func sharedValues(text string) (values []string) {
	for _, match := range shared.FindAllStringSubmatch(text, 40) {
		value, err := url.QueryUnescape(match[2])
		if err != nil {
			value = match[2]
		}
		if !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	return values
}

// TokenSent is what is kept of an access token: what anybody who has it can read, and not the
// signature, without which it is worth nothing.
type TokenSent struct {
	Scheme string          `json:"scheme"`
	Header json.RawMessage `json:"header,omitempty"` // of a JWT
	Claims json.RawMessage `json:"claims,omitempty"`
}

// tokenSent returns the token in a request's Authorization, nil if there is none.
func tokenSent(header http.Header) *TokenSent {
	scheme, token, found := strings.Cut(header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "DPoP") {
		return nil
	}
	sent := &TokenSent{Scheme: scheme}
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > maxBody {
		return sent
	}
	head, headErr := base64.RawURLEncoding.DecodeString(parts[0])
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if headErr == nil && err == nil && json.Valid(head) && json.Valid(claims) {
		sent.Header, sent.Claims = json.RawMessage(maskJSON(string(head))), json.RawMessage(maskJSON(string(claims)))
	}
	return sent
}
