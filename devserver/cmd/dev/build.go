package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// errInterrupted says that somebody stopped us before anything ran.
var errInterrupted = errors.New("interrupted")

// buildAll builds the named commands, unless one of signals comes first. What the
// compiler says goes to output.
func buildAll(signals <-chan os.Signal, names []string, output io.Writer) error {
	args := []string{"build", "-o", bin + "/"}
	for _, name := range names {
		args = append(args, "./"+name)
	}
	cmd := exec.Command("go", args...) //nolint:gosec // the names are checked before
	cmd.Stdout, cmd.Stderr = output, output
	if err := wait(signals, cmd); errors.Is(err, errInterrupted) {
		return err
	} else if err != nil {
		return fmt.Errorf("the build failed (%w): mend what the lines above say", err)
	}
	return nil
}

// wait runs cmd to its end, or ends it when one of signals comes.
func wait(signals <-chan os.Signal, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	var err error
	ended := make(chan struct{})
	go func() { err = cmd.Wait(); close(ended) }()
	select {
	case <-ended:
		return err
	case <-signals:
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended, or got the terminal's signal itself
		<-ended
		return errInterrupted
	}
}

// buildPage writes the page for production by the settings of .env, which only this
// command reads.
func buildPage(signals <-chan os.Signal, settings *settings, output io.Writer) error {
	cmd := exec.Command(filepath.Join(bin, "devserver"), "--build", "frontend/dist") //nolint:gosec // what was built just now
	cmd.Env = settings.env
	cmd.Stdout, cmd.Stderr = output, output
	return wait(signals, cmd)
}
