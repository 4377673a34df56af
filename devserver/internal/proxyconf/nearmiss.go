package proxyconf

import (
	"net/url"
	"strings"
)

// NearMiss returns the index of a rule that a request of uri, which no rule matches,
// was probably meant for, and why it does not match; -1 if there is none.
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
		if rules[i].excludes(path) {
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
				return i, "contexts are compared with the path as it is sent, without decoding"
			case !strings.HasPrefix(path, literal):
				return i, "contexts are case-sensitive"
			case c.regex != nil:
				return i, "the regular expression doesn't match"
			case c.glob != nil && !strings.Contains(c.text, "*"):
				return i, "the glob does not match the whole path"
			case c.glob != nil:
				return i, "* matches one level, ** any number of levels, and neither a name that starts with a dot"
			}
			return i, "the context ends with a slash"
		}
	}
	return -1, ""
}

// excludes reports whether a negated context of r matches path.
func (r *Rule) excludes(path string) bool {
	for i := range r.contexts {
		if c := &r.contexts[i]; c.negated {
			if fits, err := c.fits(path, path); fits || err != nil {
				return true
			}
		}
	}
	return false
}
