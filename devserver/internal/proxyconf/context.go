package proxyconf

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// contexts are those of one rule.
type contexts []context

// context is a prefix, a glob or a regular expression.
type context struct {
	text    string
	glob    *regex // nil unless it is a glob
	regex   *regex // nil unless it is a regular expression
	negated bool   // it excludes the paths that it fits
	inverse bool   // it fits the paths that glob does not match
}

// newContext returns the context for text, the key of a rule or an element of "context": a
// regular expression if it starts with ^, a glob if it has wildcards or starts with !,
// otherwise a prefix.
func newContext(text string) (context, error) {
	c := context{text: text}
	var err error
	switch {
	case strings.HasPrefix(text, "^"):
		c.regex, err = compileRegex(text)
	case isGlob(text):
		pattern := text
		for strings.HasPrefix(pattern, "!") && !strings.HasPrefix(pattern, "!(") {
			pattern, c.negated = pattern[1:], !c.negated
		}
		if strings.HasPrefix(pattern, "!(") {
			c.negated, c.inverse = true, true
		}
		c.glob, err = compileGlob(pattern)
	}
	return c, err
}

// match reports whether the contexts match path. As in micromatch, they apply in
// order: one that matches includes path, a negated one excludes it, and if all are
// negated, a path that none excludes is included.
func (cs contexts) match(path, uri string) (bool, error) {
	in, out, negations := false, false, 0
	for i := range cs {
		fits, err := cs[i].fits(path, uri)
		if err != nil {
			return false, err
		}
		if cs[i].negated {
			negations++
		}
		if fits {
			in, out = in || !cs[i].negated, cs[i].negated
		}
	}
	return (in || negations == len(cs) && negations > 0) && !out, nil
}

// fits reports whether c matches, without its negation. Prefixes and globs are
// compared with the path as it is sent; regular expressions, as in Vite, with the
// path and query.
func (c *context) fits(path, uri string) (bool, error) {
	switch {
	case c.regex != nil:
		return c.regex.match(uri)
	case c.glob != nil:
		matches, err := c.glob.match(path)
		return matches != c.inverse, err
	}
	return strings.HasPrefix(path, c.text), nil
}

// warning returns what c probably means instead, "" if nothing is odd.
func (c *context) warning() string {
	pattern := strings.TrimLeft(c.text, "!")
	switch {
	case c.regex != nil || pattern == "":
		return ""
	case pattern == "*":
		return `* matches the path / only; "**" matches every path`
	case pattern == ".*" || strings.Contains(pattern, "/.*") || strings.Contains(pattern, "(.*"):
		return fmt.Sprintf("%q is a glob, in which .* is a name that starts with a dot; ** is everything below, and a regular expression starts with ^", c.text)
	case strings.IndexByte(`/*?[{(\@+`, pattern[0]) < 0 && !c.inverse:
		return c.text + " matches nothing, because paths start with /" + suggestPath(pattern)
	case c.glob != nil && strings.HasSuffix(pattern, "/*"):
		below := strings.TrimSuffix(pattern, "/*")
		all := strconv.Quote(below + "/**")
		if !isGlob(below) {
			all = fmt.Sprintf("%q or %s", cmp.Or(below, "/"), all)
		}
		return fmt.Sprintf(`%q is one level; %s is everything below, and %q is one level without this warning`, c.text, all, below+"/?*")
	case c.glob != nil && strings.Contains(c.text, "[!"):
		return "[!…] matches a literal ! here; write [^…] for any other character"
	}
	return ""
}

// suggestPath returns the words that suggest the path that pattern probably means, "" if
// it is none.
func suggestPath(pattern string) string {
	path := strings.TrimPrefix(strings.TrimPrefix(pattern, "./"), "../")
	if _, after, isURL := strings.Cut(pattern, "://"); isURL {
		_, path, _ = strings.Cut(after, "/")
	} else if strings.Contains(path, ":") { // a host and its port
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", "/"+path)
}

// isPrefix reports whether c is a plain prefix.
func (c *context) isPrefix() bool { return c.glob == nil && c.regex == nil }

// literal returns the literal prefix of the paths that c matches.
func (c *context) literal() string {
	switch {
	case c.regex != nil:
		return c.regex.literal()
	case c.isPrefix():
		return c.text
	}
	prefix := c.text[:strings.IndexAny(c.text+"*", `*?[{(\\`)]
	return prefix[:strings.LastIndex(prefix, "/")+1]
}
