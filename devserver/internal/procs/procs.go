// Package procs runs a few processes as one: their output is printed line by line with
// their names, a signal reaches all of them, and when one ends, all end. None outlives
// Run.
package procs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// grace is how long a process may take to stop before it is killed.
const grace = 4500 * time.Millisecond

// Process is a program to run.
type Process struct {
	Name  string
	Start int                             // a number of the caller's for this start, for ExitError
	Path  string                          // of the binary
	Dir   string                          // working folder; "" means this process's
	Args  []string                        // without the binary's name
	Env   []string                        // the whole environment, "NAME=value"
	Ready func(ctx context.Context) error // returns nil when it is ready; ctx ends with the process; nil means ready at once
}

// ExitError says that a process ended by itself.
type ExitError struct {
	Name  string
	Code  int // its exit code, or 128 plus the number of the signal that ended it
	Start int // of its Process
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s ended by itself with code %d", e.Name, e.Code)
}

// Events are the inputs and outputs of Run. Its functions must not block.
type Events struct {
	Signals  <-chan os.Signal // the first stops all processes, the next kills them
	Restarts <-chan Process   // each replaces the process with its name
	Ready    func()           // called when all processes are ready, and again when a restarted one is; may be nil
	Down     func(*ExitError) // called when a process ended by itself right after a restart; may be nil
}

// Run starts processes and returns when all have ended. When one ends by itself, at the
// first signal, or when out cannot be written any more, the others get that signal
// (for SIGHUP and otherwise SIGTERM), and are killed after 4.5 s or at the next signal. A restart
// stops one process in the same way and leaves the others alone. If its replacement
// ends within 10 s, the others keep running, because the next restart may fix it. The
// error is an *[ExitError] for the first process that ended by itself, or nil after a
// signal.
func Run(events Events, out *Output, processes ...Process) error {
	// On Linux, children are killed when the thread that started them ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g := &group{
		events: events, out: out,
		running: map[string]*exec.Cmd{}, next: map[string]Process{}, since: map[string]time.Time{}, down: map[string]bool{},
		ended: make(chan ExitError), ready: make(chan readiness), overdue: make(chan *exec.Cmd), over: make(chan struct{}),
	}
	defer close(g.over)
	waiting := map[string]bool{}
	for _, p := range processes {
		waiting[p.Name] = true
		if err := g.start(p); err != nil {
			g.signal(syscall.SIGKILL)
			for range len(g.running) {
				<-g.ended
			}
			return fmt.Errorf("start %s: %w", p.Name, err)
		}
	}
	if first := g.supervise(waiting); first != nil {
		return first
	}
	return nil
}

// group is the processes of one Run. Its maps are owned by the goroutine of Run.
type group struct {
	events  Events
	out     *Output
	running map[string]*exec.Cmd // by name; without those that have ended
	since   map[string]time.Time // when a replacement was started
	down    map[string]bool      // replacements that ended soon
	next    map[string]Process   // replacements of processes that are stopping
	ended   chan ExitError
	ready   chan readiness
	overdue chan *exec.Cmd // a process that has not stopped in time
	over    chan struct{}  // closed when supervise has returned
}

// readiness says that a process is ready.
type readiness struct {
	name string
	cmd  *exec.Cmd
}

// start starts p as the leader of a process group, and sends its readiness and its end to
// supervise. The caller is the goroutine of Run.
func (g *group) start(p Process) error {
	cmd := exec.Command(p.Path, p.Args...) //nolint:gosec,noctx // the caller has built it; supervise stops it
	cmd.Env, cmd.Dir = p.Env, p.Dir
	Isolate(cmd)
	lines := g.out.writer(p.Name)
	cmd.Stdout, cmd.Stderr = lines, lines
	cmd.WaitDelay = time.Second // its children may keep the output open
	if err := cmd.Start(); err != nil {
		return err
	}
	g.running[p.Name] = cmd
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		if p.Ready != nil && p.Ready(ctx) != nil {
			return // the process has ended
		}
		select {
		case g.ready <- readiness{p.Name, cmd}:
		case <-g.over:
		}
	}()
	go func() {
		err := cmd.Wait()
		cancel()
		signalGroup(cmd, syscall.SIGKILL) // children that it left, usually none
		lines.flush()
		g.ended <- ExitError{Name: p.Name, Code: exitCode(cmd, err), Start: p.Start}
	}()
	return nil
}

