package proxyconf

import (
	"regexp"
	"strconv"
	"strings"

	"calling-an-api.example/devserver/internal/source"
)

// at returns a problem at the byte offset. It has no excerpt: the line may contain a
// password or a token for the upstream.
func (p *parser) at(offset int, message string) source.Problem {
	return source.Problem{Position: source.At(p.file, p.data, offset), Message: message}
}

// syntaxProblem returns the problem of a file that is not JSON, in words. The
// library's error names the position: "hujson: line 3, column 5: …".
func (p *parser) syntaxProblem(err error) source.Problems {
	line, column, message := 1, 1, err.Error()
	if m := position.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1]) // digits, by the pattern
		column, _ = strconv.Atoi(m[2])
		message = m[3]
	}
	switch {
	case strings.TrimSpace(p.data) == "":
		return source.Problems{p.at(0, "the file is empty; a file without rules is {}")}
	case strings.Contains(message, "comment: unexpected EOF"):
		message = "this comment has no end, or a line end is missing after //"
	case strings.Contains(message, "string: unexpected EOF"):
		message = `the file ends inside quotes; a " is missing`
	case strings.Contains(message, "unexpected EOF"):
		message = "the file ends too early; a } or ] is missing"
	case strings.Contains(message, `'\''`):
		message = `JSON requires double quotes: "`
	case strings.Contains(message, "after object name"):
		message = "a colon is missing before this"
	case strings.Contains(message, "after object value"), strings.Contains(message, "after array value"):
		message = "a comma is missing before this"
	case strings.HasPrefix(message, "invalid literal: ") && !strings.HasPrefix(message, `invalid literal: "`):
		message = strings.TrimPrefix(message, "invalid literal: ") + " is not a JSON value; text and option names need double quotes"
	}
	return source.Problems{{Position: source.Position{File: p.file, Line: line, Column: column}, Message: message}}
}

var position = regexp.MustCompile(`(?s)^hujson: line (\d+), column (\d+): (.*)$`)

// suggest returns the name in known that is closest to name, or "" if none is close.
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

// distance is the number of letters to replace, insert, delete or swap with their
// neighbor to turn a into b (optimal string alignment).
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
