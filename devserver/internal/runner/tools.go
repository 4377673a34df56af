package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"calling-an-api.example/devserver/internal/procs"
)

// Tools runs other programs for a runner: the Go command, npm and a browser. Its methods
// must return when ctx ends.
type Tools interface {
	// Build builds the named commands into dir. The compiler prints to output.
	Build(ctx context.Context, output io.Writer, dir string, names ...string) error
	// Install installs the page's packages from the lock file.
	Install(ctx context.Context) (output []byte, err error)
	// Token prints an access token, with env as its environment.
	Token(ctx context.Context, env []string) (output []byte, err error)
	// Open opens url in a browser.
	Open(ctx context.Context, url string) error
}

// GoTools are the Go command, npm and the system's browser.
type GoTools struct {
	Dir     string // the repository's top folder
	Browser func(ctx context.Context, url string) error
}

// Build implements [Tools]. The binaries have no VCS stamp, because git fails in a
// checkout that another user owns, and no C code, whose compilation takes longer than
// all of ours.
func (t GoTools) Build(ctx context.Context, output io.Writer, dir string, names ...string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	args := []string{"build", "-buildvcs=false", "-o", dir + "/"}
	for _, name := range names {
		args = append(args, "./"+name)
	}
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // some of Names
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.Dir, output, output
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	procs.Isolate(cmd) // so that a canceled build ends with its children
	return cmd.Run()
}

// Install implements [Tools].
func (t GoTools) Install(ctx context.Context) ([]byte, error) {
	return t.run(exec.CommandContext(ctx, "npm", "ci"), filepath.Dir(lockFile))
}

// Token implements [Tools].
func (t GoTools) Token(ctx context.Context, env []string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "run", "./devserver/cmd/token")
	cmd.Env = env
	return t.run(cmd, ".")
}

// Open implements [Tools].
func (t GoTools) Open(ctx context.Context, url string) error { return t.Browser(ctx, url) }

// run runs cmd in dir and returns its output. It stops the whole process group when the
// context of cmd ends.
func (t GoTools) run(cmd *exec.Cmd, dir string) ([]byte, error) {
	cmd.Dir = filepath.Join(t.Dir, dir)
	procs.Isolate(cmd)
	return cmd.CombinedOutput()
}

// ErrInterrupted says that a signal ended a build.
var ErrInterrupted = errors.New("interrupted")

// buildFirst builds the binaries of all processes. It returns [ErrInterrupted] after a
// signal.
func (r *runner) buildFirst() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.printf("building %s", strings.Join(r.Names, " and "))
	done := make(chan error, 1)
	go func() { done <- r.Tools.Build(ctx, r.Output, filepath.Join(r.Dir, bin), r.Names...) }()
	select {
	case <-r.Signals:
		cancel()
		<-done //nolint:errcheck // it was canceled
		return ErrInterrupted
	case err := <-done:
		if err != nil {
			return fmt.Errorf("the build failed (%w): fix the errors above", err)
		}
		return nil
	}
}
