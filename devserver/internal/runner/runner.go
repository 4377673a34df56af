// Package runner implements `make dev`: it builds the API and the dev server, runs both,
// and rebuilds and restarts one when its sources change. It stops when one exits, or when
// the user stops it; one that exits right after a restart is restarted at the next edit.
//
// One goroutine, the loop, owns all mutable state. The watcher, the terminal and the
// processes send it events; it sends restarts to package procs.
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

// Names are the processes that a runner can run, which are also the names of their
// folders. It must not be modified.
var Names = []string{"devserver", "api"}

const (
	bin      = "bin"                        // folder of the binaries
	lockFile = "frontend/package-lock.json" // input of npm ci
)

// Options configure [Run]. All but Keys and Color are required.
type Options struct {
	Dir     string           // the repository's top folder: an absolute path, or "."
	Names   []string         // processes to run, of the package's Names
	Environ []string         // "NAME=value"; overrides .env
	Signals <-chan os.Signal // the first stops all processes, the next kills them
	Keys    io.Reader        // lines from the user; nil for none
	Output  io.Writer
	Color   bool // print in color, unless the settings have NO_COLOR
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
	keys     chan string    // lines of the user, to the loop
	events   *mailbox       // other events, to the loop
	over     chan struct{}  // closed when the processes have ended

	settings       *settings
	starts         map[string]int  // how often each process was restarted
	crashed        map[string]bool // processes that ended after a restart and wait for an edit
	broken         map[string]bool // processes whose sources do not compile
	bannerPrinted  bool
	addressWarning string // the last one printed
}

// Run runs the processes until all have ended. It returns nil after a signal or the key q,
// [ErrInterrupted] after a signal during the first build, and a *procs.ExitError if a
// process exited. Any other error tells the user what to change.
func Run(opts Options) (err error) {
	settings, err := load(opts.Dir, opts.Environ)
	if err != nil {
		return err
	}
	opts.Color = opts.Color && settings.value("NO_COLOR") == ""
	r := &runner{
		Options: opts, settings: settings, out: procs.NewOutput(opts.Output, opts.Color, len("devserver")), crashed: map[string]bool{}, broken: map[string]bool{},
		restarts: make(chan procs.Process), signals: make(chan os.Signal, 2), keys: make(chan string), events: newMailbox(), starts: map[string]int{}, over: make(chan struct{}),
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

// run runs the processes and the loop until all processes have ended.
func (r *runner) run() error {
	ctx, cancel := context.WithCancel(context.Background())
	changes := make(chan []string)
	var group errgroup.Group
	group.Go(func() error { r.forwardSignals(ctx); return nil })
	group.Go(func() error {
		r.watcher.Run(ctx, changes, func(err error) { r.events.post(func() { r.printf("watching files: %v", err) }) })
		return nil
	})
	if r.Keys != nil {
		go r.readKeys(ctx) // until the input ends; reading it cannot be canceled
	}
	processes := r.processes()
	group.Go(func() error { r.loop(ctx, changes); return nil })
	err := procs.Run(procs.Events{
		Signals: r.signals, Restarts: r.restarts,
		Ready: func() { r.events.post(func() { r.ready(ctx) }) },
		Down:  func(exit *procs.ExitError) { r.events.post(func() { r.down(exit) }) },
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
		case key := <-r.keys:
			r.key(ctx, key)
		case <-r.events.wake:
			for _, event := range r.events.take() {
				event()
			}
		}
	}
}

// forwardSignals sends the signals of the options to the processes until ctx ends.
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

// signal sends sig to the processes. It drops a signal while two are pending.
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
	settings := r.settings
	urls := settings.readyURLs()
	for _, name := range r.Names {
		url := urls[name]
		all = append(all, procs.Process{
			Name: name, Path: filepath.Join(r.Dir, bin, name), Dir: r.Dir, Env: env,
			Ready: func(ctx context.Context) error { return settings.awaitReady(ctx, url) },
		})
	}
	return all
}

// ready prints the banner when all processes are ready for the first time, and compares
// addresses each time. It does nothing if only one process runs.
func (r *runner) ready(ctx context.Context) {
	if len(r.Names) < 2 {
		return
	}
	if !r.bannerPrinted {
		r.bannerPrinted = true
		r.out.Print(r.banner())
	}
	r.compareAddresses(ctx)
}

// down reports a process that has ended right after a restart, unless it has been
// restarted again since.
func (r *runner) down(exit *procs.ExitError) {
	if exit.Start != r.starts[exit.Name] {
		return
	}
	const next = "the next edit, or r and Enter, restarts it"
	r.crashed[exit.Name] = true
	r.report(exit.Name+"-run", fmt.Sprintf("%v right after it was started; the terminal says why.\n%s", exit, next))
	r.printf("%v; %s", exit, next)
}

// restart replaces the running process with p's name by p.
func (r *runner) restart(p procs.Process) {
	r.report(p.Name+"-run", "")
	delete(r.crashed, p.Name)
	r.starts[p.Name]++
	p.Start = r.starts[p.Name]
	select {
	case r.restarts <- p:
	case <-r.over:
	}
}

// stop stops all processes, as Ctrl+C does.
func (r *runner) stop() { r.signal(syscall.SIGTERM) }

// report shows problem over the page, under the key source; "" removes it.
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

// printf prints a line of the runner.
func (r *runner) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(r.own, strings.TrimSuffix(format, "\n")+"\n", args...) // Output handles errors
}
