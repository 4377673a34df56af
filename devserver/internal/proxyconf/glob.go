package proxyconf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// This file translates globs into regular expressions, with the results of micromatch,
// which http-proxy-middleware uses. Its rules are subtle: for example, a wildcard does
// not match a dot at the start of a segment, but it does so at the start of a group. The
// results that testdata/dialect.json records are the specification.

// maxAlternatives is how many numbers or letters {1..9} may stand for.
const maxAlternatives = 256

// Parts of the expressions.
const (
	anyInSegment = `[^/]*?`
	anySegments  = `(?:(?:(?!(?:^|/)\.).)*?)` // none of which starts with a dot
	noDot        = `(?!\.)`
	notEmpty     = `(?=.)`
	noDots       = `(?!\.?(?:/|$))` // after a dot: neither . nor .. as a whole segment
)

// isGlob reports whether text is a glob rather than a prefix: it starts with ! or has a
// wildcard, a class, braces, or parentheses with alternatives.
func isGlob(text string) bool {
	if strings.HasPrefix(text, "!") {
		return true
	}
	for i := 0; i < len(text); i++ {
		rest := text[i+1:]
		switch text[i] {
		case '\\':
			i++
		case '*', '?':
			return true
		case '[', '{':
			closing := "]"
			if text[i] == '{' {
				closing = "}"
			}
			if strings.Index(rest, closing) > 0 {
				return true
			}
		case '@', '+', '!':
			if strings.HasPrefix(rest, "(") && strings.Contains(rest, ")") {
				return true
			}
		case '(':
			if _, after, ok := strings.Cut(rest, "|"); ok && strings.Contains(after, ")") {
				return true
			}
		}
	}
	return false
}

// kind is the kind of a piece of a glob.
type kind int

const (
	begin kind = iota
	slash
	dot
	literal
	star
	globstar
	class
	open      // ( or the { of alternatives
	separator // the comma of alternatives
	closed    // )
	braced    // }
)

// piece is a part of a glob and the regular expression for it.
type piece struct {
	kind   kind
	source string
}

// translation is the work on one glob.
type translation struct {
	glob   string
	pieces []piece // the first is begin
	depth  int     // of parentheses
}

// translate returns the regular expression for glob, which must match the whole path.
func translate(glob string) (string, error) {
	if source, ok := translateShort(glob); ok {
		return source, nil
	}
	t := &translation{glob: glob, pieces: []piece{{kind: begin}}}
	if err := t.sequence(0, len(glob), false); err != nil {
		return "", err
	}
	if last := t.last(0).kind; last == star || last == class {
		t.add(literal, "/?")
	}
	var b strings.Builder
	b.WriteString("^(?:")
	for _, piece := range t.pieces {
		b.WriteString(piece.source)
	}
	b.WriteString(")$")
	return b.String(), nil
}

// short are the globs that micromatch treats in a way of its own.
var short = map[string]string{
	"*":      noDot + notEmpty + anyInSegment,
	"**":     noDot + anySegments,
	"*/*":    noDot + anyInSegment + "/" + notEmpty + noDot + anyInSegment,
	"**/*":   "(?:" + noDot + anySegments + "/)?" + noDot + notEmpty + anyInSegment,
	"**/*.*": "(?:" + noDot + anySegments + "/)?" + noDot + anyInSegment + `\.` + notEmpty + anyInSegment,
	"**/.*":  "(?:" + noDot + anySegments + `/)?\.` + notEmpty + anyInSegment,
}

// translateShort translates glob if it is in short, or is so up to its extension, like
// **/*.json.
func translateShort(glob string) (source string, ok bool) {
	name, extension := glob, ""
	for short[name] == "" {
		i := strings.LastIndexByte(name, '.')
		if i <= 0 || !isWord(name[i+1:]) {
			return "", false
		}
		name, extension = name[:i], `\.`+name[i+1:]+extension
	}
	return "^(?:" + short[name] + extension + "/?)$", true
}

// last returns the nth piece from the end.
func (t *translation) last(n int) piece {
	if n >= len(t.pieces) {
		return piece{}
	}
	return t.pieces[len(t.pieces)-1-n]
}

// add adds a piece. A ** that no slash, parenthesis or brace follows is a *.
func (t *translation) add(k kind, source string) {
	if last := &t.pieces[len(t.pieces)-1]; last.kind == globstar && (k == literal && source != "/?" || k == dot || k == star || k == class) {
		*last = piece{star, anyInSegment}
	}
	t.pieces = append(t.pieces, piece{k, source})
}

// sequence translates glob[from:to]. Directly in braces, a comma separates alternatives.
func (t *translation) sequence(from, to int, inBraces bool) error {
	for i := from; i < to; {
		next, err := t.part(i, to, inBraces)
		if err != nil {
			return err
		}
		i = next
	}
	return nil
}

// compileGlob compiles the translation of glob.
func compileGlob(glob string) (*regex, error) {
	source, err := translate(glob)
	if err != nil {
		return nil, fmt.Errorf("the glob %q %w", glob, err)
	}
	compiled, err := compileRegex(source)
	if err != nil {
		return nil, errors.New("the glob " + strconv.Quote(glob) + " is invalid")
	}
	return compiled, nil
}

// quote returns the regular expression for the byte c itself.
func quote(c byte) string {
	if strings.IndexByte(`\^$.*+?()[]{}|/`, c) >= 0 && c != '/' {
		return `\` + string([]byte{c})
	}
	return string([]byte{c})
}

// quoteAll is [quote] for all bytes of s.
func quoteAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(quote(s[i]))
	}
	return b.String()
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// isWord reports whether s has letters, digits and underscores only, and at least one.
func isWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && (c < '0' || '9' < c) && c != '_' {
			return false
		}
	}
	return s != ""
}
