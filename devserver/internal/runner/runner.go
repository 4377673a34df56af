// Package runner is the loop of `make dev`: it builds the API and the dev server, runs
// both until one ends or the user stops it, and rebuilds and restarts one when its
// sources change.
//
// One goroutine, the loop, owns everything that changes. The watcher, the terminal and
// the processes send it events; it sends restarts to package procs.
package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"calling-an-api.example/devserver/internal/procs"
	"calling-an-api.example/devserver/internal/watch"
)

// Names are the processes that a runner can run, by the names of their folders.
var Names = []string{"devserver", "api"}

const (
	bin      = "bin"                        // folder of the binaries
	lockFile = "frontend/package-lock.json" // that npm installs from
)

// Options are what a runner runs and where.
type Options struct {
	Dir     string           // the repository's top folder: an absolute path, or "."
	Names   []string         // of the processes
	Environ []string         // "NAME=value"; overrides .env
	Signals <-chan os.Signal // the first stops all processes, the next kills them
	Keys    io.Reader        // lines from the user; nil for none
	Output  io.Writer
	Color   bool // unless the settings have NO_COLOR
	Tools   Tools
}

// runner is the state of Run. All fields are owned by the loop, except those that never
// change.
type runner struct {
	Options
	out      *procs.Output
	own      io.Writer // for the runner's own lines
	problems string    // folder with problems that the dev server shows
	watcher  *watch.Watcher

	restarts chan procs.Process
	signals  chan os.Signal // to the processes
	events   chan func()    // to the loop
	over     chan struct{}  // closed when the processes have ended

	settings       *settings
	crashed        map[string]bool // processes that ended after a restart and wait for an edit
	greeted        bool
	addressWarning string // that was printed last
}

// Run runs the processes until all have ended. The error is a *procs.ExitError if one
// ended by itself, [ErrInterrupted] if a signal came before they ran, nil if a signal
// stopped them, or it says what to change.
func Run(opts Options) (err error) {
	settings, err := load(opts.Dir, opts.Environ)
	if err != nil {
		return err
	}
	opts.Color = opts.Color && settings.value("NO_COLOR") == ""
	r := &runner{
		Options: opts, settings: settings, out: procs.NewOutput(opts.Output, opts.Color, len("devserver")), crashed: map[string]bool{},
		restarts: make(chan procs.Process), signals: make(chan os.Signal, 2), events: make(chan func(), 64), over: make(chan struct{}),
	}
	r.own = r.out.Writer("dev")
	if err := checkPorts(context.Background(), r.settings.ports(opts.Names)); err != nil {
		return err
	}
	for _, line := range r.settings.warnings {
		r.printf("%s", line)
	}
	if r.problems, err = os.MkdirTemp("", "calling-an-api-problems-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.problems)) }()
	if err := r.watch(); err != nil { // before the build, so that no edit is missed
		return err
	}
	defer r.watcher.Close()
	if err := r.buildFirst(); err != nil {
		return err
	}
	return r.run()
}

// run starts the processes and the loop.
func (r *runner) run() error {
	ctx, cancel := context.WithCancel(context.Background())
	changes := make(chan []string)
	var group errgroup.Group
	group.Go(func() error { r.forwardSignals(ctx); return nil })
	group.Go(func() error {
		r.watcher.Run(ctx, changes, func(err error) { r.send(func() { r.printf("watching files: %v", err) }) })
		return nil
	})
	if r.Keys != nil {
		go r.readKeys(ctx) // until the terminal ends; reading it cannot be canceled
	}
	processes := r.processes()
	group.Go(func() error { r.loop(ctx, changes); return nil })
	err := procs.Run(procs.Events{
		Signals: r.signals, Restarts: r.restarts,
		Ready: func() { r.send(func() { r.ready(ctx) }) },
		Down:  func(exit *procs.ExitError) { r.send(func() { r.down(exit) }) },
	}, r.out, processes...)
	close(r.over)
	cancel()
	_ = group.Wait() // they return no error
	return err
}

// loop handles events until ctx ends.
func (r *runner) loop(ctx context.Context, changes <-chan []string) {
	for {
		select {
		case <-ctx.Done():
			return
		case paths := <-changes:
			r.changed(ctx, paths)
		case event := <-r.events:
			event()
		}
	}
}

// send makes the loop call event. It may be called from any goroutine.
func (r *runner) send(event func()) {
	select {
	case r.events <- event:
	case <-r.over:
	}
}

func (r *runner) forwardSignals(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case sig := <-r.Signals:
			r.signal(sig)
		}
	}
}

// signal sends sig to the processes. A third signal in a row changes nothing.
func (r *runner) signal(sig os.Signal) {
	select {
	case r.signals <- sig:
	default:
	}
}

// processes returns the processes to run, with the current settings.
func (r *runner) processes() (all []procs.Process) {
	env := append(slices.Clip(r.settings.env), "DEV_PROBLEMS="+r.problems)
	if r.Color {
		env = append(env, "CLICOLOR_FORCE=1")
	}
	urls := r.settings.readyURLs()
	for _, name := range r.Names {
		url := urls[name]
		all = append(all, procs.Process{
			Name: name, Path: filepath.Join(r.Dir, bin, name), Dir: r.Dir, Env: env,
			Ready: func(ctx context.Context) error { return awaitReady(ctx, url) },
		})
	}
	return all
}

// ready greets the user when all processes are ready for the first time, and compares
// addresses each time.
func (r *runner) ready(ctx context.Context) {
	if len(r.Names) < 2 {
		return
	}
	if !r.greeted {
		r.greeted = true
		r.out.Print(r.banner())
	}
	r.compareAddresses(ctx)
}

// down reports a process that has ended right after a restart.
func (r *runner) down(exit *procs.ExitError) {
	const next = "the next edit, or r and Enter, restarts it"
	r.crashed[exit.Name] = true
	r.report(exit.Name+"-run", fmt.Sprintf("%v right after it was started; the terminal says why.\n%s", exit, next))
	r.printf("%v; %s", exit, next)
}

// restart replaces the process with the name of p by p.
func (r *runner) restart(p procs.Process) {
	r.report(p.Name+"-run", "")
	delete(r.crashed, p.Name)
	select {
	case r.restarts <- p:
	case <-r.over:
	}
}

// stop stops all processes, as Ctrl+C does.
func (r *runner) stop() { r.signal(syscall.SIGTERM) }

// report makes the dev server show problem as that of source, "" for none.
func (r *runner) report(source, problem string) {
	file := filepath.Join(r.problems, source)
	var err error
	if problem == "" {
		if err = os.Remove(file); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	} else {
		err = os.WriteFile(file, []byte(problem), 0o600)
	}
	if err != nil {
		r.printf("%v", err)
	}
}

// printf prints lines of the runner's own.
func (r *runner) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(r.own, strings.TrimSuffix(format, "\n")+"\n", args...) // Output notices when the terminal is gone
}
