package watch_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"calling-an-api.example/devserver/internal/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start watches root/src and root/conf.json. The function it returns waits for a
// report that names path, below root.
func start(t *testing.T) (root string, await func(path string)) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, "src/old.ts", "")
	w, err := watch.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Tree(filepath.Join(root, "src")); err != nil {
		t.Fatal(err)
	}
	if err := w.File(filepath.Join(root, "conf.json")); err != nil {
		t.Fatal(err)
	}
	reports, done := make(chan []string, 100), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(done)
		w.Run(ctx, func(paths []string) { reports <- paths }, func(err error) { t.Error(err) })
	}()
	t.Cleanup(func() { cancel(); <-done })
	return root, func(path string) {
		t.Helper()
		deadline := time.After(10 * time.Second)
		for {
			select {
			case paths := <-reports:
				for _, p := range paths {
					if rel, _ := filepath.Rel(root, p); rel == "ignored.json" || filepath.Base(p) == "x.js" {
						t.Errorf("reported %s", rel)
					}
				}
				if slices.Contains(paths, filepath.Join(root, path)) {
					return
				}
			case <-deadline:
				t.Fatalf("%s is never reported", path)
			}
		}
	}
}

func write(t *testing.T, root, path, content string) {
	t.Helper()
	path = filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWaysToSave(t *testing.T) {
	t.Parallel()
	root, await := start(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := func(path string) string { return filepath.Join(root, path) }

	write(t, root, "src/old.ts", "in place")
	await("src/old.ts")

	write(t, root, "src/.old.ts.tmp", "by rename")
	must(os.Rename(at("src/.old.ts.tmp"), at("src/old.ts")))
	await("src/old.ts")

	write(t, root, "conf.json", "a file that was not there")
	await("conf.json")
	must(os.Remove(at("conf.json")))
	await("conf.json")
	write(t, root, "conf.json", "made again")
	await("conf.json")

	must(os.MkdirAll(at("src/new/deep"), 0o750))
	await("src/new")
	write(t, root, "src/new/deep/file.ts", "in a new folder")
	await("src/new/deep/file.ts")

	// What nobody asked for is not reported; the last save shows that it was seen.
	write(t, root, "ignored.json", "")
	write(t, root, "src/node_modules/x.js", "")
	write(t, root, "src/old.ts", "again")
	await("src/old.ts")
}

func TestRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w, err := watch.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.File(filepath.Join(t.TempDir(), "none", "conf.json")); err == nil {
		t.Error("a file in a missing folder is accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w.Run(ctx, nil, nil)
}
