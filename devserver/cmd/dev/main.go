// Command dev is `make dev`: it builds the API and the dev server and runs both
// until one ends or somebody stops it. With arguments it runs only those named.
//
// It exists because two processes want one start, one stop and one place to
// read what they say.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/dotenv"
	"calling-an-api.example/devserver/internal/procs"
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE) // a reader that goes must not take us away before the others have stopped
	err := run(signals, os.Args[1:], os.Environ(), os.Stdout)
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

// bin is where the binaries are built.
const bin = "bin"

// variables are the names that .env may set; another is most likely misspelt.
var variables = []string{
	"AUTH0_DOMAIN", "AUTH0_AUDIENCE", "AUTH0_CLIENT_ID", "API_ADDR", "DEV_ADDR", "TENANT_ADDR", "JWKS_REFRESH",
	"TOKEN_CLIENT_ID", "TOKEN_CLIENT_SECRET", "NO_COLOR",
}

func run(signals <-chan os.Signal, args, environ []string, stdout *os.File) error {
	if _, err := os.Stat("go.work"); err != nil {
		return errors.New("there is no go.work here: run make dev in the repository's top folder")
	}
	names := []string{"devserver", "api"}
	for _, name := range args {
		if !slices.Contains(names, name) {
			return fmt.Errorf("unknown argument %q: it is api, devserver, or nothing for both", name)
		}
	}
	if len(args) > 0 {
		names = args
	}
	env, set, err := dotenv.Load(".env", environ)
	if err != nil {
		return err
	}
	for _, name := range set {
		if !slices.Contains(variables, name) {
			_, _ = fmt.Fprintf(stdout, "dev: .env sets %s, which nothing here reads\n", name)
		}
	}
	lookup := dotenv.Lookup(env)
	cfg, err := config.Parse(nil, lookup, io.Discard)
	if err != nil {
		return err
	}
	apiAddr, ok := lookup("API_ADDR")
	if !ok {
		apiAddr = config.DefaultAPIAddr
	}
	if cfg.Local() { // the API knows the tenant only by what it is told
		env = append(env, "AUTH0_DOMAIN="+config.LocalOrigin(cfg.TenantAddr))
	}
	if err := checkPorts(names, cfg, apiAddr); err != nil {
		return err
	}
	if err := build(signals, names, stdout); err != nil {
		return err
	}

	ready := map[string]string{"devserver": "page listening on", "api": "API listening on"}
	var processes []procs.Process
	for _, name := range names {
		processes = append(processes, procs.Process{Name: name, Path: filepath.Join(bin, name), Env: env, Ready: ready[name]})
	}
	out := procs.NewOutput(stdout, colored(stdout, lookup), len("devserver"))
	return procs.Run(signals, out, func() {
		if len(names) > 1 {
			_, tokens := lookup("TOKEN_CLIENT_SECRET")
			out.Print(banner(cfg, apiAddr, tokens || cfg.Local()))
		}
	}, processes...)
}

// errInterrupted says that somebody stopped us before anything ran.
var errInterrupted = errors.New("interrupted")

// build builds the named commands, unless one of signals comes first. What the
// compiler says goes to output.
func build(signals <-chan os.Signal, names []string, output io.Writer) error {
	args := []string{"build", "-o", bin + "/"}
	for _, name := range names {
		args = append(args, "./"+name)
	}
	cmd := exec.Command("go", args...) //nolint:gosec // the names are checked above
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the build: %w", err)
	}
	var err error
	built := make(chan struct{})
	go func() { err = cmd.Wait(); close(built) }()
	select {
	case <-built:
		if err != nil {
			return fmt.Errorf("the build failed (%w): mend what the lines above say", err)
		}
		return nil
	case <-signals:
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended, or got the terminal's signal itself
		<-built
		return errInterrupted
	}
}

// colored reports whether output is a terminal whose user wants colours
// (no-color.org).
func colored(output *os.File, lookup func(string) (string, bool)) bool {
	info, err := output.Stat()
	noColor, _ := lookup("NO_COLOR")
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && noColor == ""
}
