package proxyconf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"calling-an-api.example/devserver/internal/source"
)

// maxSize is the maximum size of the file, in bytes, which also limits its nesting.
const maxSize = 64 << 10

// parser collects the rules of a file and its problems.
type parser struct {
	file     string
	data     string
	rules    Rules
	problems source.Problems
	warnings source.Problems

	targetAt    *hujson.Value // target of the current rule
	meantTarget *hujson.Value // unknown option of the current rule that was probably meant as target
}

// Parse parses data, the content of file. It accepts what other tools accept, and warns
// of what is probably a mistake: each warning says what was taken instead. The error is
// [source.Problems], about what has no meaning.
func Parse(file string, data []byte) (rules Rules, warnings source.Problems, err error) {
	p := &parser{file: file, data: strings.TrimPrefix(string(data), "\ufeff")} // a byte order mark
	if len(p.data) > maxSize {
		return nil, nil, source.Problems{p.at(maxSize, fmt.Sprintf("the file is larger than %d KiB", maxSize>>10))}
	}
	root, err := hujson.Parse([]byte(p.data))
	if err != nil {
		return nil, nil, p.syntaxProblem(err)
	}
	switch value := root.Value.(type) {
	case *hujson.Object:
		p.object(value)
	case *hujson.Array:
		p.array(value)
	default:
		p.fail(root, `the file must hold an object, like {"/api": {"target": "http://localhost:3001"}}, or an array`)
	}
	if p.problems != nil {
		return nil, nil, p.problems
	}
	p.warnShadowed()
	return p.rules, p.warnings, nil
}

// fail records a problem at the position of at. Parsing continues, so that all problems
// of a file are reported at once.
func (p *parser) fail(at hujson.Value, format string, args ...any) {
	p.problems = append(p.problems, p.at(at.StartOffset, fmt.Sprintf(format, args...)))
}

// warn records a warning at the position of at. It does not make the file invalid.
func (p *parser) warn(at hujson.Value, format string, args ...any) {
	p.warnings = append(p.warnings, p.at(at.StartOffset, fmt.Sprintf(format, args...)))
}

// object parses the form {"/api": {…}, "/auth": "http://…"}.
func (p *parser) object(o *hujson.Object) {
	for _, member := range p.members(o) {
		name := text(member.Name)
		rule, before := p.newRule(member.Name), len(p.problems)
		target, isString := stringValue(member.Value)
		switch value := member.Value.Value.(type) {
		case *hujson.Object:
			if isComment(name) && slices.ContainsFunc(value.Members, isRule) {
				p.fail(member.Name, "%q is not a path; the rules must be in the outermost object, so remove %q around them", name, name)
				continue
			}
			p.context(rule, member.Name, name)
			p.options(rule, value.Members)
		default:
			switch {
			case isComment(name) && !strings.Contains(target, "://"), isNull(member.Value):
				p.warn(member.Name, "%q is not a rule; it is ignored", name)
				continue
			case !isString:
				p.fail(member.Value, "the context %q needs an object with a target, or just the target's URL", name)
				continue
			}
			p.context(rule, member.Name, name)
			rule.ChangeOrigin = true // "/api": "http://…", for short
			rule.options["changeOrigin"] = "true"
			p.option(rule, hujson.ObjectMember{Name: hujson.Value{Value: hujson.String("target")}, Value: member.Value})
		}
		if len(p.problems) == before {
			p.add(rule, member.Value)
		}
	}
}

// isComment reports whether name, of a member whose value is no object, is no path.
func isComment(name string) bool {
	return name != "" && !isGlob(name) && name[0] != '^' && (name[0] != '/' || strings.HasPrefix(name, "//"))
}

// isRule reports whether member is probably a rule rather than an option.
func isRule(member hujson.ObjectMember) bool {
	name := text(member.Name)
	_, isObject := member.Value.Value.(*hujson.Object)
	return strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "//") || strings.HasPrefix(name, "^") || name == "proxy" && isObject
}

// array parses the form [{"context": ["/api", "/auth"], "target": "http://…"}].
func (p *parser) array(a *hujson.Array) {
	for _, element := range a.Elements {
		o, ok := element.Value.(*hujson.Object)
		if !ok {
			p.fail(element, `each element of the array must be an object, like {"context": ["/api"], "target": "http://localhost:3001"}`)
			continue
		}
		rule, before := p.newRule(element), len(p.problems)
		hasContext := false
		var rest []hujson.ObjectMember
		for _, member := range p.members(o) {
			switch text(member.Name) {
			case "context", "pathFilter":
				hasContext = true
				p.contextList(rule, member.Value)
			default:
				rest = append(rest, member)
			}
		}
		if !hasContext {
			p.warn(element, `this rule has no context, so it matches every path; add the paths it is for, like "context": ["/api"]`)
			p.context(rule, element, "")
		}
		p.options(rule, rest)
		if len(p.problems) == before {
			p.add(rule, element)
		}
	}
}

