// Package procs runs a few processes as one: what they print comes out line by
// line with their names, a signal reaches all of them, and the end of one is the
// end of all. None outlives Run.
package procs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// grace is how long processes may take to stop before they are killed.
const grace = 4500 * time.Millisecond

// Process is a program to run.
type Process struct {
	Name  string
	Path  string   // of the binary
	Args  []string // without the binary's name
	Env   []string // the whole environment, "NAME=value"
	Ready string   // it is ready once it prints a line that holds this
}

// ExitError says that a process ended although nobody asked it to.
type ExitError struct {
	Name string
	Code int // its exit code, or 128 plus the number of the signal that ended it
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s ended by itself with code %d", e.Name, e.Code)
}

// Run starts processes and returns when all have ended. It calls ready once all
// of them are. When one ends, at the first of signals, or when out can't be
// written to any more, the rest are sent that signal (else SIGTERM) and killed
// after a grace of 4.5 s, or at the next of signals. The error is an *ExitError
// for the first process that ended unasked, nil after a signal.
func Run(signals <-chan os.Signal, out *Output, ready func(), processes ...Process) error {
	// What ends with us ends with the thread that started it, on Linux.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g := &group{signals: signals, out: out, running: map[string]*exec.Cmd{}, ended: make(chan ExitError, len(processes))}
	allReady := make(chan struct{})
	var notReady atomic.Int32
	notReady.Store(int32(len(processes))) //nolint:gosec // a handful
	isReady := func() {
		if notReady.Add(-1) == 0 {
			close(allReady)
		}
	}
	for _, p := range processes {
		if err := g.start(p, sync.OnceFunc(isReady)); err != nil {
			g.signal(syscall.SIGKILL)
			for range len(g.running) {
				<-g.ended
			}
			return fmt.Errorf("start %s: %w", p.Name, err)
		}
	}
	if first := g.supervise(allReady, ready); first != nil {
		return first
	}
	return nil
}

// group is the processes of one Run.
type group struct {
	signals <-chan os.Signal
	out     *Output
	running map[string]*exec.Cmd // by name; those that have not ended
	ended   chan ExitError
}

func (g *group) start(p Process, ready func()) error {
	cmd := exec.Command(p.Path, p.Args...) //nolint:gosec // the caller names what it has built
	cmd.Env = p.Env
	cmd.SysProcAttr = attributes()
	lines := g.out.writer(p.Name, p.Ready, ready)
	cmd.Stdout, cmd.Stderr = lines, lines
	cmd.WaitDelay = time.Second // for output that a child of it holds open
	if err := cmd.Start(); err != nil {
		return err
	}
	g.running[p.Name] = cmd
	go func() {
		err := cmd.Wait()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind; mostly nothing
		lines.flush()
		g.ended <- ExitError{Name: p.Name, Code: exitCode(cmd, err)}
	}()
	return nil
}

// supervise waits for the end of all processes. It returns the first that ended
// unasked.
func (g *group) supervise(allReady <-chan struct{}, ready func()) (first *ExitError) {
	var kill <-chan time.Time // runs while the processes are asked to stop
	stop := func(sig os.Signal) {
		if kill != nil {
			sig = syscall.SIGKILL
		} else {
			kill = time.After(grace)
		}
		g.signal(sig)
	}
	broken := g.out.broken
	for len(g.running) > 0 {
		select {
		case <-allReady:
			allReady = nil
			ready()
		case sig := <-g.signals:
			stop(sig)
		case <-broken:
			broken = nil
			stop(syscall.SIGTERM)
		case <-kill:
			g.signal(syscall.SIGKILL)
		case exit := <-g.ended:
			delete(g.running, exit.Name)
			if kill == nil {
				first = &exit
				stop(syscall.SIGTERM)
			}
		}
	}
	return first
}

// signal sends sig to the groups of the processes that have not ended.
func (g *group) signal(sig os.Signal) {
	for _, cmd := range g.running {
		_ = syscall.Kill(-cmd.Process.Pid, sig.(syscall.Signal)) // on this system all signals are that
	}
}

func exitCode(cmd *exec.Cmd, err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal())
		}
	}
	return cmd.ProcessState.ExitCode()
}
