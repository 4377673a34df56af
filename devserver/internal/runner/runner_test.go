//go:build unix

package runner_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"calling-an-api.example/devserver/internal/outputtest"
	"calling-an-api.example/devserver/internal/procs"
	"calling-an-api.example/devserver/internal/runner"
)

// TestMain lets this test binary be the processes that the runner runs.
func TestMain(m *testing.M) {
	if name := os.Getenv("RUNNER_TEST_PROCESS"); name != "" {
		os.Exit(serve(name))
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// serve is a process that answers what the runner asks until it gets a signal. What it
// does is in its source, the file of its name in its folder.
func serve(name string) int {
	source, err := os.ReadFile(filepath.Join(name, "main.go"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if strings.Contains(string(source), "crash") {
		return 7
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	addr := map[string]string{"api": os.Getenv("API_ADDR"), "devserver": os.Getenv("DEV_ADDR")}[name]
	srv := &http.Server{Addr: addr, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(string(source), "not ready") && r.URL.Path == "/readyz" {
			fmt.Println("asked too early")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if strings.HasSuffix(r.URL.Path, "status.json") {
			_, _ = fmt.Fprintf(w, `{"external": "http://%s/api/external"}`, os.Getenv("TARGET"))
		}
	})}
	fmt.Printf("%s runs %s, JWKS_REFRESH=%s\n", name, source, os.Getenv("JWKS_REFRESH"))
	go func() { _ = srv.ListenAndServe() }() // ends with the process
	<-ctx.Done()
	return 0
}

// tools build nothing: a source that contains "broken" does not compile, and any other
// becomes a script that runs this test binary.
type tools struct {
	dir     string
	started chan struct{} // closed by the first build; nil for nothing
	hold    bool          // the build lasts until it is canceled
}

func (t *tools) Build(ctx context.Context, output io.Writer, dir string, names ...string) error {
	if t.hold {
		close(t.started)
		<-ctx.Done()
		return ctx.Err()
	}
	for _, name := range names {
		source, err := os.ReadFile(filepath.Join(t.dir, name, "main.go"))
		if err != nil {
			return err
		}
		if strings.Contains(string(source), "broken") {
			_, _ = io.WriteString(output, name+"/main.go:1:1: it is broken")
			return errors.New("exit status 1")
		}
		script := fmt.Sprintf("#!/bin/sh\n# %s\nRUNNER_TEST_PROCESS=%s exec %s\n", source, name, os.Args[0])
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			return err
		}
	}
	return nil
}

func (t *tools) Install(context.Context) ([]byte, error)         { return nil, nil }
func (t *tools) Token(context.Context, []string) ([]byte, error) { return []byte("a-token\n"), nil }
func (t *tools) Open(_ context.Context, url string) error        { return errors.New("opened " + url) }

// running is a runner in a folder of its own.
type running struct {
	*testing.T
	dir     string
	env     []string
	out     *outputtest.Output
	keys    *io.PipeWriter
	signals chan os.Signal
	done    chan error
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

// prepare makes the folder of a runner; start starts it.
func prepare(t *testing.T) *running {
	t.Helper()
	api := freeAddr(t)
	r := &running{
		T: t, dir: t.TempDir(), out: outputtest.New(), signals: make(chan os.Signal, 2), done: make(chan error, 1),
		env: append(os.Environ(), "API_ADDR="+api, "DEV_ADDR="+freeAddr(t), "TENANT_ADDR="+freeAddr(t), "TARGET="+api),
	}
	for _, name := range []string{"go.work", "go.work.sum", "frontend/index.html", "frontend/package-lock.json", "proxy.conf.json"} {
		r.write(name, "")
	}
	r.write("api/main.go", "first")
	r.write("devserver/main.go", "first")
	return r
}

func (r *running) start(tools *tools) {
	r.Helper()
	tools.dir = r.dir
	var keys *io.PipeReader
	keys, r.keys = io.Pipe()
	go func() {
		r.done <- runner.Run(runner.Options{
			Dir: r.dir, Names: runner.Names, Environ: r.env, Signals: r.signals, Keys: keys, Output: r.out, Tools: tools,
		})
	}()
	r.Cleanup(func() { _ = r.keys.Close() })
}

// stop stops the runner and returns its error.
func (r *running) stop() error {
	r.signals <- syscall.SIGTERM
	return <-r.done
}

func (r *running) write(name, content string) {
	r.Helper()
	file := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		r.Fatal(err)
	}
}

func TestFollowsEdits(t *testing.T) {
	t.Parallel()
	r := prepare(t)
	r.start(&tools{})
	r.out.Await(t, `Ctrl\+C`) // the banner: both are ready
	if text := r.out.String(); !strings.Contains(text, "api       │ api runs first") || !strings.Contains(text, "ada@example.com") {
		t.Errorf("printed %s", text)
	}

	r.write("api/main.go", "second")
	r.out.Await(t, `api runs second`)
	r.write("api/main_test.go", "a test") // is no part of the binary

	r.write("api/main.go", "broken")
	r.out.Await(t, `building api\n.*api does not compile; the last successful build keeps running\n.*it is broken`)
	r.write("api/main.go", "third")
	r.out.Await(t, `api compiles again and is rebuilt in`)
	r.out.Await(t, `api runs third`)

	r.write("api/main.go", "crash")
	r.out.Await(t, `api ended by itself with code 7; the next edit`)
	r.write("devserver/main.go", "second") // restarts what has crashed too
	r.out.Await(t, `devserver runs second`)
	r.write("api/main.go", "fourth")
	r.out.Await(t, `api runs fourth`)

	if err := r.stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
	for text, want := range map[string]int{"api runs first": 1, "devserver runs first": 1, "Ctrl+C": 1} {
		if n := strings.Count(r.out.String(), text); n != want {
			t.Errorf("printed %q %d times, want %d", text, n, want)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	r := prepare(t)
	r.write(".env", "JWKS_REFRESH=6m\nTYPO=1\n")
	r.start(&tools{})
	r.out.Await(t, `\.env sets TYPO, which nothing reads`)
	r.out.Await(t, `Ctrl\+C`)
	r.out.Await(t, `api runs first, JWKS_REFRESH=6m`)
	r.write(".env", "JWKS_REFRESH=7m\nTYPO=1\n")
	r.out.Await(t, `\.env has changed, restarting api\n`)
	r.out.Await(t, `api runs first, JWKS_REFRESH=7m`)
	r.write(".env", "not a setting")
	r.out.Await(t, `\.env:1: .*; the processes keep the last valid settings`)
	if err := r.stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if n := strings.Count(r.out.String(), "devserver runs"); n != 1 {
		t.Errorf("the dev server was started %d times, want 1", n)
	}
}

// TestWaitsUntilReady has an API that is not ready at first.
func TestWaitsUntilReady(t *testing.T) {
	t.Parallel()
	r := prepare(t)
	r.write("api/main.go", "not ready")
	r.start(&tools{})
	r.out.Await(t, `(?s)asked too early.*asked too early`)
	if strings.Contains(r.out.String(), "Ctrl+C") {
		t.Error("the banner came before the API was ready")
	}
	r.write("api/main.go", "ready now")
	r.out.Await(t, `Ctrl\+C`)
	if err := r.stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	r := prepare(t)
	r.start(&tools{})
	r.out.Await(t, `Ctrl\+C`)
	for key, want := range map[string]string{
		"h": `t print a token`, "o": `opened http://localhost:\d+`, "i": `opened http://localhost:\d+/@dev/`, "t": `a-token`, "r": `(?s)restarting.*api runs first`,
	} {
		if _, err := io.WriteString(r.keys, key+"\n"); err != nil {
			t.Fatal(err)
		}
		r.out.Await(t, want)
	}
	if _, err := io.WriteString(r.keys, "q\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-r.done; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestAddressesThatDoNotFit(t *testing.T) {
	t.Parallel()
	r := prepare(t)
	r.env = append(r.env, "TARGET=localhost:1")
	r.start(&tools{})
	r.out.Await(t, `the API listens on localhost:\d+, but proxy.conf.json sends /api/external to localhost:1`)
	if err := r.stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestEndsBeforeItRuns(t *testing.T) {
	t.Parallel()
	t.Run("a signal", func(t *testing.T) {
		t.Parallel()
		r := prepare(t)
		building := &tools{started: make(chan struct{}), hold: true}
		r.start(building)
		<-building.started
		if err := r.stop(); !errors.Is(err, runner.ErrInterrupted) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a build that fails", func(t *testing.T) {
		t.Parallel()
		r := prepare(t)
		r.write("api/main.go", "broken")
		r.start(&tools{})
		if err := <-r.done; err == nil || !strings.Contains(r.out.String(), "it is broken") {
			t.Errorf("got %v, printed %s", err, r.out)
		}
	})
	t.Run("a process that ends", func(t *testing.T) {
		t.Parallel()
		r := prepare(t)
		r.write("api/main.go", "crash")
		r.start(&tools{})
		var exit *procs.ExitError
		if err := <-r.done; !errors.As(err, &exit) || exit.Name != "api" || exit.Code != 7 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a port in use", func(t *testing.T) {
		t.Parallel()
		r := prepare(t)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = ln.Close() }()
		r.env = append(r.env, "API_ADDR="+ln.Addr().String())
		r.start(&tools{})
		if err := <-r.done; err == nil || !strings.Contains(err.Error(), "API_ADDR=localhost:3002") {
			t.Errorf("got %v", err)
		}
	})
}
