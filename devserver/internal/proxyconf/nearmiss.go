package proxyconf

import (
	"net/url"
	"strings"
)

// NearMiss looks for a rule that a request of uri, which none matches, was likely
// meant for. It returns its index, or -1, and why it doesn't match.
func (rules Rules) NearMiss(uri string) (i int, why string) {
	path, _, _ := strings.Cut(uri, "?")
	clean := strings.ToLower(path)
	if decoded, err := url.PathUnescape(clean); err == nil {
		clean = decoded
	}
	for strings.Contains(clean, "//") {
		clean = strings.ReplaceAll(clean, "//", "/")
	}
	for i := range rules {
		if rules[i].takesAway(path) {
			continue
		}
		for j := range rules[i].contexts {
			c := &rules[i].contexts[j]
			literal := strings.TrimSuffix(c.literal(), "/")
			if literal == "" || c.negated || !strings.HasPrefix(clean+"/", strings.ToLower(literal)+"/") {
				continue
			}
			switch {
			case !strings.HasPrefix(strings.ToLower(path), strings.ToLower(literal)):
				return i, "contexts are compared with the path as it is sent"
			case !strings.HasPrefix(path, literal):
				return i, "contexts are case-sensitive"
			case c.regex != nil:
				return i, "the regular expression doesn't match"
			case c.globs != nil:
				return i, "* stands for one level, ** for any number of them, neither for a name that begins with a dot"
			}
			return i, "the context ends with a slash"
		}
	}
	return -1, ""
}

// takesAway reports whether path is one that the rule excludes on purpose.
func (r *Rule) takesAway(path string) bool {
	for i := range r.contexts {
		if c := &r.contexts[i]; c.negated {
			if fits, err := c.fits(path, path); fits || err != nil {
				return true
			}
		}
	}
	return false
}
