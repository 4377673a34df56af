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
	globs   []glob // one for each alternative of its braces; nil is no glob
	negated bool   // a glob that takes away
	regex   *regex
}

func newContext(text string) (context, error) {
	switch {
	case text == "":
		return context{}, fmt.Errorf(`a context must not be empty; "/" is every path`)
	case text[0] == '^':
		regex, err := compileRegex(text)
		return context{text: text, regex: regex}, err
	case !isGlob(text):
		if text[0] != '/' {
			return context{}, fmt.Errorf(`the context %q must begin with "/": paths do`, text)
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

// match reports whether the contexts are for path. They count in turn, as
// micromatch has it: one that fits lets path in, a negated one takes it out, and
// where all are negated, what none takes out is in.
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

// fits reports whether c is for path, or takes it away if it is negated. Prefixes
// and globs are of the path as it is sent; regular expressions, as Vite's, also of
// the query.
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

// literal returns what begins every path that c is for, as far as it is plain.
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
