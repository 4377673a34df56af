package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// measureCold prints the time from `make dev` in a fresh clone to the banner, with empty
// build caches. Go modules are those that this machine has.
func measureCold(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "devserver-cold-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	clone := filepath.Join(dir, "clone")
	if err := command(ctx, ".", "git", "clone", "--quiet", "../..", clone); err != nil {
		return err
	}
	begin := time.Now()
	cmd := exec.CommandContext(ctx, "make", "dev")
	cmd.Dir = clone
	cmd.Env = append(os.Environ(),
		"GOCACHE="+filepath.Join(dir, "go"), "npm_config_cache="+filepath.Join(dir, "npm"),
		"GOWORK=", "DEV_ADDR=localhost:14200", "API_ADDR=localhost:13001", "TENANT_ADDR=localhost:14400")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // it may have ended by itself
		_ = cmd.Wait()                                      // it was told to end
	}()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Ctrl+C") {
			fmt.Printf("\nfresh clone → banner of make dev: %.1f s\n", time.Since(begin).Seconds())
			go func() { _, _ = io.Copy(io.Discard, out) }() // until it has ended
			return nil
		}
	}
	return fmt.Errorf("make dev ended without its banner: %w", errors.Join(lines.Err(), io.ErrUnexpectedEOF))
}
