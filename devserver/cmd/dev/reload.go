package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"calling-an-api.example/devserver/internal/procs"
)

// reloadSettings reads .env again and returns which processes need to know.
func (r *runner) reloadSettings() []string {
	then := r.settings.Load()
	now, err := load(r.environ)
	if err == nil { // those of the processes that run are taken, by them
		err = checkPorts(slices.DeleteFunc(now.ports(r.names), func(p port) bool {
			return slices.ContainsFunc(then.ports(r.names), func(ours port) bool { return ours.addr == p.addr })
		}))
	}
	if err != nil {
		r.report("env", err.Error())
		r.printf("%v; what runs goes on as before", err)
		return nil
	}
	r.report("env", "")
	for _, line := range now.unknown {
		r.printf("%s", line)
	}
	if slices.Equal(now.env, then.env) {
		return nil
	}
	before := r.banner()
	r.settings.Store(now)
	for _, name := range now.files() {
		if err := r.watcher.File(name); err != nil {
			r.printf("watching %s: %v", name, err)
		}
	}
	affected := now.readers(then, r.names)
	if len(affected) == 0 {
		return nil
	}
	r.printf(".env has changed, restarting %s", strings.Join(affected, " and "))
	if after := r.banner(); after != before && len(r.names) > 1 {
		r.out.Print(after)
	}
	return affected
}

// install installs the page's packages as the lock file has them, and reports
// whether that worked.
func (r *runner) install(ctx context.Context) bool {
	r.printf("%s has changed: npm ci", lockFile)
	npm := exec.CommandContext(ctx, "npm", "ci")
	npm.Dir = filepath.Dir(lockFile)
	procs.Isolate(npm)
	output, err := npm.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		r.report("npm", "npm ci failed\n"+string(output))
		r.printf("npm ci failed: %v\n%s", err, output)
		return false
	}
	r.report("npm", "")
	return true
}
