package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"calling-an-api.example/devserver/internal/procs"
	"calling-an-api.example/devserver/internal/watch"
)

const (
	bin      = "bin"                        // where the binaries are built
	lockFile = "frontend/package-lock.json" // what npm installs
)

// runner keeps the processes as new as their sources.
type runner struct {
	names    []string // of the processes
	environ  []string // that .env comes below
	problems string   // folder of what the page is to show; the dev server watches it
	settings atomic.Pointer[settings]
	misfit   atomic.Pointer[string] // what was said last of addresses that don't fit together
	color    bool
	out      *procs.Output
	restarts chan procs.Process
	watcher  *watch.Watcher
	over     chan struct{} // closed when nobody reads restarts any more

	mu    sync.Mutex
	say   io.Writer       // the runner's own lines
	downs map[string]bool // processes that ended and wait for an edit
}

// processes returns what to run.
func (r *runner) processes() []procs.Process {
	ready := map[string]string{"devserver": "page listening on", "api": "API listening on"}
	env := append(slices.Clip(r.settings.Load().env), "DEV_PROBLEMS="+r.problems)
	if r.color {
		env = append(env, "CLICOLOR_FORCE=1")
	}
	var all []procs.Process
	for _, name := range r.names {
		all = append(all, procs.Process{Name: name, Path: filepath.Join(bin, name), Env: env, Ready: ready[name]})
	}
	return all
}

func (r *runner) watch() (*watch.Watcher, error) {
	w, err := watch.New()
	if err != nil {
		return nil, err
	}
	for _, name := range r.names {
		if err := w.Tree(name); err != nil {
			return nil, err
		}
	}
	for _, name := range append([]string{".env", "go.work", "go.work.sum", lockFile}, r.settings.Load().files()...) {
		if err := w.File(name); err != nil {
			return nil, err
		}
	}
	r.watcher = w
	return w, nil
}

// changed brings edits of the files at paths into what runs.
func (r *runner) changed(ctx context.Context, paths []string) {
	here, err := filepath.Abs(".")
	if err != nil {
		r.printf("where am I? %v", err)
		return
	}
	var rebuild []string
	restart := map[string]bool{}
	for _, path := range paths {
		rel, err := filepath.Rel(here, path)
		if err != nil {
			continue
		}
		switch rel = filepath.ToSlash(rel); rel {
		case ".env":
			for _, name := range r.reloadSettings() {
				restart[name] = true
			}
		case lockFile:
			if slices.Contains(r.names, "devserver") && r.install(ctx) {
				restart["devserver"] = true
			}
		case "go.work", "go.work.sum":
			rebuild = r.names
		default:
			if name, _, _ := strings.Cut(rel, "/"); slices.Contains(r.names, name) && compiled(rel) && !slices.Contains(rebuild, name) {
				rebuild = append(slices.Clip(rebuild), name)
			}
		}
	}
	for _, name := range rebuild {
		if r.rebuild(ctx, name) {
			restart[name] = true
		}
	}
	for _, p := range r.processes() {
		if restart[p.Name] || r.isDown(p.Name) {
			r.restart(p)
		}
	}
}

// isDown reports whether the process called name waits for an edit to be started.
func (r *runner) isDown(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.downs[name]
}

func (r *runner) setDown(name string, down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.downs[name] = down
}

// compiled reports whether the file at path could be part of a binary.
func compiled(path string) bool {
	return !strings.HasSuffix(path, "_test.go") && !strings.Contains(path, "/testdata/") &&
		!strings.HasPrefix(path, "devserver/e2e/") && !strings.HasPrefix(path, "devserver/bench/") && !strings.HasPrefix(path, "api/bench/")
}

// rebuild builds the binary called name and reports whether it is another now.
func (r *runner) rebuild(ctx context.Context, name string) bool {
	begin := time.Now()
	before, err := digest(name)
	if err != nil {
		r.printf("%v", err)
	}
	// Beside the one that runs, and then in its place: a program must never be half there.
	next := filepath.Join(bin, ".next", name)
	build := exec.CommandContext(ctx, "go", "build", "-o", next, "./"+name) //nolint:gosec // one of two names
	procs.Isolate(build)
	output, err := build.CombinedOutput()
	if err == nil {
		err = os.Rename(next, filepath.Join(bin, name))
	}
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		text := strings.TrimSpace(string(output))
		if text == "" {
			text = err.Error()
		}
		r.report(name, text)
		r.printf("%s does not compile; what was built before goes on\n%s", name, text)
		return false
	}
	r.report(name, "")
	after, err := digest(name)
	if err != nil {
		r.printf("%v", err)
	}
	if before == after {
		return false
	}
	r.printf("%s rebuilt in %v, restarting it", name, time.Since(begin).Round(time.Millisecond))
	return true
}

// digest tells one binary from another.
func digest(name string) (sum [sha256.Size]byte, err error) {
	data, err := os.ReadFile(filepath.Join(bin, name)) //nolint:gosec // one of two names
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return sum, err
	}
	return sha256.Sum256(data), nil
}

// down says that a process ended as soon as it was started anew.
func (r *runner) down(exit *procs.ExitError) {
	const next = "the next edit, or r and Enter, starts it again"
	r.setDown(exit.Name, true)
	r.report(exit.Name+"-run", fmt.Sprintf("%v, just after it was started; the terminal says why.\n%s", exit, next))
	r.printf("%v; %s", exit, next)
}

// restart has p take the place of the process of its name.
func (r *runner) restart(p procs.Process) {
	r.report(p.Name+"-run", "")
	r.setDown(p.Name, false)
	select {
	case r.restarts <- p:
	case <-r.over:
	}
}

// report has the page show problem as that of source, "" being none.
func (r *runner) report(source, problem string) {
	file := filepath.Join(r.problems, source)
	var err error
	if problem == "" {
		if err = os.Remove(file); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	} else {
		err = os.WriteFile(file, []byte(problem), 0o600)
	}
	if err != nil {
		r.printf("%v", err)
	}
}

// printf prints lines of the runner's own.
func (r *runner) printf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintf(r.say, strings.TrimSuffix(format, "\n")+"\n", args...) // to the terminal; if that is gone, it is soon noticed
}
