package bundle

import (
	"bytes"
	"slices"
)

// blank returns a copy of JavaScript or TypeScript code in which all comments and the
// contents of strings and regular expressions are replaced: comments by spaces, contents
// by '_'. Offsets and line breaks stay, so that patterns match code only. It does not know
// JSX: an apostrophe in its text blanks the rest of the line, and a backtick or /* may
// blank code up to the next one. See hiddenUses.
func blank(code []byte) []byte {
	s := scanner{in: code, out: bytes.Clone(code)}
	for s.at < len(s.in) {
		s.code()
	}
	return s.out
}

// scanner is the state of blank.
type scanner struct {
	in, out []byte
	at      int
	braces  []int // for each open ${, how many { are open inside it
	last    byte  // the last byte of code that is no space; 0 at the beginning
	word    []byte
}

// code handles the byte at s.at, which is code, and what it begins.
func (s *scanner) code() {
	c := s.in[s.at]
	switch {
	case s.starts("//"):
		s.fill(s.until("\n", false), ' ')
	case s.starts("/*") && bytes.Contains(s.in[s.at+2:], []byte("*/")):
		s.fill(s.until("*/", true), ' ')
	case c == '"' || c == '\'':
		s.at++
		s.fill(s.quoted(c), '_')
		s.end(c)
	case c == '`' && bytes.IndexByte(s.in[s.at+1:], '`') >= 0:
		s.at++
		s.template()
	case c == '/' && s.regexAllowed():
		s.at++
		s.fill(s.regex(), '_')
		s.end('/')
	case c == '{' && len(s.braces) > 0:
		s.braces[len(s.braces)-1]++
		s.next(c)
	case c == '}' && len(s.braces) > 0 && s.braces[len(s.braces)-1] == 0:
		s.braces = s.braces[:len(s.braces)-1]
		s.at++
		s.template()
	case c == '}' && len(s.braces) > 0:
		s.braces[len(s.braces)-1]--
		s.next(c)
	default:
		s.next(c)
	}
}

func (s *scanner) starts(text string) bool { return bytes.HasPrefix(s.in[s.at:], []byte(text)) }

// next moves on by one byte of code.
func (s *scanner) next(c byte) {
	s.at++
	switch {
	case isWord(c):
		if !isWord(s.last) || s.at > 1 && !isWord(s.in[s.at-2]) {
			s.word = s.word[:0]
		}
		s.word = append(s.word, c)
		s.last = c
	case c != ' ' && c != '\t' && c != '\r' && c != '\n':
		s.last = c
	}
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// end moves over the delimiter that ends a string or regular expression, if it is there.
func (s *scanner) end(delimiter byte) {
	if s.at < len(s.in) && s.in[s.at] == delimiter {
		s.at++
	}
	s.last = '"' // a division may follow
}

// fill replaces everything up to end, except line breaks, and moves there.
func (s *scanner) fill(end int, with byte) {
	for ; s.at < end; s.at++ {
		if c := s.in[s.at]; c != '\n' && c != '\r' {
			s.out[s.at] = with
		}
	}
}

// until returns the offset of the next text, or after it if inclusive.
func (s *scanner) until(text string, inclusive bool) int {
	i := bytes.Index(s.in[s.at:], []byte(text))
	switch {
	case i < 0:
		return len(s.in)
	case inclusive:
		return s.at + i + len(text)
	}
	return s.at + i
}

// quoted returns the offset of the quote that ends a string, or of the end of its line.
func (s *scanner) quoted(quote byte) int {
	for i := s.at; i < len(s.in); i++ {
		switch s.in[i] {
		case '\\':
			i++
		case quote, '\n':
			return i
		}
	}
	return len(s.in)
}

// template moves over the text of a template, to its end or to the code in it.
func (s *scanner) template() {
	for s.at < len(s.in) {
		switch {
		case s.in[s.at] == '`':
			s.at++
			s.last = '"'
			return
		case s.starts("${"):
			s.at += 2
			s.braces = append(s.braces, 0)
			s.last = '{'
			return
		case s.in[s.at] == '\\':
			s.fill(min(s.at+2, len(s.in)), '_')
		default:
			s.fill(s.at+1, '_')
		}
	}
}

// regex returns the offset of the slash that ends a regular expression, or of the end of
// its line.
func (s *scanner) regex() int {
	class := false
	for i := s.at; i < len(s.in); i++ {
		switch s.in[i] {
		case '\\':
			i++
		case '[':
			class = true
		case ']':
			class = false
		case '/':
			if !class {
				return i
			}
		case '\n':
			return i
		}
	}
	return len(s.in)
}

// keywords are those after which a slash begins a regular expression.
var keywords = []string{"return", "typeof", "instanceof", "in", "of", "new", "delete", "void", "throw", "case", "do", "else", "await", "yield"}

// regexAllowed reports whether a slash here begins a regular expression, by what is
// before it. After ) and } it is taken for a division, which is the more frequent, and
// after < for the end of an element.
func (s *scanner) regexAllowed() bool {
	if isWord(s.last) {
		return slices.Contains(keywords, string(s.word))
	}
	return s.last == 0 || bytes.IndexByte([]byte("(,=:[!&|?{;+-*%~^>"), s.last) >= 0
}
