// Package source says where in a file something is wrong. Everything that reads files
// of the project, or runs a program that does, reports problems with it, so that they
// look the same in the terminal and over the page.
package source

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Position is a place in a file. Line and Column count from 1; Column counts bytes.
type Position struct {
	File         string
	Line, Column int
}

// At returns the position of the byte offset in text, the content of file.
func At(file, text string, offset int) Position {
	before := text[:min(offset, len(text))]
	return Position{file, 1 + strings.Count(before, "\n"), len(before) - strings.LastIndexByte(before, '\n')}
}

// String returns file:line:column.
func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Problem is something wrong in a file. It is an error.
type Problem struct {
	Position
	Message string
	Excerpt string // text of the line, or "" if it is not known
}

// New returns the problem at the byte offset in text, the content of file.
func New(file, text string, offset int, message string) Problem {
	position := At(file, text, offset)
	return Problem{position, message, line(text, position.Line)}
}

// NewAt is [New] for a line and a column.
func NewAt(file, text string, lineNumber, column int, message string) Problem {
	return Problem{Position{file, lineNumber, column}, message, line(text, lineNumber)}
}

// line returns the line of text with that number, "" if there is none.
func line(text string, number int) string {
	for ; number > 1; number-- {
		_, rest, found := strings.Cut(text, "\n")
		if !found {
			return ""
		}
		text = rest
	}
	text, _, _ = strings.Cut(text, "\n")
	return strings.TrimSuffix(text, "\r")
}

// String returns the problem in one line, for logs.
func (p Problem) String() string { return p.Position.String() + ": " + p.Message }

// Limits of what a problem shows: the code of a package can be one line of a megabyte.
const (
	maxExcerpt  = 200 // bytes of a line
	maxProblems = 20  // of one build or file
)

// Error returns the problem as compilers write it: the position and the message, the
// line, and a caret under the column.
func (p Problem) Error() string {
	if strings.TrimSpace(p.Excerpt) == "" {
		return p.String()
	}
	excerpt, at := p.Excerpt, min(max(p.Column-1, 0), len(p.Excerpt))
	if len(excerpt) > maxExcerpt { // the part around the column
		start := max(0, min(at-maxExcerpt/2, len(excerpt)-maxExcerpt))
		excerpt, at = strings.ToValidUTF8(excerpt[start:start+maxExcerpt], ""), min(at-start, maxExcerpt)
	}
	// The caret's indentation is as wide as the text before it: tabs stay tabs, and any
	// other character counts as one space.
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, excerpt[:min(at, len(excerpt))])
	return fmt.Sprintf("%s\n  %s\n  %s^", p.String(), excerpt, indent)
}

// Problems are all problems of a file, in its order. It is an error.
type Problems []Problem

// Error returns the problems, one after the other, or the first of very many.
func (p Problems) Error() string {
	var texts []string
	for _, problem := range p[:min(len(p), maxProblems)] {
		texts = append(texts, problem.Error())
	}
	if more := len(p) - maxProblems; more > 0 {
		texts = append(texts, fmt.Sprintf("… and %d more problems", more))
	}
	return strings.Join(texts, "\n")
}

// ReadFile is os.ReadFile for regular files. For anything else, such as a named pipe, on
// which a read could wait forever, it returns an error that says what it is.
func ReadFile(path string) ([]byte, error) {
	if err := Regular(path); err != nil {
		return nil, err
	}
	return os.ReadFile(path) //nolint:gosec // the caller's
}

// Regular returns an error unless path is a regular file or a link to one.
func Regular(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return CheckMode(path, info.Mode())
}

// CheckMode is [Regular] for a file whose mode is known.
func CheckMode(path string, mode fs.FileMode) error {
	what := "is not a regular file"
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		what = "is a folder, not a file"
	case mode&fs.ModeNamedPipe != 0:
		what = "is a named pipe, not a regular file"
	case mode&fs.ModeSocket != 0:
		what = "is a socket, not a regular file"
	case mode&fs.ModeDevice != 0:
		what = "is a device, not a regular file"
	}
	return fmt.Errorf("%s %s", path, what)
}

// Closest returns the name that is most like written and probably meant, "" if none is.
func Closest(written string, names []string) string {
	best, least := "", 3
	for _, name := range names {
		if d := levenshtein.ComputeDistance(strings.ToLower(written), strings.ToLower(name)); d < least && d < len(name)/2 {
			best, least = name, d
		}
	}
	return best
}
