package server

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"os"
	"path"
	"time"
)

// A frontend that another tool builds is written file by file, often all of them
// whatever has changed.
const (
	builtQuiet   = 250 * time.Millisecond // without edits, after which its build is over
	builtLongest = 5 * time.Second        // that a build is waited for
)

// settle waits for the end of a build of another tool's.
func (s *site) settle(ctx context.Context) {
	quiet, longest := time.NewTimer(builtQuiet), time.NewTimer(builtLongest)
	defer quiet.Stop()
	defer longest.Stop()
	for {
		select {
		case <-s.edited:
			quiet.Reset(builtQuiet)
		case <-quiet.C:
			return
		case <-longest.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// contents are digests of the files of a built frontend, by path below its folder.
type contents map[string][sha256.Size]byte

// readContents reads the files in dir. What can't be read is left out: it is about
// to go or to be written.
func readContents(dir string) contents {
	all := contents{}
	_ = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error { // it returns no error
		switch {
		case err != nil || name != "." && path.Base(name)[0] == '.':
			return nil
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

// differences returns the paths at which c is other than before.
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