// newRule returns a rule with the defaults, which starts at the value at.
func (p *parser) newRule(at hujson.Value) *Rule {
	p.targetAt, p.meantTarget = nil, nil
	return &Rule{Secure: true, PrependPath: true, position: source.At(p.file, p.data, at.StartOffset), options: map[string]string{}}
}

// add adds rule, whose options start at the value at.
func (p *parser) add(rule *Rule, at hujson.Value) {
	switch {
	case rule.Target == nil && len(rule.Router) == 0 && p.meantTarget != nil:
		p.fail(*p.meantTarget, "there is no option %q, and the rule for %s has no target; did you mean target?", text(*p.meantTarget), rule.Name)
	case rule.Target == nil && len(rule.Router) == 0:
		p.fail(at, "the rule for %s has no target", rule.Name)
	case rule.Target != nil && rule.Target.RawQuery != "" && !rule.IgnorePath && rule.PrependPath:
		p.warn(*p.targetAt, `the target of %s has a query, which comes before the path of each request; did you mean "ignorePath": true?`, rule.Name)
	}
	p.rules = append(p.rules, *rule)
}

// contextList parses one context or an array of them into rule.
func (p *parser) contextList(rule *Rule, value hujson.Value) {
	list := []hujson.Value{value}
	if a, ok := value.Value.(*hujson.Array); ok {
		list = a.Elements
	}
	for _, v := range list {
		name, ok := stringValue(v)
		if !ok {
			p.warn(v, `this is ignored: a context must be a path in quotes, like "/api"`)
			continue
		}
		p.context(rule, v, name)
	}
	if len(rule.contexts) == 0 {
		rule.Name = cmp.Or(rule.Name, "[]")
		if len(list) == 0 {
			p.warn(value, "the array has no context, so the rule matches no path")
		}
	}
	isPrefix := func(c context) bool { return c.isPrefix() }
	if negated := slices.IndexFunc(rule.contexts, func(c context) bool { return c.negated }); negated >= 0 && slices.ContainsFunc(rule.contexts, isPrefix) {
		p.warn(value, "%q excludes from prefixes too here; http-proxy-middleware takes it only among globs, like \"/api/**\"", rule.contexts[negated].text)
	}
}

// context adds the context name to rule.
func (p *parser) context(rule *Rule, at hujson.Value, name string) {
	if rule.Name != "" {
		rule.Name += ", "
	}
	if name == "" {
		rule.Name += `""`
	}
	rule.Name += name
	c, err := newContext(name)
	if err != nil {
		p.fail(at, "%v", err)
		return
	}
	if message := c.warning(); message != "" {
		p.warn(at, "%s", message)
	}
	rule.contexts = append(rule.contexts, c)
}

// members returns o's members. If a name is there twice, the last value is used in
// the place of the first, as in JavaScript.
func (p *parser) members(o *hujson.Object) []hujson.ObjectMember {
	members := make([]hujson.ObjectMember, 0, len(o.Members))
	index := make(map[string]int, len(o.Members))
	for _, member := range o.Members {
		name := text(member.Name)
		if i, ok := index[name]; ok {
			p.warn(member.Name, "%q is there twice; this one is used, the one on line %d is ignored", name,
				p.at(members[i].Name.StartOffset, "").Line)
			members[i] = member
			continue
		}
		index[name] = len(members)
		members = append(members, member)
	}
	return members
}

// warnShadowed warns of rules that no request reaches, because an earlier rule's
// prefixes match first.
func (p *parser) warnShadowed() {
	for i, rule := range p.rules {
		for _, earlier := range p.rules[:i] {
			if earlier.shadows(&rule) {
				p.warnings = append(p.warnings, rule.Problem(fmt.Sprintf("no request reaches %s, because %s comes first; put the longer context before it", rule.Name, earlier.Name)))
				break
			}
		}
	}
}

// shadows reports whether r, whose contexts are prefixes, matches every path of rule.
func (r *Rule) shadows(rule *Rule) bool {
	if len(rule.contexts) == 0 || slices.ContainsFunc(r.contexts, func(c context) bool { return c.negated }) {
		return false
	}
	for _, c := range rule.contexts {
		if c.negated || !slices.ContainsFunc(r.contexts, func(mine context) bool {
			return mine.isPrefix() && strings.HasPrefix(c.literal(), mine.text)
		}) {
			return false
		}
	}
	return true
}
