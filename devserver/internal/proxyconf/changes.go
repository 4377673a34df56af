package proxyconf

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// Table lists the rules for a person, one on a line.
func (rules Rules) Table() string {
	width := 0
	for _, rule := range rules {
		width = max(width, len([]rune(rule.Name)))
	}
	var b strings.Builder
	for i, rule := range rules {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%-*s → %s", width, rule.Name, rule.where())
		for _, name := range slices.Sorted(maps.Keys(rule.options)) {
			if name != "target" {
				fmt.Fprintf(&b, "  %s %s", name, show(name, rule.options[name]))
			}
		}
	}
	return b.String()
}

// where is the rule's target for a person.
func (r *Rule) where() string {
	if r.Target == nil {
		return "(router)"
	}
	return Display(r.Target)
}

// query returns the query of the rule's target.
func (r *Rule) query() string {
	if r.Target == nil {
		return ""
	}
	return r.Target.RawQuery
}

// Display returns target for a person: its query, which may hold a key, is left out.
func Display(target *url.URL) string {
	if target.RawQuery == "" {
		return target.String()
	}
	shown := *target
	shown.RawQuery = ""
	return shown.String() + "?…"
}

// withoutQuery returns text, a path or URL, as [Display] does.
func withoutQuery(text string) string {
	before, _, found := strings.Cut(text, "?")
	if found {
		before += "?…"
	}
	return before
}

// show returns the JSON value of an option for a person, without secrets.
func show(name, value string) string {
	switch name {
	case "auth":
		return "•••"
	case "headers", "router", "pathRewrite":
	default:
		return value
	}
	o, ok := parsed(value)
	if !ok {
		return "•••"
	}
	var names []string
	for i, member := range o.Members {
		names = append(names, text(member.Name))
		if to, ok := stringValue(member.Value); ok {
			o.Members[i].Value.Value = hujson.String(withoutSecrets(to))
		} else if name == "router" {
			o.Members[i].Value.Value = hujson.String("…")
		}
	}
	if name == "headers" {
		slices.Sort(names)
		return strings.Join(names, ", ")
	}
	return hujson.Value{Value: o}.String()
}

// parsed returns the object in value, the JSON text of an option.
func parsed(value string) (*hujson.Object, bool) {
	v, err := hujson.Parse([]byte(value))
	if err != nil {
		return nil, false
	}
	o, ok := v.Value.(*hujson.Object)
	return o, ok
}

// Changes describes in one line how rules differ from old, "" if they do not.
func (rules Rules) Changes(old Rules) string {
	var changes []string
	add := func(format string, args ...any) { changes = append(changes, fmt.Sprintf(format, args...)) }
	find := func(in Rules, name string) *Rule {
		i := slices.IndexFunc(in, func(r Rule) bool { return r.Name == name })
		if i < 0 {
			return nil
		}
		return &in[i]
	}
	for i := range rules {
		rule, before := &rules[i], find(old, rules[i].Name)
		switch {
		case before == nil:
			add("new: %s → %s", rule.Name, rule.where())
			continue
		case rule.where() != before.where():
			add("%s → %s, was %s", rule.Name, rule.where(), before.where())
		case rule.query() != before.query():
			add("%s → %s, with another query", rule.Name, rule.where())
		}
		for _, option := range rule.differences(before) {
			add("%s: %s", rule.Name, option)
		}
	}
	for _, rule := range old {
		if find(rules, rule.Name) == nil {
			add("removed: %s", rule.Name)
		}
	}
	if changes == nil && !slices.EqualFunc(rules, old, func(a, b Rule) bool { return a.Name == b.Name }) {
		add("order changed")
	}
	return strings.Join(changes, "; ")
}

// differences describes how r's options differ from before, except the target.
func (r *Rule) differences(before *Rule) (all []string) {
	names := maps.Clone(r.options)
	maps.Copy(names, before.options)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		now, is := r.options[name]
		then, was := before.options[name]
		switch {
		case name == "target" || is == was && now == then:
		case !is:
			all = append(all, "no "+name)
		case !was || show(name, now) == show(name, then): // a secret is only said to have changed
			all = append(all, strings.TrimSpace(name+" "+show(name, now)))
		default:
			all = append(all, fmt.Sprintf("%s %s, was %s", name, show(name, now), show(name, then)))
		}
	}
	return all
}
