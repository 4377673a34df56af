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
	case javaScript.MatchString(p.data):
		return source.Problems{p.at(0, "this is JavaScript; the file must be JSON: an object of rules, with names and text in double quotes, and without functions")}
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
	case strings.Contains(message, "';' after"):
		message = "this must be a comma, not a semicolon"
	case strings.Contains(message, "after object value"), strings.Contains(message, "after array value"):
		return source.Problems{p.missingComma(line, column)}
	case strings.Contains(message, "after top-level value"):
		message = "the file must end here; is there one } or ] too many before this?"
	case strings.HasPrefix(message, "invalid literal: ") && !strings.HasPrefix(message, `invalid literal: "`):
		message = strings.TrimPrefix(message, "invalid literal: ") + " is not a JSON value; text and option names need double quotes"
	}
	return source.Problems{{Position: source.Position{File: p.file, Line: line, Column: column}, Message: message}}
}

// javaScript matches the start of a file like proxy.conf.js.
var javaScript = regexp.MustCompile(`^(?:\s|//[^\n]*|/\*(?s:.*?)\*/)*(?:module\.exports|export|import|const|let|var)\b`)

var position = regexp.MustCompile(`(?s)^hujson: line (\d+), column (\d+): (.*)$`)

// missingComma returns the problem of a value at line and column that no comma separates
// from the value before it. It is where the comma belongs, which is often on a line
// before.
func (p *parser) missingComma(line, column int) source.Problem {
	end, value := 0, 0 // of the file up to line and column, and of the last value in it
	for rest := line; rest > 1; rest-- {
		end += strings.IndexByte(p.data[end:], '\n') + 1
	}
	end += column - 1
	for _, at := range token.FindAllStringIndex(p.data[:end], -1) {
		if text := p.data[at[0]:at[1]]; !strings.HasPrefix(text, "/") {
			value = at[1]
		}
	}
	problem := p.at(value, "a comma is missing after this line")
	if problem.Line == line {
		problem.Message = "a comma is missing here"
	}
	return problem
}

// token matches a string, a comment, or any other character that is not white space.
var token = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|//[^\n]*|/\*(?s:.*?)\*/|\S`)
