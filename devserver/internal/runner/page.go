package runner

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// BuildPage writes the page for production to frontend/dist, with the settings of .env.
// The dev server in bin/ must be built.
func BuildPage(signals <-chan os.Signal, dir string, environ []string, output io.Writer) error {
	settings, err := load(dir, environ)
	if err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(dir, bin, "devserver"), "--build", "frontend/dist") //nolint:gosec,noctx // our own binary; a signal stops it
	cmd.Dir, cmd.Env = dir, settings.env
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-signals:
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended, or got the terminal's signal itself
		<-done                                  //nolint:errcheck // it was interrupted
		return ErrInterrupted
	}
}
