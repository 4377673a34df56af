package proxyconf

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Fault is something wrong in the file, at a 1-based line and column (in bytes).
type Fault struct {
	File         string
	Line, Column int
	Problem      string
}

func (f Fault) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Problem)
}

// Error is all that is wrong in the file, in its order.
type Error []Fault

func (e Error) Error() string {
	lines := make([]string, len(e))
	for i, fault := range e {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// at returns a fault at offset.
func (p *parser) at(offset int, problem string) Fault {
	before := p.data[:offset]
	return Fault{
		File:    p.file,
		Line:    1 + strings.Count(before, "\n"),
		Column:  offset - strings.LastIndex(before, "\n"),
		Problem: problem,
	}
}

// syntax returns what is wrong in a file that isn't JSON. hujson says the place
// in words: "hujson: line 3, column 5: …".
func (p *parser) syntax(err error) Error {
	fault := Fault{File: p.file, Line: 1, Column: 1, Problem: err.Error()}
	if m := place.FindStringSubmatch(fault.Problem); m != nil {
		fault.Line, _ = strconv.Atoi(m[1]) // digits, says the pattern
		fault.Column, _ = strconv.Atoi(m[2])
		fault.Problem = m[3]
	}
	switch {
	case strings.TrimSpace(p.data) == "":
		fault = Fault{File: p.file, Line: 1, Column: 1, Problem: `the file is empty; without rules it is {}`}
	case strings.Contains(fault.Problem, "comment: unexpected EOF"):
		fault.Problem = "this comment never ends; or, after //, a line end is missing"
	case strings.Contains(fault.Problem, "string: unexpected EOF"):
		fault.Problem = `the file ends within quotes; a " is missing`
	case strings.Contains(fault.Problem, "unexpected EOF"):
		fault.Problem = "the file ends too early; a } or ] is missing"
	case strings.Contains(fault.Problem, `'\''`):
		fault.Problem = `JSON has double quotes: "`
	case strings.Contains(fault.Problem, "after object name"):
		fault.Problem = "a : is missing before this"
	case strings.HasPrefix(fault.Problem, "invalid literal: ") && !strings.HasPrefix(fault.Problem, `invalid literal: "`):
		fault.Problem = strings.TrimPrefix(fault.Problem, "invalid literal: ") + " is no JSON value; text and names of options stand in double quotes"
	}
	return Error{fault}
}

var place = regexp.MustCompile(`(?s)^hujson: line (\d+), column (\d+): (.*)$`)

// suggest returns the one of known that name was most likely meant to be, or "".
func suggest(name string, known []string) string {
	best, least := "", 3 // edits
	for _, candidate := range known {
		if strings.EqualFold(name, candidate) {
			return candidate
		}
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < least && d < len(candidate)/2 {
			best, least = candidate, d
		}
	}
	return best
}

// distance is the number of letters to change, add, leave out or swap with their
// neighbour to make b of a (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
