package proxyconf

import (
	"fmt"
	"strconv"
	"strings"
)

// braces translates the braces from from to to: {a,b} or {1..3}. Others are literal.
func (t *translation) braces(from, to int) error {
	inside := t.glob[from+1 : to]
	if items, isRange := sequence(inside); isRange {
		if items == nil {
			return fmt.Errorf("has more than %d alternatives", maxAlternatives)
		}
		t.add(open, "(?:"+strings.Join(items, "|"))
		t.pieces = append(t.pieces, piece{braced, ")"})
		return nil
	}
	before, after := `\{`, `\}`
	if hasComma(inside) {
		before, after = "(?:", ")"
	}
	t.add(open, before)
	err := t.sequence(from+1, to, true)
	t.pieces = append(t.pieces, piece{braced, after})
	return err
}

// class translates the character class at i and returns where it ends, 0 if it doesn't.
func (t *translation) class(i, to int) (end int) {
	start := i + 1
	if start < to && t.glob[start] == '^' {
		start++
	}
	end = start
	if end < to && t.glob[end] == ']' {
		end++ // at the start it is literal
	}
	for end < to && t.glob[end] != ']' {
		if t.glob[end] == '\\' {
			end++
		} else if strings.HasPrefix(t.glob[end:to], "[:") {
			if name, _, ok := strings.Cut(t.glob[end+2:to], ":]"); ok && posix[name] != "" {
				end += len(name) + 3
			}
		}
		end++
	}
	if end >= to {
		return 0
	}
	inside := t.glob[start:end]
	set := inside
	for name, characters := range posix {
		set = strings.ReplaceAll(set, "[:"+name+":]", characters)
	}
	isPosix := set != inside
	set = strings.ReplaceAll(set, "[", `\[`)
	if strings.HasPrefix(set, "]") {
		set = `\` + set
	}
	switch {
	case t.glob[start-1] == '^' && !isPosix && !strings.Contains(inside, "/"):
		t.add(class, "[^"+set+"/]")
	case t.glob[start-1] == '^':
		t.add(class, "[^"+set+"]")
	case strings.ContainsAny(inside, `-*+?.^${}(|)[]`):
		t.add(class, "["+set+"]")
	default: // a name may contain brackets
		t.add(class, `(?:\[`+quoteAll(inside)+`\]|[`+set+`])`)
	}
	return end + 1
}

// posix are the names in classes like [[:alpha:]].
var posix = map[string]string{
	"alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "digit": "0-9", "lower": "a-z", "upper": "A-Z", "word": "A-Za-z0-9_", "xdigit": "A-Fa-f0-9",
}

// closing returns where the parenthesis or brace at i closes, -1 if it does not before
// to.
func (t *translation) closing(i, to int) int {
	opening, closing := t.glob[i], byte(')')
	if opening == '{' {
		closing = '}'
	}
	depth := 0
	for ; i < to; i++ {
		switch t.glob[i] {
		case '\\':
			i++
		case opening:
			depth++
		case closing:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// hasComma reports whether s has a comma outside of inner braces and parentheses.
func hasComma(s string) bool {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{', '(':
			depth++
		case '}', ')':
			depth--
		case ',':
			if depth == 0 {
				return true
			}
		}
	}
	return false
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
	if low > high {
		low, high = high, low
	}
	if high-low >= maxAlternatives {
		return nil, true
	}
	for n := low; n <= high; n++ {
		items = append(items, quoteAll(write(n)))
	}
	return items, true
}
