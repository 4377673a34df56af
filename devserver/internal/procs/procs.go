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

// Events are what reaches Run from outside.
type Events struct {
	Signals  <-chan os.Signal // the first asks all processes to stop, the next kills them
	Restarts <-chan Process   // each takes the place of the process of its name
	Ready    func()           // called when all processes are ready, and when one that was started anew is; nil is nothing
	Down     func(*ExitError) // called when one that took another's place ended unasked; nil is nothing
}

// Run starts processes and returns when all have ended. When one ends unasked, at
// the first signal, or when out can't be written to any more, the rest are sent
// that signal (else SIGTERM) and killed after a grace of 4.5 s, or at the next
// signal. One that is to be restarted is stopped the same way, and the others go
// on; they also do if what took its place ends within a few seconds, for the next
// restart may mend that. The error is an *ExitError for the first process that
// ended unasked otherwise, nil after a signal.
func Run(events Events, out *Output, processes ...Process) error {
	// What ends with us ends with the thread that started it, on Linux.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g := &group{
		events: events, out: out,
		running: map[string]*exec.Cmd{}, next: map[string]Process{}, since: map[string]time.Time{}, down: map[string]bool{},
		ended: make(chan ExitError), ready: make(chan string), overdue: make(chan *exec.Cmd), over: make(chan struct{}),
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

// group is the processes of one Run.
type group struct {
	events  Events
	out     *Output
	running map[string]*exec.Cmd // by name; those that have not ended
	since   map[string]time.Time // when those that took another's place did
	down    map[string]bool      // those that ended soon after that
	next    map[string]Process   // what takes the place of one that was asked to stop
	ended   chan ExitError
	ready   chan string    // the name of a process that is
	overdue chan *exec.Cmd // one that was asked to stop some time ago
	over    chan struct{}  // closed when nobody listens any more
}

func (g *group) start(p Process) error {
	cmd := exec.Command(p.Path, p.Args...) //nolint:gosec // the caller names what it has built
	cmd.Env = p.Env
	Isolate(cmd)
	lines := g.out.writer(p.Name, p.Ready, sync.OnceFunc(func() {
		go func() { // printing must not wait for us
			select {
			case g.ready <- p.Name:
			case <-g.over:
			}
		}()
	}))
	cmd.Stdout, cmd.Stderr = lines, lines
	cmd.WaitDelay = time.Second // for output that a child of it holds open
	if err := cmd.Start(); err != nil {
		return err
	}
	g.running[p.Name] = cmd
	go func() {
		err := cmd.Wait()
		signalGroup(cmd, syscall.SIGKILL) // what it left behind; mostly nothing
		lines.flush()
		g.ended <- ExitError{Name: p.Name, Code: exitCode(cmd, err)}
	}()
	return nil
}

// supervise waits for the end of all processes. It returns the first that ended
// unasked. It calls Ready when none of waiting is waited for any more.
func (g *group) supervise(waiting map[string]bool) (first *ExitError) {
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
	for len(g.running) > 0 || len(g.down) > 0 && kill == nil {
		select {
		case name := <-g.ready:
			delete(waiting, name)
			if len(waiting) == 0 && g.events.Ready != nil {
				g.events.Ready()
			}
		case sig := <-g.events.Signals:
			stop(sig)
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
			for _, running := range g.running {
				if running == cmd {
					signalGroup(cmd, syscall.SIGKILL)
				}
			}
		case exit := <-g.ended:
			delete(g.running, exit.Name)
			p, replaced := g.next[exit.Name]
			delete(g.next, exit.Name)
			if kill != nil {
				continue
			}
			if replaced && g.startNext(p) {
				continue
			}
			if since, ok := g.since[exit.Name]; ok && time.Since(since) < settled && !replaced {
				g.down[exit.Name] = true
				if g.events.Down != nil {
					g.events.Down(&exit)
				}
				continue
			}
			first = &exit
			stop(syscall.SIGTERM)
		}
	}
	return first
}

// settled is how long after taking another's place a process is taken to have begun well.
const settled = 10 * time.Second

// startNext starts p in the place of another, and reports whether that worked.
func (g *group) startNext(p Process) bool {
	if err := g.start(p); err != nil {
		g.out.Print(fmt.Sprintf("start %s: %v\n", p.Name, err))
		return false
	}
	g.since[p.Name] = time.Now()
	return true
}

// replace asks the process of p's name to stop, for p to take its place.
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

// signal sends sig to the groups of the processes that have not ended.
func (g *group) signal(sig os.Signal) {
	for _, cmd := range g.running {
		signalGroup(cmd, sig)
	}
}

// Isolate has cmd's process be the first of a group of its own, which is killed as
// a whole when cmd's context ends.
func Isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = attributes()
	if cmd.Cancel != nil {
		cmd.Cancel = func() error {
			signalGroup(cmd, syscall.SIGKILL)
			return nil
		}
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
