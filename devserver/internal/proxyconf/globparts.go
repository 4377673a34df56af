package proxyconf

import "strings"

// part translates what begins at i and returns where the next part begins.
func (t *translation) part(i, to int, inBraces bool) (next int, err error) {
	c := t.glob[i]
	following := byte(0)
	if i+1 < to {
		following = t.glob[i+1]
	}
	switch {
	case c == '\\' && following != 0:
		t.add(literal, quote(following))
		return i + 2, nil
	case t.isExtended(i, to):
		if end := t.closing(i+1, to); end >= 0 {
			return end + 1, t.extended(i, end)
		}
	case c == '(':
		if end := t.closing(i, to); end >= 0 {
			return end + 1, t.group("(", i, end, ")")
		}
	case c == '{':
		if end := t.closing(i, to); end >= 0 {
			return end + 1, t.braces(i, end)
		}
	case c == '[':
		if end := t.class(i, to); end > 0 {
			return end, nil
		}
	}
	switch {
	case c == '*':
		return t.stars(i, to)
	case c == '?':
		t.question(i, following)
	case c == '/':
		t.add(slash, "/")
	case c == '.' && (t.depth > 0 || t.last(0).kind == begin || t.last(0).kind == slash):
		t.add(dot, `\.`)
	case c == '+' && (t.last(0).kind == class || t.last(0).kind == closed || t.last(0).kind == braced || t.depth > 0 && t.last(0).kind != open):
		t.add(literal, "+") // as a quantifier
	case c == '|':
		t.add(literal, "|")
	case c == ',' && inBraces:
		t.add(separator, "|")
	default:
		t.add(literal, quote(c))
	}
	return i + 1, nil
}

// isExtended reports whether an extended glob, like @(a|b), begins at i, rather than a
// group of a regular expression, like (?:a|b).
func (t *translation) isExtended(i, to int) bool {
	rest := t.glob[i:to]
	if len(rest) < 3 || rest[1] != '(' || strings.IndexByte("@?+*!", rest[0]) < 0 {
		return false
	}
	switch rest[0] {
	case '!':
		return rest[2] != '?' || len(rest) == 3 || strings.IndexByte("!=<:", rest[3]) < 0
	case '?':
		return rest[2] != '?' && (i == 0 || t.glob[i-1] != '(')
	}
	return rest[2] != '?'
}

// question translates the ? at i.
func (t *translation) question(i int, following byte) {
	switch last := t.last(0); {
	case last.kind == open && t.glob[i-1] == '(' && following != 0 && strings.IndexByte("!=<:", following) >= 0:
		t.add(literal, "?") // (?:, (?=, (?!
	case last.kind == open && t.glob[i-1] == '(':
		t.add(literal, `\?`)
	case last.kind == closed:
		t.add(literal, "?") // as a quantifier
	case last.kind == slash || last.kind == begin:
		t.add(literal, "[^./]")
	default:
		t.add(literal, "[^/]")
	}
}

// group translates glob[from+1:to] in parentheses.
func (t *translation) group(before string, from, to int, after string) error {
	t.add(open, before)
	t.depth++
	err := t.sequence(from+1, to, false)
	t.depth--
	t.pieces = append(t.pieces, piece{closed, after})
	return err
}

// extended translates the extended glob at from, like @(a|b), whose parenthesis closes
// at to.
func (t *translation) extended(from, to int) error {
	before, after := "(?:", ")"
	if len(t.pieces) == 1 {
		before = notEmpty + before
	}
	switch t.glob[from] {
	case '?':
		after = ")?"
	case '+':
		after = ")+"
	case '*':
		after = ")*"
	case '!':
		return t.negated(before, from, to)
	}
	return t.group(before, from+1, to, after)
}

// ownText returns glob[from:to] without what is inside of extended globs, except @(…).
func (t *translation) ownText(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteByte(t.glob[i])
		if t.glob[i] != '@' && t.isExtended(i, to) {
			i = max(i, t.closing(i+1, to))
		}
	}
	return b.String()
}

// negated translates !(…): any name but those inside.
func (t *translation) negated(before string, from, to int) error {
	inside, rest := t.ownText(from+2, to), t.glob[to+1:]
	other := anyInSegment
	if len(inside) > 1 && strings.Contains(inside, "/") {
		other = anySegments
	}
	after := "))" + anyInSegment + ")"
	if other != anyInSegment || strings.Trim(rest, ")") == "" {
		after = ")$))" + other
	}
	if strings.Contains(inside, "*") && len(rest) > 1 && rest[0] == '.' && !strings.ContainsAny(rest[1:], `\/.`) {
		extension := &translation{glob: rest, pieces: []piece{{kind: begin}}}
		if err := extension.sequence(0, len(rest), false); err != nil {
			return err
		}
		after = ")"
		for _, piece := range extension.pieces {
			after += piece.source
		}
		after += ")" + other + ")"
	}
	return t.group(before+"(?!(?:", from+1, to, after)
}

// stars translates the stars that begin at i.
func (t *translation) stars(i, to int) (next int, err error) {
	end := i
	for end < to && t.glob[end] == '*' {
		end++
	}
	if end > i+1 && end < to && t.glob[end] == '(' {
		end-- // the last one begins an extended glob
	}
	prior := &t.pieces[len(t.pieces)-1]
	if end-i == 1 || end-i > 2 {
		t.star(prior, end-i == 1 && (end == to || t.glob[end] != '*'))
		return end, nil
	}
	atStart := prior.kind == begin || prior.kind == slash
	if !atStart && prior.kind != open && prior.kind != closed && prior.kind != separator {
		t.star(prior, false)
		return end, nil
	}
	for strings.HasPrefix(t.glob[end:to], "/**") && (end+3 == to || t.glob[end+3] == '/') {
		end += 3
	}
	before := t.last(1).kind
	afterStar := t.last(1).kind == star || t.last(1).kind == globstar
	rest := t.glob[end:to]
	atEnd := end == len(t.glob)
	switch {
	case prior.kind == begin && atEnd:
		t.add(globstar, anySegments)
	case prior.kind == slash && before != begin && !afterStar && atEnd:
		*prior = piece{}
		t.add(globstar, "(?:/"+noDot+anySegments+"|$)")
	case prior.kind == slash && before != begin && strings.HasPrefix(rest, "/"):
		*prior = piece{}
		orEnd := ""
		if len(rest) > 1 {
			orEnd = "|$"
		}
		t.add(globstar, "(?:/"+noDot+anySegments+"/|/"+orEnd+")")
		t.add(slash, "")
		return end + 1, nil
	case prior.kind == begin && strings.HasPrefix(rest, "/"):
		t.add(globstar, "(?:^|/|"+anySegments+"/)")
		t.add(slash, "")
		return end + 1, nil
	case atStart:
		t.add(globstar, noDot+anySegments)
	default:
		t.add(globstar, anySegments)
	}
	return end, nil
}

// star adds a wildcard within a segment after the piece prior.
func (t *translation) star(prior *piece, single bool) {
	before := ""
	switch prior.kind {
	case begin, slash:
		before = noDot
	case dot:
		before = noDots
	}
	if before != "" && single {
		before += notEmpty
	}
	t.add(star, before+anyInSegment)
}
