package inspect

import (
	"encoding/json"
	"strings"
)

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
