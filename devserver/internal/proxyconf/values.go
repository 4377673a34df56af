package proxyconf

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tailscale/hujson"
)

// text returns the name of an object member, which is always a string.
func text(name hujson.Value) string {
	return name.Value.(hujson.Literal).String() //nolint:forcetypeassert // a name is a string
}

// stringValue returns the string v. ok is false for any other value.
func stringValue(v hujson.Value) (string, bool) {
	if lit, ok := v.Value.(hujson.Literal); ok && lit.Kind() == '"' {
		return lit.String(), true
	}
	return "", false
}

// isNull reports whether v is null.
func isNull(v hujson.Value) bool {
	lit, ok := v.Value.(hujson.Literal)
	return ok && lit.Kind() == 'n'
}

// isEmpty reports whether v is "".
func isEmpty(v hujson.Value) bool {
	value, ok := stringValue(v)
	return ok && value == ""
}

// scalar returns v as the text that JavaScript makes of it, and warns unless it is text
// already. The warning does not repeat it, because it may be a secret. ok is false for an
// object or array.
func (p *parser) scalar(v hujson.Value) (value string, ok bool) {
	lit, ok := v.Value.(hujson.Literal)
	if !ok {
		return "", false
	}
	value = lit.String()
	switch lit.Kind() {
	case '"':
	case 'n':
		p.warn(v, `null is taken as the text "null", as in Node; remove it, or write "" for no text`)
	case '0':
		value = number(lit.Float())
		p.warn(v, "this number is taken as text; write it in quotes")
	default:
		p.warn(v, "this is taken as the text %q; write it in quotes", value)
	}
	return value, true
}

// number returns f as JavaScript writes it.
func number(f float64) string {
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// boolean returns the reader of an option that is true or false. Other values count as
// in Node, where any text but "" is true.
func boolean(field func(*Rule) *bool) reader {
	return func(p *parser, r *Rule, name string, v hujson.Value) {
		taken, written := true, "this"
		if lit, ok := v.Value.(hujson.Literal); ok {
			switch lit.Kind() {
			case 't', 'f':
				*field(r) = lit.Kind() == 't'
				return
			case '"':
				taken, written = lit.String() != "", strconv.Quote(lit.String())
			default:
				taken, written = lit.Float() != 0, lit.String()
			}
		}
		advice := "write true or false, without quotes"
		switch {
		case name == "secure": // Node compares it with false
			taken = true
			advice = "certificates are verified; to accept any certificate, write false without quotes"
		case name == "prependPath": // so does http-proxy
			taken = true
		case written == `"false"`:
			advice = "to switch it off, write false without quotes"
		}
		*field(r) = taken
		r.options[name] = strconv.FormatBool(taken)
		p.warn(v, "%q: %s counts as %t here, as in Node: %s", name, written, taken, advice)
	}
}

// maxTimeout is the longest timeout.
const maxTimeout = 24 * time.Hour

// milliseconds returns the reader of a duration of 0 to maxTimeout. 0 is no timeout, as
// in http-proxy.
func milliseconds(field func(*Rule) *time.Duration) reader {
	return func(p *parser, r *Rule, name string, v hujson.Value) {
		lit, ok := v.Value.(hujson.Literal)
		written := strings.TrimSpace(lit.String())
		ms, err := strconv.ParseFloat(written, 64)
		switch {
		case !ok || err != nil || ms < 0 || math.IsNaN(ms):
			p.fail(v, "%q must be a number of milliseconds, without quotes, at most %d (24 hours)", name, maxTimeout.Milliseconds())
			return
		case ms > float64(maxTimeout.Milliseconds()):
			ms = float64(maxTimeout.Milliseconds())
			p.warn(v, "%q is limited to %d ms (24 hours)", name, maxTimeout.Milliseconds())
		case lit.Kind() == '"':
			p.warn(v, "%q is taken as %s ms; write it without quotes", name, written)
		}
		*field(r) = time.Duration(ms * float64(time.Millisecond))
		r.options[name] = strconv.FormatFloat(ms, 'f', -1, 64)
	}
}

// hasControl reports whether s has control characters, which neither a request line nor
// a header may have.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}
