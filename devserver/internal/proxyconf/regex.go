package proxyconf

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// maxMatch is how long one regular expression may take for one request. Backtracking,
// which lookaround needs, can take exponential time.
const maxMatch = 100 * time.Millisecond

// regex is an ECMAScript regular expression.
type regex struct{ re *regexp2.Regexp }

// SlowError says that matching a regular expression took longer than 100 ms or too much
// memory.
type SlowError struct{ Pattern string }

func (e *SlowError) Error() string {
	return fmt.Sprintf("the regular expression %q takes too long", e.Pattern)
}

// compileRegex compiles pattern in JavaScript's syntax, with a limit on the time of
// each match.
func compileRegex(pattern string) (_ *regex, err error) {
	re, err := regexp2.Compile(pattern, regexp2.ECMAScript)
	if err != nil {
		return nil, fmt.Errorf("the regular expression %q is invalid: %s", pattern, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	re.MatchTimeout = maxMatch
	return &regex{re}, nil
}

// match reports whether x matches s. The error is a *[SlowError] if that took too long.
func (x *regex) match(s string) (bool, error) {
	matches, err := x.re.MatchString(s)
	if err != nil {
		return false, &SlowError{x.re.String()} // timeout or stack overflow
	}
	return matches, nil
}

// replaceFirst replaces the first match in s as String.prototype.replace does.
func (x *regex) replaceFirst(s, replacement string) (result string, matches bool, err error) {
	m, err := x.re.FindStringMatch(s)
	if err != nil {
		return "", false, &SlowError{x.re.String()}
	}
	if m == nil {
		return s, false, nil
	}
	start, length := m.ByteRange()
	var b strings.Builder
	b.WriteString(s[:start])
	x.substitute(&b, m, s[:start], s[start+length:], replacement)
	b.WriteString(s[start+length:])
	return b.String(), true, nil
}

// substitute writes replacement with its $… expanded (ECMA-262, GetSubstitution).
func (x *regex) substitute(b *strings.Builder, m *regexp2.Match, before, after, replacement string) {
	for {
		text, rest, found := strings.Cut(replacement, "$")
		b.WriteString(text)
		if !found {
			return
		}
		replacement = rest
		switch c := (rest + " ")[0]; {
		case c == '$':
			b.WriteByte('$')
			replacement = rest[1:]
		case c == '&':
			b.WriteString(m.String())
			replacement = rest[1:]
		case c == '`':
			b.WriteString(before)
			replacement = rest[1:]
		case c == '\'':
			b.WriteString(after)
			replacement = rest[1:]
		case c == '<' && x.named() && strings.Contains(rest, ">"):
			name, rest, _ := strings.Cut(rest[1:], ">")
			b.WriteString(captured(m.GroupByName(name)))
			replacement = rest
		default:
			n, digits := groupNumber(rest, m.GroupCount()-1)
			if digits == 0 {
				b.WriteByte('$')
				continue
			}
			b.WriteString(captured(m.GroupByNumber(n)))
			replacement = rest[digits:]
		}
	}
}

// captured returns the text of group, "" if there is none or it has not matched. regexp2
// 2.13.0 gives an empty group that was undone, as in ()*2, a negative index, and its String
// then panics.
func captured(group *regexp2.Group) string {
	if group == nil || group.RuneIndex < 0 || group.RuneLength <= 0 {
		return ""
	}
	return group.String()
}

// groupNumber returns the group number at the start of text: of two digits if there is
// such a group among groups, otherwise of one. digits is 0 if there is none.
func groupNumber(text string, groups int) (n, digits int) {
	for digits = min(2, len(text)); digits > 0; digits-- {
		if n, err := strconv.Atoi(text[:digits]); err == nil && text[0] != '+' && text[0] != '-' && 1 <= n && n <= groups {
			return n, digits
		}
	}
	return 0, 0
}

// named reports whether a group has a name; otherwise $< is literal.
func (x *regex) named() bool {
	for _, name := range x.re.GetGroupNames() {
		if _, err := strconv.Atoi(name); err != nil && name != "" {
			return true
		}
	}
	return false
}

// literal returns the literal prefix of all matches, as far as it is easy to see.
func (x *regex) literal() string {
	pattern := strings.ReplaceAll(strings.TrimPrefix(x.re.String(), "^"), `\/`, "/")
	if strings.Contains(pattern, "|") {
		return ""
	}
	end := strings.IndexAny(pattern+"$", `\.+*?()[]{}$`)
	if end > 0 && strings.ContainsAny(pattern[end:min(end+1, len(pattern))], "*?{") {
		end-- // that character is optional
	}
	return pattern[:end]
}
