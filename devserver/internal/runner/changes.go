package runner

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"calling-an-api.example/devserver/internal/watch"
)

// watch starts to watch the sources, the settings and the files that the dev server reads
// when it starts.
func (r *runner) watch() (err error) {
	if r.watcher, err = watch.New(r.settings.cfg.Poll); err != nil {
		return err
	}
	for _, name := range r.Names {
		if err == nil {
			err = r.watcher.Tree(filepath.Join(r.Dir, name))
		}
	}
	for _, name := range append([]string{".env", "go.work", "go.work.sum", lockFile}, r.settings.files()...) {
		if err == nil {
			err = r.watcher.File(r.path(name))
		}
	}
	if err != nil {
		r.watcher.Close()
	}
	return err
}

// path returns name below the top folder, unless it is absolute.
func (r *runner) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(r.Dir, name)
}

// changed rebuilds and restarts the processes that the files at paths belong to. It also
// restarts those that have crashed.
func (r *runner) changed(ctx context.Context, paths []string) {
	top, err := filepath.Abs(r.Dir)
	if err != nil {
		r.printf("%v", err)
		return
	}
	var rebuild []string
	restart := map[string]bool{}
	for _, path := range paths {
		rel, err := filepath.Rel(top, path)
		if err != nil {
			continue
		}
		switch rel = filepath.ToSlash(rel); rel {
		case ".env":
			for _, name := range r.reloadSettings(ctx) {
				restart[name] = true
			}
		case lockFile:
			if slices.Contains(r.Names, "devserver") && r.install(ctx, lockFile+" has changed") {
				restart["devserver"] = true
			}
		case "go.work", "go.work.sum":
			rebuild = r.Names
		default:
			if name, _, _ := strings.Cut(rel, "/"); slices.Contains(r.Names, name) && isCompiled(rel) && !slices.Contains(rebuild, name) {
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
		if restart[p.Name] || r.crashed[p.Name] {
			r.restart(p)
		}
	}
}

// isCompiled reports whether the file at path can be part of a binary.
func isCompiled(path string) bool {
	return !strings.HasSuffix(path, "_test.go") && !strings.Contains(path, "/testdata/") &&
		!strings.HasPrefix(path, "devserver/e2e/") && !strings.HasPrefix(path, "devserver/bench/") && !strings.HasPrefix(path, "api/bench/")
}

// rebuild builds the binary called name and reports whether it has changed. It is built
// in another folder and then renamed, because it may be running.
func (r *runner) rebuild(ctx context.Context, name string) (changed bool) {
	begin := time.Now()
	current := filepath.Join(r.Dir, bin, name)
	before, err := digest(current)
	if err != nil {
		r.printf("%v", err)
	}
	next := filepath.Join(r.Dir, bin, ".next")
	var output bytes.Buffer
	r.printf("building %s", name)
	err = r.Tools.Build(ctx, &output, next, name)
	if err == nil {
		err = os.Rename(filepath.Join(next, name), current)
	}
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		text := strings.TrimSpace(output.String())
		if text == "" {
			text = err.Error()
		}
		r.broken[name] = true
		r.report(name, text)
		r.printf("%s does not compile; the last successful build keeps running\n%s", name, text)
		return false
	}
	r.report(name, "")
	after, err := digest(current)
	if err != nil {
		r.printf("%v", err)
	}
	again := ""
	if r.broken[name] {
		again = " compiles again and is"
		delete(r.broken, name)
	}
	if before == after {
		r.printf("%s%s unchanged", name, cmp.Or(again, " is"))
		return false
	}
	r.printf("%s%s rebuilt in %v, restarting it", name, again, time.Since(begin).Round(time.Millisecond))
	return true
}

// digest returns the SHA-256 of the file; a missing one counts as empty.
func digest(file string) (sum [sha256.Size]byte, err error) {
	data, err := os.ReadFile(file) //nolint:gosec // a binary in bin/
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return sum, err
	}
	return sha256.Sum256(data), nil
}

// reloadSettings reads .env again and returns the processes that are affected. If .env
// is invalid or a new port is in use, the settings stay as they are.
func (r *runner) reloadSettings(ctx context.Context) []string {
	before := r.settings
	now, err := load(r.Dir, r.Environ)
	if err == nil { // the ports of the running processes are ours
		err = checkPorts(ctx, slices.DeleteFunc(now.ports(r.Names), func(p port) bool {
			return slices.ContainsFunc(before.ports(r.Names), func(ours port) bool { return ours.addr == p.addr })
		}))
	}
	if err != nil {
		r.report("env", err.Error())
		r.printf("%v; the processes keep the last valid settings", err)
		return nil
	}
	r.report("env", "")
	for _, line := range now.warnings {
		r.printf("%s", line)
	}
	if slices.Equal(now.env, before.env) {
		return nil
	}
	bannerBefore := r.banner()
	r.settings = now
	for _, name := range now.files() {
		if err := r.watcher.File(r.path(name)); err != nil {
			r.printf("watching %s: %v", name, err)
		}
	}
	affected := now.affected(before, r.Names)
	if len(affected) == 0 {
		return nil
	}
	r.printf(".env has changed, restarting %s", strings.Join(affected, " and "))
	if banner := r.banner(); banner != bannerBefore && len(r.Names) > 1 {
		r.out.Print(banner)
	}
	return affected
}

// install installs the page's packages from the lock file, and reports whether that
// succeeded. why is what the terminal says.
func (r *runner) install(ctx context.Context, why string) bool {
	r.printf("%s: npm ci", why)
	output, err := r.Tools.Install(ctx)
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		r.report("npm", "npm ci failed\n"+string(output))
		r.printf("npm ci failed: %v\n%s", err, output)
		return false
	}
	r.report("npm", "")
	r.printf("the page's packages are installed")
	return true
}
