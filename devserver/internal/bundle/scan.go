package bundle

import (
	"bytes"
	"regexp"
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

// urlUse is a use of a file by its URL: new URL('./file', import.meta.url).
type urlUse struct {
	start, end int // of the string, with its quotes
	path       string
	known      bool // path is known before the code runs
	worker     bool // it is the first argument of new Worker or new SharedWorker
	module     bool // and that worker is a module
}

var (
	urlCall    = regexp.MustCompile(`\bnew\s+URL\s*\(\s*`)
	metaURL    = regexp.MustCompile(`^\s*,\s*import\.meta\.url\s*,?\s*\)`)
	workerCall = regexp.MustCompile(`\bnew\s+(?:globalThis\.|window\.|self\.)?(?:Shared)?Worker\s*\(\s*$`)
	moduleType = regexp.MustCompile(`^\s*,\s*\{[^}]*\btype\s*:\s*(["'\x60])`)
	literalUse = regexp.MustCompile(`\bnew\s+URL\s*\(\s*["'\x60][^"'\x60\n]+["'\x60]\s*,\s*import\.meta\.url`)
	// computedImport matches import(variable).
	computedImport = regexp.MustCompile(`\bimport\s*\((?:\s|/\*[^*]*\*/)*[A-Za-z_$]`)
	// ignoredImport matches an import that says that it is meant so.
	ignoredImport = regexp.MustCompile(`@vite-ignore|webpackIgnore`)

	metaGlob   = regexp.MustCompile(`\bimport\.meta\.glob\b`)
	preloading = regexp.MustCompile(`\bimport\s*\(\s*/\*[^*]*\bwebpackPreload\s*:\s*true\b[^*]*\*/\s*["']([^"'\n]+)["']`)
)

// urlUses returns the uses of files by their URL in code, in their order.
// plain is the blanked code.
func urlUses(code, plain []byte) (uses []urlUse) {
	for _, match := range urlCall.FindAllIndex(plain, -1) {
		use := urlUse{start: match[1], end: textEnd(plain, match[1]), worker: workerCall.Match(plain[:match[0]])}
		if use.end > 0 {
			use.path, use.known = string(code[use.start+1:use.end-1]), true
		} else if use.end = argumentEnd(plain, use.start); use.end <= use.start {
			continue
		}
		rest := metaURL.FindIndex(plain[use.end:])
		if rest == nil {
			continue
		}
		if options := use.end + rest[1]; use.worker {
			if m := moduleType.FindIndex(plain[options:]); m != nil {
				use.module = bytes.HasPrefix(code[options+m[1]:], []byte("module"))
			}
		}
		uses = append(uses, use)
	}
	return uses
}

// hiddenUses returns the offsets of uses of files in code that are blanked in plain, but
// not on a line that begins as a comment. JSX is not understood completely.
func hiddenUses(code, plain []byte) (offsets []int) {
	for _, match := range literalUse.FindAllIndex(code, -1) {
		line := bytes.TrimSpace(code[bytes.LastIndexByte(code[:match[0]], '\n')+1 : match[0]])
		isComment := bytes.Contains(line, []byte("//")) || bytes.HasPrefix(line, []byte("*")) || bytes.Contains(line, []byte("/*"))
		if !isComment && !urlCall.Match(plain[match[0]:match[1]]) {
			offsets = append(offsets, match[0])
		}
	}
	return offsets
}

// textEnd returns the offset after the string that begins at start, -1 if there is none
// whose text is known. A template with code in it is none.
func textEnd(plain []byte, start int) int {
	if start >= len(plain) || bytes.IndexByte([]byte("\"'`"), plain[start]) < 0 {
		return -1
	}
	end := start + 1
	for end < len(plain) && plain[end] == '_' {
		end++
	}
	if end < len(plain) && plain[end] == plain[start] {
		return end + 1
	}
	return -1
}

// argumentEnd returns the offset of the comma after the argument that begins at start, -1
// if there is none.
func argumentEnd(plain []byte, start int) int {
	depth := 0
	for i := start; i < len(plain); i++ {
		switch plain[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth < 0 {
				return -1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}
