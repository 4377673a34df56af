package edits

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"

	"calling-an-api.example/devserver/internal/typecheck"
)

// Another tool's build writes file by file, often all of them whatever has changed. It
// is complete after quietTime without an edit, and not waited for longer than
// longestBuild.
const (
	quietTime    = 250 * time.Millisecond
	longestBuild = 5 * time.Second
)

// built is a frontend that another tool builds. All fields are owned by the loop of
// Edits.
type built struct {
	edits    *Edits
	contents contents      // that the open pages have
	quiet    *time.Timer   // runs while a build is in progress
	deadline time.Time     // of that build
	done     chan struct{} // receives when quiet has run out
}

func (b *built) start(context.Context) {
	b.contents = b.edits.atStart
	b.done = make(chan struct{}, 1)
	b.quiet = time.AfterFunc(time.Hour, func() {
		select {
		case b.done <- struct{}{}:
		default: // it is about to be looked at
		}
	})
	b.quiet.Stop()
}

func (b *built) stop() { b.quiet.Stop() }

func (b *built) ready() <-chan struct{} { return b.done }

// edited restarts the wait for the end of the other tool's build.
func (b *built) edited(context.Context, []string) {
	now := time.Now()
	if b.deadline.IsZero() {
		b.deadline = now.Add(longestBuild)
	}
	b.quiet.Reset(max(0, min(quietTime, b.deadline.Sub(now))))
}

// finish compares the files with those before the build, and notifies the pages of changes.
func (b *built) finish(context.Context) {
	b.deadline = time.Time{}
	now := readContents(b.edits.Frontend)
	files := now.differences(b.contents)
	b.contents = now
	if len(files) > 0 {
		b.edits.Log.Info("a static file changed", "file", files[0])
	}
	b.edits.notifyPages(slices.ContainsFunc(files, func(name string) bool { return path.Ext(name) != ".css" }), len(files) > 0)
}

// due, checked and found have nothing to do: another tool builds and checks types.
func (b *built) due() <-chan time.Time                      { return nil }
func (b *built) checked() <-chan []typecheck.Problem        { return nil }
func (b *built) found(context.Context, []typecheck.Problem) {}

// contents are digests of the files of a built frontend, by path below its folder.
type contents map[string][sha256.Size]byte

// readContents reads the files in dir. It leaves out what it cannot read, which is
// about to be removed or written.
func readContents(dir string) contents {
	all := contents{}
	_ = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error { // it returns no error
		switch {
		case err != nil || name != "." && path.Base(name)[0] == '.':
			return nil //nolint:nilerr // see above
		case d.IsDir() && d.Name() == "node_modules":
			return fs.SkipDir
		case d.Type().IsRegular():
			if data, err := fs.ReadFile(os.DirFS(dir), name); err == nil {
				all[name] = sha256.Sum256(data)
			}
		}
		return nil
	})
	return all
}

// differences returns the paths at which c differs from before.
func (c contents) differences(before contents) (paths []string) {
	for name, sum := range c {
		if before[name] != sum {
			paths = append(paths, name)
		}
	}
	for name := range before {
		if _, still := c[name]; !still {
			paths = append(paths, name)
		}
	}
	return paths
}
