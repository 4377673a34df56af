package bundle

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"calling-an-api.example/devserver/internal/source"
)

// This file turns errors and messages of esbuild into problems, with what to do about
// them.

// asProblem returns err as a problem of file, unless it says itself where it is.
func asProblem(file string, err error) source.Problem {
	if p, ok := err.(source.Problem); ok { //nolint:errorlint // it is never wrapped
		return p
	}
	text := err.Error()
	if errors.Is(err, fs.ErrNotExist) {
		text = "the file does not exist"
	}
	return source.New(file, "", 0, text)
}

var (
	noLoader     = regexp.MustCompile(`^No loader is configured for "(\.[^"]*)" files`)
	noPackage    = regexp.MustCompile(`^Could not resolve "((?:@[a-z0-9._-]+/)?[a-z0-9][a-z0-9._-]*)(?:/[^"]*)?"$`)
	ofOtherTools = []string{".vue", ".svelte", ".astro", ".scss", ".sass", ".less", ".styl", ".marko"}
)

// advice returns what to do about a message of esbuild, "" if that is clear.
func advice(text string) string {
	if m := noLoader.FindStringSubmatch(text); m != nil && slices.Contains(ofOtherTools, m[1]) {
		return "; " + otherTool
	} else if m != nil {
		return "; import its URL or its text, with ?url or ?raw after the path"
	}
	if m := noPackage.FindStringSubmatch(text); m != nil {
		return "; install it (npm install " + m[1] + "), or, if it is an alias, name it under paths in tsconfig.json"
	}
	return ""
}

// problems returns esbuild's messages about the build of p. Their files are named from the
// folder above dir.
func problems(dir string, p plan, messages []api.Message) (all source.Problems) {
	name := filepath.Base(dir)
	for _, m := range messages {
		// Without a location, it is about what index.html refers to.
		problem := source.Problem{Position: source.Position{File: path.Join(name, "index.html"), Line: 1, Column: 1}, Message: m.Text + advice(m.Text)}
		if l := m.Location; l != nil {
			file, line := l.File, l.Line
			for _, e := range p.entries {
				if e.file == "" && strings.TrimPrefix(file, inlineNamespace+":") == e.name {
					file, line = "index.html", line+e.line-1
				}
			}
			problem.Position = source.Position{File: path.Join(name, file), Line: line, Column: l.Column + 1}
			problem.Excerpt = l.LineText
		}
		all = append(all, problem)
	}
	return all
}
