package proxyconf

import (
	"fmt"
	"strings"
)

// contexts are those of one rule.
type contexts []context

// context is a prefix, a glob or a regular expression.
type context struct {
	text    string
	globs   []glob // one for each alternative of its braces; nil if it is no glob
	negated bool   // a glob that excludes
	regex   *regex
}

// newContext returns the context for text, the key of a rule or an element of "context": a
// regular expression if it starts with ^, a glob if it has wildcards or starts with !,
// otherwise a prefix.
func newContext(text string) (context, error) {
	switch {
	case text == "":
		return context{}, fmt.Errorf(`a context must not be empty; "/" matches every path`)
	case text[0] == '^':
		regex, err := compileRegex(text)
		return context{text: text, regex: regex}, err
	case !isGlob(text):
		if text[0] != '/' {
			return context{}, fmt.Errorf(`the context %q must start with "/", as paths do`, text)
		}
		return context{text: text}, nil
	}
	c := context{text: text}
	pattern := text
	for strings.HasPrefix(pattern, "!") && !strings.HasPrefix(pattern, "!(") {
		pattern, c.negated = pattern[1:], !c.negated
	}
	var err error
	c.globs, err = newGlobs(pattern)
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
	return (in || negations == len(cs)) && !out, nil
}

// fits reports whether c matches, without its negation. Prefixes and globs are
// compared with the path as it is sent; regular expressions, as in Vite, with the
// path and query.
func (c *context) fits(path, uri string) (bool, error) {
	switch {
	case c.regex != nil:
		return c.regex.match(uri)
	case c.globs == nil:
		return strings.HasPrefix(path, c.text), nil
	}
	for i := range c.globs {
		if c.globs[i].match(path) {
			return true, nil
		}
	}
	return false, nil
}

// literal returns the literal prefix of the paths that c matches.
func (c *context) literal() string {
	switch {
	case c.regex != nil:
		return c.regex.literal()
	case c.globs == nil:
		return c.text
	}
	prefix := c.text[:strings.IndexAny(c.text+"*", `*?[{\`)]
	return prefix[:strings.LastIndex(prefix, "/")+1]
}
