// Package proxyconf reads proxy.conf.json and finds the rule for a request.
//
// The file's dialect is that of `ng serve` and webpack's dev server: an object
// whose keys are contexts, in an order that has meaning, with comments and
// trailing commas allowed. What this package doesn't know it refuses, with the
// place in the file: an option that is silently ignored costs an afternoon.
package proxyconf

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tailscale/hujson"
)

// Rule says where requests under one context go.
type Rule struct {
	Context      string   // prefix of the request's path, as it is in the file
	Target       *url.URL // upstream: scheme, host and an optional path that goes before the request's
	Secure       bool     // verify an https target's certificate (default true)
	ChangeOrigin bool     // send the target's Host instead of the browser's
	WS           bool     // let WebSocket upgrades through (default true)
}

// String says in a line where requests go.
func (r Rule) String() string { return r.Context + " → " + r.Target.String() }

// Equal reports whether r and other do the same with the same requests.
func (r Rule) Equal(other Rule) bool {
	target, otherTarget := r.Target, other.Target
	r.Target, other.Target = nil, nil
	return r == other && *target == *otherTarget
}

// Rules are the file's rules in its order.
type Rules []Rule

// Match returns the first rule whose context path begins with, or nil.
func (rules Rules) Match(path string) *Rule {
	for i := range rules {
		if strings.HasPrefix(path, rules[i].Context) {
			return &rules[i]
		}
	}
	return nil
}

// Error is a fault in the file, at a 1-based line and column (in bytes).
type Error struct {
	File         string
	Line, Column int
	Problem      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Problem)
}

// options are the keys that a rule may have.
var options = []string{"target", "secure", "changeOrigin", "ws"}

// Parse reads data, the content of file. The error is an *Error.
func Parse(file string, data []byte) (Rules, error) {
	p := parser{file, data}
	root, err := hujson.Parse(data)
	if err != nil {
		return nil, p.syntax(err)
	}
	contexts, ok := root.Value.(*hujson.Object)
	if !ok {
		return nil, p.fail(root, `the file must hold an object, like {"/api": {"target": "http://localhost:3001"}}`)
	}
	var rules Rules
	for _, member := range contexts.Members {
		rule, err := p.rule(member)
		if err != nil {
			return nil, err
		}
		// Of two equal keys the last wins, at the place of the first, as in JavaScript.
		if i := slices.IndexFunc(rules, func(r Rule) bool { return r.Context == rule.Context }); i >= 0 {
			rules[i] = rule
		} else {
			rules = append(rules, rule)
		}
	}
	return rules, nil
}

type parser struct {
	file string
	data []byte
}

func (p parser) fail(at hujson.Value, format string, args ...any) error {
	before := string(p.data[:at.StartOffset])
	return &Error{
		File:    p.file,
		Line:    1 + strings.Count(before, "\n"),
		Column:  at.StartOffset - strings.LastIndex(before, "\n"),
		Problem: fmt.Sprintf(format, args...),
	}
}

// syntax gives err, of a file that isn't JSON, our form. hujson says the place in
// words: "hujson: line 3, column 5: …".
func (p parser) syntax(err error) error {
	fault := &Error{File: p.file, Line: 1, Column: 1, Problem: err.Error()}
	if m := place.FindStringSubmatch(fault.Problem); m != nil {
		fault.Line, _ = strconv.Atoi(m[1]) // digits, says the pattern
		fault.Column, _ = strconv.Atoi(m[2])
		fault.Problem = m[3]
	}
	return fault
}

var place = regexp.MustCompile(`(?s)^hujson: line (\d+), column (\d+): (.*)$`)

// rule reads one context and its options.
func (p parser) rule(member hujson.ObjectMember) (Rule, error) {
	rule := Rule{Context: member.Name.Value.(hujson.Literal).String(), Secure: true, WS: true}
	switch {
	case strings.ContainsAny(rule.Context, "*?[]{}!^"):
		return Rule{}, p.fail(member.Name, "the context %q is a pattern; this dev server takes plain path prefixes, like \"/api\"", rule.Context)
	case !strings.HasPrefix(rule.Context, "/"):
		return Rule{}, p.fail(member.Name, "the context %q must begin with \"/\"", rule.Context)
	}
	if target, ok := stringValue(member.Value); ok { // "/api": "http://…", for short
		rule.ChangeOrigin = true
		var err error
		rule.Target, err = p.target(member.Value, target)
		return rule, err
	}
	fields, ok := member.Value.Value.(*hujson.Object)
	if !ok {
		return Rule{}, p.fail(member.Value, "the context %q needs an object with a target, or just the target's URL", rule.Context)
	}
	for _, field := range fields.Members {
		if err := p.option(&rule, field); err != nil {
			return Rule{}, err
		}
	}
	if rule.Target == nil {
		return Rule{}, p.fail(member.Value, "the context %q has no target", rule.Context)
	}
	return rule, nil
}

// option reads one option into rule.
func (p parser) option(rule *Rule, field hujson.ObjectMember) (err error) {
	name := field.Name.Value.(hujson.Literal).String()
	boolean := func(to *bool) error {
		value, ok := boolValue(field.Value)
		if !ok {
			return p.fail(field.Value, "%s must be true or false, without quotes", name)
		}
		*to = value
		return nil
	}
	switch name {
	case "target":
		value, ok := stringValue(field.Value)
		if !ok {
			return p.fail(field.Value, "target must be a URL in quotes, like \"http://localhost:3001\"")
		}
		rule.Target, err = p.target(field.Value, value)
		return err
	case "secure":
		return boolean(&rule.Secure)
	case "changeOrigin":
		return boolean(&rule.ChangeOrigin)
	case "ws":
		return boolean(&rule.WS)
	default:
		return p.fail(field.Name, "the option %q is not one this dev server has; it has %s", name, strings.Join(options, ", "))
	}
}

// target reads a target's URL. A trailing slash in it says nothing.
func (p parser) target(at hujson.Value, value string) (*url.URL, error) {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, p.fail(at, "the target %q is no URL like \"http://localhost:3001\"", value)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, p.fail(at, "the target %q must be scheme, host, port and path alone", u.Redacted())
	}
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	return u, nil
}

func stringValue(v hujson.Value) (string, bool) {
	if lit, ok := v.Value.(hujson.Literal); ok && lit.Kind() == '"' {
		return lit.String(), true
	}
	return "", false
}

func boolValue(v hujson.Value) (value, ok bool) {
	lit, ok := v.Value.(hujson.Literal)
	return ok && lit.Kind() == 't', ok && (lit.Kind() == 't' || lit.Kind() == 'f')
}
