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
	case strings.ContainsRune(p.data, 0) || strings.HasPrefix(p.data, "\xff\xfe") || strings.HasPrefix(p.data, "\xfe\xff"):
		return source.Problems{p.at(0, "the file is not text in UTF-8; save it with that encoding")}
	case blank.MatchString(p.data):
		return source.Problems{p.at(0, "the file is empty; a file without rules is {}")}
	case javaScript.MatchString(p.data):
		return source.Problems{p.at(0, "this is JavaScript; the file must be JSON: an object of rules, with names and text in double quotes, and without functions")}
	case strings.HasPrefix(message, "invalid literal: "):
		message = inWords(strings.TrimPrefix(message, "invalid literal: "))
	default:
		for _, fault := range faults {
			if strings.Contains(message, fault.said) {
				message = fault.message
				break
			}
		}
	}
	if message == commaMissing {
		return source.Problems{p.missingComma(line, column)}
	}
	return source.Problems{{Position: source.Position{File: p.file, Line: line, Column: column}, Message: message}}
}

const (
	commaMissing = "a comma is missing"
	quotesNeeded = "text and option names need double quotes"
)

// faults are messages of the library and what they mean for a person. The first that fits
// is used.
var faults = []struct{ said, message string }{
	{"comment: unexpected EOF", "this comment has no end, or a line end is missing after //"},
	{"string: unexpected EOF", `the file ends inside quotes; a " is missing`},
	{"unexpected EOF", "the file ends too early; a } or ] is missing"},
	{`'\''`, `JSON requires double quotes: "`},
	{"'“'", `JSON requires straight quotes: "`},
	{"'#'", "a comment starts with //"},
	{"';' after top-level value", "remove this semicolon"},
	{"after top-level value", "the file must end here; is there one } or ] too many before this?"},
	{"';' after", "this must be a comma, not a semicolon"},
	{"after object name", "a colon is missing before this"},
	{"']' after object value", "a } is missing before this"},
	{"'}' after array value", "a ] is missing before this"},
	{"after object value", commaMissing},
	{"after array value", commaMissing},
	{"',' at start of value", "there is one comma too many here"},
	{"'}' at start of value", "a value is missing before this"},
	{"']' at start of value", "a value is missing before this"},
	{"at start of value", quotesNeeded},
}

// inWords returns what is wrong with literal, which is no JSON. It does not repeat text,
// which may be a password.
func inWords(literal string) string {
	switch lower := strings.ToLower(literal); {
	case strings.HasPrefix(literal, `"`) && strings.Contains(literal, "\n"):
		return `a " is missing at the end of this text`
	case strings.HasPrefix(literal, `"`):
		return `this text has a \ or a control character that JSON does not allow; write \\ for a backslash`
	case lower == "true" || lower == "false" || lower == "null":
		return "write " + lower + " in lower case"
	}
	return "this is not a JSON value; " + quotesNeeded
}

// blank matches a file without content.
var blank = regexp.MustCompile(`^(?:\s|//[^\n]*|/\*(?s:.*?)\*/)*$`)

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
