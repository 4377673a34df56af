package inspect

import (
	"hash/maphash"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// shared matches what one request of a login hands to the next, in forms, JSON, HTML and URLs.
var shared = regexp.MustCompile(`\b(code|state|access_token|refresh_token|id_token|id_token_hint)"?\s*(?:=|:|value=)\s*"?([A-Za-z0-9._~+/%-]{16,})`)

// sharedValues returns the values in text that only the requests of one login know: not words.
func sharedValues(text string) (values []string) {
	for _, match := range shared.FindAllStringSubmatch(text, 40) {
		value, err := url.QueryUnescape(match[2])
		if err != nil {
			value = match[2]
		}
		value = strings.TrimRight(value, "=") // the padding is cut off elsewhere
		if looksRandom(value) && !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	return values
}

// looksRandom reports whether value has a digit, and letters, or letters of both cases; a name or a
// word of a program rarely does.
func looksRandom(value string) bool {
	isLetter := strings.ContainsFunc(value, func(c rune) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' })
	isDigit := strings.ContainsAny(value, "0123456789")
	isMixed := strings.ToLower(value) != value && strings.ToUpper(value) != value && !strings.ContainsAny(value, "._")
	isUpper := strings.ToUpper(value) == value && !strings.ContainsAny(value, "_.-")
	return len(value) >= 16 && isLetter && (isDigit || isMixed || isUpper)
}

// link is a value that requests share: their flow, and how many of those that are kept know it.
type link struct {
	flow string
	n    int
}

// join puts x into the flow of the exchanges that know one of the values too, and merges flows
// that it connects. The caller holds mu.
func (r *Recorder) join(x *exchange, values []string) {
	for _, value := range values {
		hash := maphash.String(r.seed, value)
		if slices.Contains(x.links, hash) {
			continue
		}
		x.links = append(x.links, hash)
		known := r.links[hash]
		if known == nil {
			r.links[hash] = &link{x.Flow, 1}
			continue
		}
		known.n++
		if known.flow != x.Flow {
			r.merge(x.Flow, known.flow)
		}
	}
}

// merge makes from a part of into. The caller holds mu.
func (r *Recorder) merge(from, into string) {
	for _, x := range r.exchanges {
		if x.Flow == from {
			x.Flow = into
			for _, hash := range x.links {
				r.links[hash].flow = into
			}
		}
	}
}

// leave removes what only x knows. The caller holds mu.
func (r *Recorder) leave(x *exchange) {
	for _, hash := range x.links {
		if known := r.links[hash]; known != nil {
			if known.n--; known.n == 0 {
				delete(r.links, hash)
			}
		}
	}
}
