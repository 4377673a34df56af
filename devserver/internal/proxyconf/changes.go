package proxyconf

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Table lists the rules for people, one on a line.
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
		for _, name := range slices.Sorted(maps.Keys(rule.said)) {
			if name != "target" {
				fmt.Fprintf(&b, "  %s %s", name, show(name, rule.said[name]))
			}
		}
	}
	return b.String()
}

// where says where the rule's requests go.
func (r *Rule) where() string {
	if r.Target == nil {
		return "(router)"
	}
	return r.Target.String()
}

// Changes says in one line what rules say other than old; "" is nothing.
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
		case rule.where() != before.where():
			add("%s → %s, was %s", rule.Name, rule.where(), before.where())
			fallthrough
		default:
			for _, option := range rule.differences(before) {
				add("%s: %s", rule.Name, option)
			}
		}
	}
	for _, rule := range old {
		if find(rules, rule.Name) == nil {
			add("gone: %s", rule.Name)
		}
	}
	if changes == nil && !slices.EqualFunc(rules, old, func(a, b Rule) bool { return a.Name == b.Name }) {
		add("another order")
	}
	return strings.Join(changes, "; ")
}

// differences says which options r has other than before, its target apart.
func (r *Rule) differences(before *Rule) (all []string) {
	names := maps.Clone(r.said)
	maps.Copy(names, before.said)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		now, is := r.said[name]
		then, was := before.said[name]
		switch {
		case name == "target" || is == was && now == then:
		case !is:
			all = append(all, "no "+name)
		case !was || show(name, now) == show(name, then): // of a secret, only that it is another
			all = append(all, strings.TrimSpace(name+" "+show(name, now)))
		default:
			all = append(all, fmt.Sprintf("%s %s, was %s", name, show(name, now), show(name, then)))
		}
	}
	return all
}