// supervise waits until all processes have ended, and returns the first that ended by
// itself. waiting are the processes that are not ready yet.
func (g *group) supervise(waiting map[string]bool) (first *ExitError) {
	var kill <-chan time.Time // runs while the processes stop
	stop := func(sig os.Signal) {
		if kill != nil {
			sig = syscall.SIGKILL
		} else {
			kill = time.After(grace)
		}
		g.signal(sig)
	}
	broken := g.out.broken
	for len(g.running) > 0 || len(g.down) > 0 && kill == nil {
		select {
		case r := <-g.ready:
			if g.running[r.name] != r.cmd {
				continue // it has ended since
			}
			delete(waiting, r.name)
			if len(waiting) == 0 && g.events.Ready != nil {
				g.events.Ready()
			}
		case sig := <-g.events.Signals:
			stop(stopSignal(sig))
		case <-broken:
			broken = nil
			stop(syscall.SIGTERM)
		case <-kill:
			g.signal(syscall.SIGKILL)
		case p := <-g.events.Restarts:
			if kill == nil {
				g.replace(p)
			}
		case cmd := <-g.overdue:
			if slices.Contains(slices.Collect(maps.Values(g.running)), cmd) {
				signalGroup(cmd, syscall.SIGKILL)
			}
		case exit := <-g.ended:
			if mayEnd := g.end(exit, kill != nil); !mayEnd {
				first = &exit
				stop(syscall.SIGTERM)
			}
		}
	}
	return first
}

// end handles the end of a process, and reports whether the others keep running: it was
// replaced, or it is a replacement that the next restart may fix, or all are stopping.
func (g *group) end(exit ExitError, stopping bool) bool {
	delete(g.running, exit.Name)
	p, replaced := g.next[exit.Name]
	delete(g.next, exit.Name)
	if stopping || replaced && g.startNext(p) {
		return true
	}
	since, restarted := g.since[exit.Name]
	if replaced || !restarted || time.Since(since) >= settled {
		return false
	}
	g.down[exit.Name] = true
	if g.events.Down != nil {
		g.events.Down(&exit)
	}
	return true
}

// settled is how long a replacement must run to count as started.
const settled = 10 * time.Second

// startNext starts the replacement p, and reports whether that succeeded.
func (g *group) startNext(p Process) bool {
	if err := g.start(p); err != nil {
		g.out.Print(fmt.Sprintf("start %s: %v\n", p.Name, err))
		return false
	}
	g.since[p.Name] = time.Now()
	return true
}

// replace stops the process with p's name, which p replaces.
func (g *group) replace(p Process) {
	if g.running[p.Name] == nil && g.down[p.Name] {
		if g.startNext(p) {
			delete(g.down, p.Name)
		}
		return
	}
	_, asked := g.next[p.Name]
	g.next[p.Name] = p
	if cmd := g.running[p.Name]; cmd != nil && !asked {
		signalGroup(cmd, syscall.SIGTERM)
		time.AfterFunc(grace, func() {
			select {
			case g.overdue <- cmd:
			case <-g.over:
			}
		})
	}
}

// stopSignal returns the signal that stops processes after sig. If the terminal has closed,
// that is not SIGHUP, which means to many programs to read something again.
func stopSignal(sig os.Signal) os.Signal {
	if sig == syscall.SIGHUP {
		return syscall.SIGTERM
	}
	return sig
}

// signal sends sig to the process groups of all running processes.
func (g *group) signal(sig os.Signal) {
	for _, cmd := range g.running {
		signalGroup(cmd, sig)
	}
}

// Isolate makes cmd's process the leader of a process group, which is killed as a whole
// when cmd's context ends.
func Isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = attributes()
	if cmd.Cancel != nil {
		cmd.Cancel = func() error {
			signalGroup(cmd, syscall.SIGKILL)
			return nil
		}
	}
}

// exitCode returns the exit code of cmd, or 128 plus the number of the signal that
// ended it, as shells do.
func exitCode(cmd *exec.Cmd, err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal())
		}
	}
	return cmd.ProcessState.ExitCode()
}
