//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/config"
)

// TestPackagesAreInstalledMeanwhile starts while npm fills node_modules.
func TestPackagesAreInstalledMeanwhile(t *testing.T) {
	t.Parallel()
	f := newFollowed(t, map[string]string{
		"frontend/src/index.ts": "import { word } from 'pkg'\nconsole.log(word)", "frontend/package.json": `{"dependencies": {"pkg": "1"}}`,
		"frontend/package-lock.json": "{}", "frontend/node_modules/.staging/x": "",
	}, nil, 0)
	for s := (state{}); len(s.Problems) != 1 || s.Problems[0] != "the packages in frontend/node_modules are being installed"; s = f.next() {
		if len(s.Problems) > 1 || len(s.Problems) == 1 && !strings.Contains(s.Problems[0], "being installed") {
			t.Errorf("the page is told %q", s.Problems)
		}
	}
	f.write("frontend/node_modules/pkg/index.js", "export const word = 'half-")
	f.write("frontend/node_modules/pkg/index.js", "export const word = 'whole'")
	f.write("frontend/node_modules/.package-lock.json", "{}")
	f.await("/src/index.ts.js", "whole")
	f.log.Await(t, "the packages are installed")
	if text := f.log.String(); strings.Contains(text, "Could not resolve") || strings.Contains(text, "Unterminated") {
		t.Errorf("half-written packages are reported: %s", text)
	}
}

// TestNothingWaitsForAPipe has named pipes where files are expected.
func TestNothingWaitsForAPipe(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ pipe, path, says string }{
		"source":         {"frontend/src/pipe.ts", "", "src/pipe.ts is a named pipe, not a regular file"},
		"linked source":  {"frontend/src/linked.css", "", "src/linked.css is a named pipe, not a regular file"},
		"file of public": {"frontend/public/pipe.txt", "/pipe.txt", "public/pipe.txt is a named pipe, not a regular file"},
		"index.html":     {"frontend/index.html", "", "frontend/index.html is a named pipe, not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFollowed(t, map[string]string{"frontend/src/index.ts": "import './pipe'\nimport './linked.css'", "frontend/src/pipe.ts": "", "frontend/src/linked.css": ""}, nil, 0)
			f.get("/") // until the first build has ended
			pipe := filepath.Join(f.dir, tc.pipe)
			if err := os.RemoveAll(pipe); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			if tc.path != "" {
				if body := f.get(tc.path); !strings.Contains(body, tc.says) {
					t.Errorf("got %s", body)
				}
			}
			f.log.Await(t, tc.says)
		})
	}
}

// TestStateThatIsAPipe starts without state.
func TestStateThatIsAPipe(t *testing.T) {
	t.Parallel()
	var file string
	dir, log, stop := start(t, func(dir string, cfg *config.Config) {
		cfg.TenantState, cfg.TenantAddr = filepath.Join(dir, "state"), "127.0.0.1:0"
		if err := os.Mkdir(cfg.TenantState, 0o700); err != nil {
			t.Fatal(err)
		}
		file = filepath.Join(cfg.TenantState, "tenant.jsonc")
		if err := syscall.Mkfifo(file, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg.TenantConfig = file
	})
	_ = log
	done := make(chan error, 1)
	go func() { done <- stop() }()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "is a named pipe") {
			t.Errorf("in %s: %v", dir, err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it waits for the pipe")
	}
}
