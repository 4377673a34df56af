package typecheck_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"calling-an-api.example/devserver/internal/procs"
	"calling-an-api.example/devserver/internal/typecheck"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
}

// page is a folder with the real compiler, and what it reports of it.
type page struct {
	*testing.T
	dir     string
	ctx     context.Context
	reports chan string
	done    chan error
}

func check(t *testing.T) *page {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "page")
	write(t, dir, "tsconfig.json", `{"compilerOptions": {"strict": true, "types": []}, "include": ["src"]}`)
	write(t, dir, "src/a.ts", "export const a: number = 1\n")
	modules, err := filepath.Abs("../../../frontend/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	p := &page{t, dir, ctx, make(chan string, 10), make(chan error, 1)}
	go func() {
		p.done <- typecheck.Run(ctx, typecheck.Options{Dir: dir, Isolate: procs.Isolate, Report: func(problems []typecheck.Problem) { p.reports <- typecheck.Text(problems) }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-p.done; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
	return p
}

func (p *page) await(want string) {
	p.Helper()
	for {
		select {
		case got := <-p.reports:
			if got == want {
				return
			}
			p.Logf("still %q", got)
		case <-p.ctx.Done():
			p.Fatalf("never reported %q", want)
		}
	}
}

const (
	wrong = "if (true) {\n\tconst é: number = 'x'\n}\nexport {}\n"
	said  = "page/src/a.ts:2:8: Type 'string' is not assignable to type 'number'. (TS2322)\n  \tconst é: number = 'x'\n  \t      ^"
)

// TestFindsAndForgets runs the real compiler.
func TestFindsAndForgets(t *testing.T) {
	t.Parallel()
	p := check(t)
	p.await("")
	write(t, p.dir, "src/a.ts", wrong)
	p.await(said)
	write(t, p.dir, "src/a.ts", "export const a = 2\n")
	p.await("")
}

// TestEditsAtTheStart edits while the compiler reads the files for the first time.
func TestEditsAtTheStart(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond} {
		t.Run(wait.String(), func(t *testing.T) {
			t.Parallel()
			p := check(t)
			<-time.After(wait) // there is nothing to be seen of what it does
			write(t, p.dir, "src/a.ts", wrong)
			p.await(said)
		})
	}
}

func TestWithoutACompiler(t *testing.T) {
	t.Parallel()
	err := typecheck.Run(t.Context(), typecheck.Options{Dir: t.TempDir(), Report: func([]typecheck.Problem) { t.Error("a report") }})
	if err != nil {
		t.Error(err)
	}
}

func TestCompilerFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "node_modules/.bin/tsc", "#!/bin/sh\necho 'error TS5023: Unknown compiler option.'\necho 'Found 1 error. Watching for'\necho broken >&2\nexit 3\n")
	var reported string
	err := typecheck.Run(t.Context(), typecheck.Options{Dir: dir, Report: func(p []typecheck.Problem) { reported = typecheck.Text(p) }})
	if err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("got %v", err)
	}
	if !strings.HasSuffix(reported, "/tsconfig.json:1:1: Unknown compiler option. (TS5023)") {
		t.Errorf("reported %q", reported)
	}
}
