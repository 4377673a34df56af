//go:build unix

// Package storetest starts servers for tests of the shared replay store: redis-server of Debian,
// which speaks what Valkey speaks.
package storetest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is a running server with a folder of its own.
type Server struct {
	Addr string // host:port
	Dir  string // where it keeps its data

	tb      testing.TB
	args    []string
	config  string     // of a sentinel
	mu      sync.Mutex // protects all fields below
	process *exec.Cmd  // nil while it is down
	output  bytes.Buffer
}

// patience is how long a server may take to start or stop.
const patience = 20 * time.Second

// Start starts a server with nothing in it until the test ends. The arguments are those of
// redis-server, in which PORT stands for the port.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	return start(tb, &Server{tb: tb, Dir: tb.TempDir(), args: args})
}

// StartSentinel starts a sentinel with the lines of a configuration, which it writes to file.
func StartSentinel(tb testing.TB, file, lines string) *Server {
	tb.Helper()
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		tb.Fatal(err)
	}
	return start(tb, &Server{tb: tb, Dir: tb.TempDir(), config: file})
}

func start(tb testing.TB, s *Server) *Server {
	tb.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatal("no redis-server, which CI must have: ", err)
		}
		tb.Skip("no redis-server: ", err)
	}
	for range 20 { // a port that is free now may be taken a moment later
		s.Addr = fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(10000)) // below those that the system gives away
		if s.start() {
			tb.Cleanup(s.Kill)
			return s
		}
	}
	tb.Fatalf("redis-server does not start:\n%s", s.output.String())
	return nil
}

// start starts the process, and reports whether it accepts connections.
func (s *Server) start() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, port, _ := net.SplitHostPort(s.Addr) // it is one
	args := []string{"--port", port, "--bind", "127.0.0.1", "--dir", s.Dir}
	if s.config == "" {
		args = append(args, "--save", "")
	} else {
		args = append([]string{s.config, "--sentinel"}, args...)
	}
	for _, arg := range s.args {
		args = append(args, strings.ReplaceAll(arg, "PORT", port))
	}
	cmd := exec.Command("redis-server", args...)
	output, err := cmd.StdoutPipe()
	if err != nil {
		s.tb.Fatal(err)
	}
	cmd.SysProcAttr = dieWithParent()
	if err := cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	s.output.Reset()
	lines := bufio.NewScanner(io.TeeReader(output, &s.output))
	for lines.Scan() { // until it says that it is ready, or ends
		if strings.Contains(lines.Text(), "Ready to accept connections") || strings.Contains(lines.Text(), "+monitor") {
			s.process = cmd
			go func() {
				_, _ = io.Copy(io.Discard, output) // so that it never waits for a reader
				_ = cmd.Wait()                     // how it has ended does not matter
			}()
			return true
		}
	}
	_ = cmd.Wait()
	return false // the port is taken
}

// Restart starts a server that was killed again, at the same address and with the same folder.
func (s *Server) Restart() {
	s.tb.Helper()
	if !s.start() {
		s.tb.Fatalf("redis-server does not start again:\n%s", s.output.String())
	}
}

// Kill ends the server without a chance to save anything. It may be down already.
func (s *Server) Kill() {
	s.mu.Lock()
	process := s.process
	s.process = nil
	s.mu.Unlock()
	if process == nil {
		return
	}
	_ = process.Process.Kill()
	deadline, tick := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for process.Process.Signal(syscall.Signal(0)) == nil { // until it was waited for
		select {
		case <-deadline:
			s.tb.Error("redis-server does not end")
			return
		case <-tick.C:
		}
	}
}

// Pause stops the server, as if its machine hung, and Resume continues it.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume continues a server that was paused.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig os.Signal) {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.process.Process.Signal(sig); err != nil {
		s.tb.Fatal(err)
	}
}

// Do sends a command with redis-cli, and returns its answer.
func (s *Server) Do(args ...string) string {
	s.tb.Helper()
	host, port, _ := net.SplitHostPort(s.Addr) // it is one
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "redis-cli", append([]string{"-h", host, "-p", port}, args...)...).Output()
	text := strings.TrimSpace(string(out))
	if err != nil {
		s.tb.Fatal(errors.Join(err, errors.New(text)))
	}
	return text
}

// Await waits until isTrue, and fails the test if that takes too long.
func Await(tb testing.TB, what string, isTrue func() bool) {
	tb.Helper()
	deadline, tick := time.After(patience), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for !isTrue() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// File returns the path of a file in the server's folder.
func (s *Server) File(name string) string { return filepath.Join(s.Dir, name) }
