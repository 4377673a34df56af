package proxyconf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// maxAlternatives bounds what the braces of one glob can stand for.
const maxAlternatives = 256

// glob is a pattern without braces, cut at its slashes. The segment "**" stands
// for any number of them. Wildcards don't stand for a dot that begins a segment.
type glob struct {
	segments []string
	slash    bool // a slash may follow at the end of the path
}

// isGlob reports whether text is a glob and not a prefix.
func isGlob(text string) bool {
	_, group, _ := strings.Cut(text, "(")
	return strings.HasPrefix(text, "!") || strings.ContainsAny(text, "*?[]{}") || strings.Contains(group, "|") ||
		strings.Contains(text, "@(") || strings.Contains(text, "+(") || strings.Contains(text, "!(")
}

// newGlobs returns the globs that pattern stands for.
func newGlobs(pattern string) ([]glob, error) {
	if strings.ContainsAny(pattern, "()") {
		return nil, fmt.Errorf("the glob %q has parentheses; write {a,b} in their place, or a regular expression that begins with ^", pattern)
	}
	alternatives, err := expand(pattern)
	if err != nil {
		return nil, fmt.Errorf("the glob %q %w", pattern, err)
	}
	slash := strings.HasSuffix(pattern, "*") || strings.HasSuffix(pattern, "]")
	globs := make([]glob, len(alternatives))
	for i, alternative := range alternatives {
		// [!a] has no meaning of its own in this dialect: it is "!" or "a".
		alternative = strings.ReplaceAll(alternative, "[!", `[\!`)
		segments := strings.Split(alternative, "/")
		for _, segment := range segments {
			if !doublestar.ValidatePattern(segment) {
				return nil, fmt.Errorf("the glob %q is not complete: a [ without its ], or a \\ at the end", pattern)
			}
		}
		globs[i] = glob{segments, slash}
	}
	return globs, nil
}

// match reports whether g is for path. It goes back to the last "**" only: what
// an earlier one could take, the last one can too.
func (g *glob) match(path string) bool {
	names := strings.Split(path, "/")
	if g.slash && names[len(names)-1] == "" {
		names = names[:len(names)-1]
	}
	at := 0
	star, starAt := -1, 0 // the last "**", and where what it takes ends
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

func matchSegment(pattern, name string) bool {
	if strings.HasPrefix(name, ".") && (strings.HasPrefix(pattern, "*") || strings.HasPrefix(pattern, "?")) {
		return false
	}
	return doublestar.MatchUnvalidated(pattern, name)
}

// expand returns what the braces of pattern stand for: {a,b} and {1..3}. Braces
// with neither in them are themselves.
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
		return nil, fmt.Errorf("stands for more than %d paths", maxAlternatives)
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
		return nil, fmt.Errorf("stands for more than %d paths", maxAlternatives)
	}
	var all []string
	for _, choice := range choices {
		for _, tail := range tails {
			all = append(all, pattern[:open]+choice+tail)
		}
	}
	return all, nil
}

// braces returns where the first braces of pattern open and close, and the commas
// between them that are in no other. -1 is nowhere.
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

// sequence returns what "1..3", "03..01" or "a..c" stands for, nil if that is too
// much, and whether content is one of these.
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
