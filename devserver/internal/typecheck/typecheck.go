// Package typecheck runs TypeScript's compiler beside the bundler, which takes
// types away without looking at them. It never delays a build.
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
)

// compiler returns the path of the one that npm has installed in dir, below dir, or
// "". Since version 7 it is a program for one system, behind a script; the script
// is passed over, for the program would live on when the script is killed.
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

// Options are what Run needs.
type Options struct {
	Dir     string                // the frontend's folder, with tsconfig.json
	Isolate func(*exec.Cmd)       // has the compiler end with us; may be nil
	Report  func(problems string) // what is wrong with the types now, "" being nothing
}

// Run checks types now and after each edit, until ctx ends. It returns nil at once
// where no compiler is installed.
func Run(ctx context.Context, opts Options) error {
	path := compiler(opts.Dir)
	if path == "" {
		return nil
	}
	for {
		err := run(ctx, path, opts)
		switch {
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, errOutdated):
			return err
		}
	}
}

// errOutdated says that a file was edited while the compiler read them for the first
// time. It does not see such an edit, before it has begun to watch.
var errOutdated = errors.New("edited while the types were checked first")

// run has one process check types.
func run(ctx context.Context, path string, opts Options) error {
	cmd := exec.CommandContext(ctx, "./"+path, "--noEmit", "--watch", "--preserveWatchOutput", "--pretty", "false") //nolint:gosec // one of those that compiler returns
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
	r := reader{dir: opts.Dir, report: func(problems string) {
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
		_ = cmd.Cancel() // it would wait for somebody to read on
	}
	err = errors.Join(err, cmd.Wait())
	if outdated {
		return errOutdated
	}
	return fmt.Errorf("the type checker ended: %w\n%s", err, stderr.String())
}

// editedSince reports whether a file of dir, its packages apart, is newer than then.
func editedSince(dir string, then time.Time) bool {
	then = then.Add(-10 * time.Millisecond) // the clock of files goes by the system's ticks
	newer := false
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error { // what can't be read can't be checked either
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

// reader collects what the compiler says of one round.
type reader struct {
	dir      string
	report   func(string)
	problems []string
}

var (
	// fault is like "src/a.ts(1,14): error TS2322: …".
	fault = regexp.MustCompile(`^(.+)\((\d+),(\d+)\): error (TS\d+): (.*)$`)
	// elsewhere is like "error TS5023: …", which is of no file.
	elsewhere = regexp.MustCompile(`^error (TS\d+): (.*)$`)
	// end is like "09:41:00 - Found 2 errors. Watching for file changes."
	end = regexp.MustCompile(`Found \d+ errors?\. Watching`)
)

func (r *reader) line(line string) {
	switch {
	case end.MatchString(line):
		r.report(strings.Join(r.problems, "\n"))
		r.problems = nil
	case fault.MatchString(line):
		m := fault.FindStringSubmatch(line)
		r.problems = append(r.problems, r.problem(m[1], m[2], m[3], fmt.Sprintf("%s (%s)", m[5], m[4])))
	case elsewhere.MatchString(line):
		m := elsewhere.FindStringSubmatch(line)
		r.problems = append(r.problems, fmt.Sprintf("%s: %s (%s)", path.Join(filepath.Base(r.dir), "tsconfig.json"), m[2], m[1]))
	case strings.HasPrefix(line, " ") && len(r.problems) > 0: // more about the last one
		r.problems[len(r.problems)-1] += "\n" + line
	}
}

// problem writes a fault as the bundler writes its own: place, problem, the line
// itself and a mark under the fault.
func (r *reader) problem(file, line, column, text string) string {
	at := fmt.Sprintf("%s:%s:%s: %s", path.Join(filepath.Base(r.dir), filepath.ToSlash(file)), line, column, text)
	n, err := strconv.Atoi(line)
	col, err2 := strconv.Atoi(column)
	content, err3 := os.ReadFile(filepath.Join(r.dir, file)) //nolint:gosec // a file of the frontend, as its compiler names it
	lines := strings.Split(string(content), "\n")
	if err != nil || err2 != nil || err3 != nil || n > len(lines) {
		return at
	}
	source := []rune(strings.TrimSuffix(lines[n-1], "\r"))
	if col > len(source)+1 {
		return at
	}
	indent := strings.Map(func(c rune) rune {
		if c == '\t' {
			return c
		}
		return ' '
	}, string(source[:col-1]))
	return fmt.Sprintf("%s\n  %s\n  %s^", at, string(source), indent)
}
