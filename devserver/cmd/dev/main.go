// Command dev is `make dev`: it builds the API and the dev server, runs both until one
// ends or the user stops it, and rebuilds and restarts one when its sources change.
// With arguments it runs only the named ones. `dev build` writes the page for
// production instead, with the settings of .env.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"calling-an-api.example/devserver/internal/browse"
	"calling-an-api.example/devserver/internal/procs"
	"calling-an-api.example/devserver/internal/runner"
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE) // so that the processes are stopped when the terminal is gone
	err := run(signals, os.Args[1:])
	var exit *procs.ExitError
	switch {
	case err == nil:
	case errors.Is(err, runner.ErrInterrupted):
		os.Exit(1)
	case errors.As(err, &exit):
		fmt.Fprintln(os.Stderr, "dev:", err)
		os.Exit(max(exit.Code, 1)) // a server that ends by itself is an error, whatever its code
	default:
		fmt.Fprintln(os.Stderr, "dev:", err)
		os.Exit(1)
	}
}

// usage is the text of --help.
const usage = `dev builds the API and the dev server, runs both, and rebuilds and restarts one when
its sources change. Settings are read from .env and the environment.

Usage:
  dev              run everything, as make dev does
  dev api          run the API alone
  dev devserver    run the page, the proxy and the local tenant alone
  dev build        write the page for production to frontend/dist

While it runs, h and Enter lists its keys. Flags of the programs: bin/devserver --help,
bin/api --help.
`

func run(signals <-chan os.Signal, args []string) error {
	if slices.ContainsFunc(args, func(arg string) bool { return slices.Contains([]string{"--help", "-help", "-h", "help"}, arg) }) {
		_, err := fmt.Print(usage)
		return err
	}
	if _, err := os.Stat("go.work"); err != nil {
		return errors.New("there is no go.work here: run make dev in the repository's top folder")
	}
	if slices.Equal(args, []string{"build"}) {
		return runner.BuildPage(signals, ".", os.Environ(), os.Stdout)
	}
	for _, name := range args {
		if !slices.Contains(runner.Names, name) {
			return fmt.Errorf("unknown argument %q: use api, devserver, build, or nothing for the first two; see --help", name)
		}
	}
	opts := runner.Options{
		Dir: ".", Names: runner.Names, Environ: os.Environ(), Signals: signals, Output: os.Stdout,
		Color: isTerminal(os.Stdout),
		Tools: runner.GoTools{Dir: ".", Browser: browse.Open},
	}
	if len(args) > 0 {
		opts.Names = args
	} else if isTerminal(os.Stdin) {
		opts.Keys = os.Stdin
	}
	return runner.Run(opts)
}

// isTerminal reports whether file is a terminal.
func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
