package watch_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"calling-an-api.example/devserver/internal/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start watches root/src and root/conf.json, both of them behind links if linked
// is set. The function it returns waits for a report that names path, below root,
// and returns it.
func start(t *testing.T, linked bool) (root string, await func(path string) []string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, "src/old.ts", "")
	if linked {
		elsewhere := t.TempDir()
		write(t, elsewhere, "conf.json", "")
		for from, to := range map[string]string{filepath.Join(root, "src"): filepath.Join(elsewhere, "src"), filepath.Join(root, "conf.json"): ""} {
			if to != "" {
				if err := os.Rename(from, to); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(filepath.Join(elsewhere, filepath.Base(from)), from); err != nil {
				t.Fatal(err)
			}
		}
	}
	w, err := watch.New(0)
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
		w.Run(ctx, reports, func(err error) { t.Error(err) })
	}()
	t.Cleanup(func() { cancel(); <-done; w.Close() })
	return root, func(path string) []string {
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
					return paths
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
	root, await := start(t, false)
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

	// Other files are not reported; the last save shows that it was seen.
	write(t, root, "ignored.json", "")
	write(t, root, "src/node_modules/x.js", "")
	write(t, root, "src/old.ts", "again")
	await("src/old.ts")
}

func TestLinks(t *testing.T) {
	t.Parallel()
	root, await := start(t, true)
	write(t, root, "src/old.ts", "in place")
	await("src/old.ts")
	write(t, root, "conf.json", "in place")
	await("conf.json")
}

func TestReplacedFolder(t *testing.T) {
	t.Parallel()
	root, await := start(t, false)
	if err := os.RemoveAll(filepath.Join(root, "src")); err != nil {
		t.Fatal(err)
	}
	await("src")
	write(t, root, "src/deep/new.ts", "")
	await("src")
	write(t, root, "src/deep/new.ts", "again")
	await("src/deep/new.ts")
}

func TestReportsAreOfWhatIsNew(t *testing.T) {
	t.Parallel()
	root, await := start(t, false)
	write(t, root, "src/old.ts", "first")
	await("src/old.ts")
	write(t, root, "src/other.ts", "second")
	if paths := await("src/other.ts"); slices.Contains(paths, filepath.Join(root, "src/old.ts")) {
		t.Errorf("an earlier change is reported again: %v", paths)
	}
}

// TestBusyFolder writes all the time, and waits for a report nevertheless.
func TestBusyFolder(t *testing.T) {
	t.Parallel()
	root, await := start(t, false)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = os.WriteFile(filepath.Join(root, "src", "busy.log"), []byte("x"), 0o600) // a report is all that counts
			case <-stop:
				return
			}
		}
	}()
	await("src/busy.log")
	close(stop)
	<-stopped
}

func TestRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w, err := watch.New(0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.File(filepath.Join(t.TempDir(), "none", "conf.json")); err == nil {
		t.Error("a file in a missing folder is accepted")
	}
}

// TestFileDuringRun adds files while Run handles events. The race detector sees whether
// the two are in each other's way.
func TestFileDuringRun(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w, err := watch.New(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Tree(root); err != nil {
		t.Fatal(err)
	}
	reports, done := make(chan []string, 1000), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(done)
		w.Run(ctx, reports, func(err error) { t.Error(err) })
	}()
	t.Cleanup(func() { cancel(); <-done; w.Close() })
	for i := range 200 {
		write(t, root, "src.ts", strconv.Itoa(i))
		if err := w.File(filepath.Join(root, "file-"+strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-reports:
	case <-time.After(10 * time.Second):
		t.Error("nothing is reported")
	}
}
