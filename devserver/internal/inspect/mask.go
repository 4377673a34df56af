package inspect

import (
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
