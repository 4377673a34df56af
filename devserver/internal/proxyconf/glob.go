package proxyconf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// maxAlternatives is how many alternatives the braces of one glob may have.
const maxAlternatives = 256

// glob is a pattern without braces, split at slashes. The segment "**" matches any
// number of segments. Wildcards do not match a dot at the start of a segment.
type glob struct {
	segments []string
	slash    bool // the path may end with a slash
}

// isGlob reports whether text is a glob rather than a prefix.
func isGlob(text string) bool {
	_, group, _ := strings.Cut(text, "(")
	return strings.HasPrefix(text, "!") || strings.ContainsAny(text, "*?[]{}") || strings.Contains(group, "|") ||
		strings.Contains(text, "@(") || strings.Contains(text, "+(") || strings.Contains(text, "!(")
}

// newGlobs returns the globs for all alternatives of pattern.
func newGlobs(pattern string) ([]glob, error) {
	if strings.ContainsAny(pattern, "()") {
		return nil, fmt.Errorf("the glob %q has parentheses; write {a,b} instead, or a regular expression that starts with ^", pattern)
	}
	alternatives, err := expand(pattern)
	if err != nil {
		return nil, fmt.Errorf("the glob %q %w", pattern, err)
	}
	slash := strings.HasSuffix(pattern, "*") || strings.HasSuffix(pattern, "]")
	globs := make([]glob, len(alternatives))
	for i, alternative := range alternatives {
		// [!a] is not a negation in this dialect: it matches "!" and "a".
		alternative = strings.ReplaceAll(alternative, "[!", `[\!`)
		segments := strings.Split(alternative, "/")
		for _, segment := range segments {
			if !doublestar.ValidatePattern(segment) {
				return nil, fmt.Errorf("the glob %q is incomplete: a [ without its ], or a \\ at the end", pattern)
			}
		}
		globs[i] = glob{segments, slash}
	}
	return globs, nil
}

// match reports whether g matches path. It backtracks to the last "**" only, because
// the last one can match whatever an earlier one could.
func (g *glob) match(path string) bool {
	names := strings.Split(path, "/")
	if g.slash && names[len(names)-1] == "" {
		names = names[:len(names)-1]
	}
	at := 0
	star, starAt := -1, 0 // the last "**", and the end of what it matches
	for i := 0; i < len(g.segments) || at < len(names); {
		switch {
		case i < len(g.segments) && g.segments[i] == "**":
			star, starAt = i, at
			i++
			continue
		case i < len(g.segments) && at < len(names) && matchSegment(g.segments[i], names[at]):
			i++
			at++
			continue
		case star < 0 || starAt == len(names) || strings.HasPrefix(names[starAt], "."):
			return false
		}
		starAt++
		i, at = star+1, starAt
	}
	return true
}

// matchSegment reports whether pattern matches name, one segment of a path. As in a shell,
// wildcards do not match a dot at its start.
func matchSegment(pattern, name string) bool {
	if strings.HasPrefix(name, ".") && (strings.HasPrefix(pattern, "*") || strings.HasPrefix(pattern, "?")) {
		return false
	}
	return doublestar.MatchUnvalidated(pattern, name)
}

// expand returns the alternatives of the braces in pattern: {a,b} and {1..3}. Other
// braces are literal.
func expand(pattern string) ([]string, error) {
	open, closing, commas := braces(pattern)
	switch {
	case open < 0 && closing < 0:
		return []string{pattern}, nil
	case open < 0 || closing < 0:
		return nil, errors.New("has a { without its }, or a } without its {")
	}
	tails, err := expand(pattern[closing+1:])
	if err != nil {
		return nil, err
	}
	var choices []string
	content := pattern[open+1 : closing]
	switch items, isRange := sequence(content); {
	case len(commas) > 0:
		from := open + 1
		for _, comma := range append(commas, closing) {
			inner, err := expand(pattern[from:comma])
			if err != nil {
				return nil, err
			}
			choices = append(choices, inner...)
			from = comma + 1
		}
	case isRange && items == nil:
		return nil, fmt.Errorf("has more than %d alternatives", maxAlternatives)
	case isRange:
		choices = items
	default:
		inner, err := expand(content)
		if err != nil {
			return nil, err
		}
		for _, choice := range inner {
			choices = append(choices, `\{`+choice+`\}`)
		}
	}
	if len(choices)*len(tails) > maxAlternatives {
		return nil, fmt.Errorf("has more than %d alternatives", maxAlternatives)
	}
	var all []string
	for _, choice := range choices {
		for _, tail := range tails {
			all = append(all, pattern[:open]+choice+tail)
		}
	}
	return all, nil
}

// braces returns where the first braces of pattern open and close, -1 if they do not,
// and the commas directly inside.
func braces(pattern string) (open, closing int, commas []int) {
	open = -1
	depth, class := 0, false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '{':
			if depth++; depth == 1 {
				open = i
			}
		case c == '}':
			if depth--; depth <= 0 {
				return open, i, commas
			}
		case c == ',' && depth == 1:
			commas = append(commas, i)
		}
	}
	return open, -1, nil
}

// sequence returns the items of "1..3", "03..01" or "a..c", or nil if there are too
// many. ok is whether content is a sequence.
func sequence(content string) (items []string, ok bool) {
	from, to, ok := strings.Cut(content, "..")
	if !ok {
		return nil, false
	}
	low, err := strconv.ParseUint(from, 10, 31)
	high, err2 := strconv.ParseUint(to, 10, 31)
	write := func(n uint64) string { return strconv.FormatUint(n, 10) }
	switch {
	case err == nil && err2 == nil:
		if from[0] == '0' || to[0] == '0' { // 01..10 keeps its width
			width := max(len(from), len(to))
			write = func(n uint64) string { return fmt.Sprintf("%0*d", width, n) }
		}
	case len(from) == 1 && len(to) == 1 && isLetter(from[0]) && isLetter(to[0]):
		low, high = uint64(from[0]), uint64(to[0])
		write = func(n uint64) string { return string([]byte{byte(n)}) } //nolint:gosec // between two letters
	default:
		return nil, false
	}
	if max(low, high)-min(low, high) >= maxAlternatives {
		return nil, true
	}
	for n := low; ; {
		items = append(items, write(n))
		switch {
		case n == high:
			return items, true
		case n < high:
			n++
		default:
			n--
		}
	}
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
