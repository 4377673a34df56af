// Command dev is `make dev`: it builds the API and the dev server, runs both until
// one ends or somebody stops it, and builds and starts one anew when its sources
// change. With arguments it runs only those named. `dev build` writes the page for
// production instead, by the settings of .env.
//
// It exists because two processes want one start, one stop and one place to
// read what they say.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"calling-an-api.example/devserver/internal/procs"
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE) // a reader that goes must not take us away before the others have stopped
	err := run(signals, os.Args[1:], os.Environ(), os.Stdin, os.Stdout)
	var exit *procs.ExitError
	switch {
	case err == nil:
	case errors.Is(err, errInterrupted):
		os.Exit(1)
	case errors.As(err, &exit):
		fmt.Fprintln(os.Stderr, "dev:", err)
		os.Exit(max(exit.Code, 1)) // a server that ends by itself is a fault, whatever it says
	default:
		fmt.Fprintln(os.Stderr, "dev:", err)
		os.Exit(1)
	}
}

func run(signals chan os.Signal, args, environ []string, stdin, stdout *os.File) error {
	if _, err := os.Stat("go.work"); err != nil {
		return errors.New("there is no go.work here: run make dev in the repository's top folder")
	}
	settings, err := load(environ)
	if err != nil {
		return err
	}
	if slices.Equal(args, []string{"build"}) {
		return buildPage(signals, settings, stdout)
	}
	names := []string{"devserver", "api"}
	for _, name := range args {
		if !slices.Contains(names, name) {
			return fmt.Errorf("unknown argument %q: it is api, devserver, build, or nothing for the first two", name)
		}
	}
	if len(args) > 0 {
		names = args
	}
	if err := checkPorts(settings.ports(names)); err != nil {
		return err
	}
	color := isTerminal(stdout) && settings.value("NO_COLOR") == ""
	out := procs.NewOutput(stdout, color, len("devserver"))
	r := &runner{
		names: names, environ: environ, color: color, out: out, say: out.Writer("dev"),
		restarts: make(chan procs.Process), over: make(chan struct{}), downs: map[string]bool{},
	}
	r.settings.Store(settings)
	for _, line := range settings.unknown {
		r.printf("%s", line)
	}
	if r.problems, err = os.MkdirTemp("", "calling-an-api-problems-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(r.problems) }() // a folder of temporary files
	watcher, err := r.watch()                       // before anything is built, so that no edit is missed
	if err != nil {
		return err
	}
	defer watcher.Close()
	if err := buildAll(signals, names, stdout); err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(context.Background())
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		watcher.Run(ctx, func(paths []string) { r.changed(ctx, paths) }, func(err error) { r.printf("watching files: %v", err) })
	}()
	if isTerminal(stdin) && len(args) == 0 {
		go r.readKeys(ctx, stdin, signals) // until the terminal ends: there is no other end to reading it
	}
	greet := sync.OnceFunc(func() { out.Print(r.banner()) })
	ready := func() {
		if len(names) > 1 {
			greet()
			go r.compareAddresses(ctx)
		}
	}
	err = procs.Run(procs.Events{Signals: signals, Restarts: r.restarts, Ready: ready, Down: r.down}, out, r.processes()...)
	close(r.over)
	cancel()
	<-watching
	return err
}

// isTerminal reports whether a person is at file.
func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
