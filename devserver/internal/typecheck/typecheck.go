// Package typecheck runs TypeScript's compiler, because the bundler removes types
// without checking them. It never delays a build.
package typecheck

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"calling-an-api.example/devserver/internal/source"
)

// compiler returns the path, below dir, of the compiler that npm has installed there,
// or "". Since version 7 it is a native program that a script starts. The script is
// not used, because the program would survive when the script is killed.
func compiler(dir string) string {
	system := map[string]string{"windows": "win32"}[runtime.GOOS]
	machine := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	native := fmt.Sprintf("node_modules/@typescript/typescript-%s-%s/lib/tsc", cmp.Or(system, runtime.GOOS), cmp.Or(machine, runtime.GOARCH))
	for _, path := range []string{native, native + ".exe", "node_modules/.bin/tsc"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err == nil {
			return path
		}
	}
	return ""
}

// Options are the settings of Run.
type Options struct {
	Dir     string                   // the frontend's folder
	Config  string                   // path of its tsconfig.json, or of the file that has that role; "" means the compiler's choice
	Isolate func(*exec.Cmd)          // makes the compiler end with this process; may be nil
	Report  func(problems []Problem) // called after each check with all type errors
}

// Problem is a type error.
type Problem struct {
	source.Problem
	Code int // TypeScript's number of the error; those from 1000 to 1999 are syntax errors
}

// Text returns the problems as package source writes them.
func Text(problems []Problem) string {
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.Error()
	}
	return strings.Join(texts, "\n")
}

// Run checks types now and after each edit, until ctx ends. It returns nil at once if
// no compiler is installed.
func Run(ctx context.Context, opts Options) error {
	path := compiler(opts.Dir)
	if path == "" {
		return nil
	}
	for {
		err := run(ctx, path, opts)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it was told to end
		case !errors.Is(err, errOutdated):
			return err
		}
	}
}

// errOutdated says that a file was edited during the first check. The compiler does not
// notice such an edit, because it starts to watch after that check.
var errOutdated = errors.New("a file was edited during the first check")

// run runs one compiler process.
func run(ctx context.Context, path string, opts Options) error {
	args := []string{"--noEmit", "--watch", "--preserveWatchOutput", "--pretty", "false"}
	if opts.Config != "" {
		config, err := filepath.Abs(opts.Config) // the compiler has another working folder
		if err != nil {
			return err
		}
		args = append(args, "--project", config)
	}
	cmd := exec.CommandContext(ctx, "./"+path, args...) //nolint:gosec // one of those that compiler returns
	cmd.Dir = opts.Dir
	cmd.WaitDelay = time.Second // for output that a child of it holds open
	if opts.Isolate != nil {
		opts.Isolate(cmd)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the type checker: %w", err)
	}
	first, outdated := true, false
	r := reader{dir: opts.Dir, report: func(problems []Problem) {
		if first && editedSince(opts.Dir, begin) {
			outdated = true
			_ = cmd.Cancel() // it may have ended by itself
			return
		}
		first = false
		opts.Report(problems)
	}}
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20) // types are written out in messages
	for !outdated && lines.Scan() {
		r.line(lines.Text())
	}
	if err = lines.Err(); err != nil && ctx.Err() == nil {
		_ = cmd.Cancel() // it would wait for a reader
	}
	err = errors.Join(err, cmd.Wait())
	if outdated {
		return errOutdated
	}
	return fmt.Errorf("the type checker ended: %w\n%s", err, stderr.String())
}

// editedSince reports whether a file of dir, except in node_modules, is newer than then.
func editedSince(dir string, then time.Time) bool {
	then = then.Add(-10 * time.Millisecond) // file times have the resolution of the system's ticks
	newer := false
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error { // an unreadable file cannot be checked either
		if err != nil {
			return nil //nolint:nilerr // see above
		}
		if entry.IsDir() && entry.Name() == "node_modules" {
			return filepath.SkipDir
		}
		if info, err := entry.Info(); err == nil && !entry.IsDir() && info.ModTime().After(then) {
			newer = true
			return filepath.SkipAll
		}
		return nil
	})
	return newer
}

// reader collects the compiler's messages of one check.
type reader struct {
	dir      string
	report   func([]Problem)
	problems []Problem
}

var (
	// located is like "src/a.ts(1,14): error TS2322: …".
	located = regexp.MustCompile(`^(.+)\((\d+),(\d+)\): error (TS\d+): (.*)$`)
	// global is like "error TS5023: …", without a file.
	global = regexp.MustCompile(`^error (TS\d+): (.*)$`)
	// end is like "09:41:00 - Found 2 errors. Watching for file changes."
	end = regexp.MustCompile(`Found \d+ errors?\. Watching`)
)

func (r *reader) line(line string) {
	switch {
	case end.MatchString(line):
		r.report(r.problems)
		r.problems = nil
	case located.MatchString(line):
		m := located.FindStringSubmatch(line)
		r.problems = append(r.problems, r.problem(m[1], m[2], m[3], m[4], m[5]))
	case global.MatchString(line):
		m := global.FindStringSubmatch(line)
		r.problems = append(r.problems, Problem{source.Problem{
			Position: source.Position{File: path.Join(filepath.Base(r.dir), "tsconfig.json"), Line: 1, Column: 1}, Message: fmt.Sprintf("%s (%s)", m[2], m[1]),
		}, number(strings.TrimPrefix(m[1], "TS"))})
	case strings.HasPrefix(line, " ") && len(r.problems) > 0: // continues the last one
		r.problems[len(r.problems)-1].Message += "\n" + line
	}
}

// problem returns a problem at a line and column (in UTF-16 units, as tsc counts) of a
// file of the frontend.
func (r *reader) problem(file, line, column, code, message string) Problem {
	col := number(column)
	content, err := source.ReadFile(filepath.Join(r.dir, file))
	if err != nil {
		content = nil // it has just been removed; the position is enough
	}
	p := source.NewAt(path.Join(filepath.Base(r.dir), filepath.ToSlash(file)), string(content), number(line), col, fmt.Sprintf("%s (%s)", message, code))
	p.Column = bytesBefore(p.Excerpt, col-1) + 1
	return Problem{p, number(strings.TrimPrefix(code, "TS"))}
}

// number returns the number that digits are; at least 1, because lines count from there.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 1 // it is too large
	}
	return n
}

// bytesBefore returns how many bytes the first units UTF-16 units of line take.
func bytesBefore(line string, units int) int {
	for i, r := range line {
		if units <= 0 {
			return i
		}
		units -= utf16.RuneLen(r)
	}
	return len(line) + max(units, 0)
}
