//go:build unix

package procs_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"calling-an-api.example/devserver/internal/outputtest"
	"calling-an-api.example/devserver/internal/procs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a process that runs a shell script and is ready once it has printed "up".
type script struct{ name, text string }

func sh(name, text string) script { return script{name, text} }

// on returns the process, whose output goes to printed.
func (s script) on(printed *outputtest.Output) procs.Process {
	return procs.Process{
		Name: s.name, Path: "/bin/sh", Args: []string{"-c", s.text}, Env: os.Environ(),
		Ready: func(ctx context.Context) error {
			return printed.Wait(ctx, `(?m)^(\x1b\[\d+m)?`+s.name+` *│ (\x1b\[0m)?up$`)
		},
	}
}

const (
	obedient  = `trap 'kill $!; exit 0' TERM INT; echo up; sleep 60 & wait`
	obstinate = `trap '' TERM INT; echo up; while :; do sleep 1; done`
	deepChild = `sh -c 'trap "" TERM INT; echo child $$; echo up; exec sleep 60' & wait`
)

// run runs processes and sends sigs one after the other once all are ready. It
// returns what was printed, how long all took from then, and Run's result.
func run(t *testing.T, sigs []os.Signal, scripts ...script) (out string, took time.Duration, err error) {
	t.Helper()
	printed := outputtest.New()
	var processes []procs.Process
	for _, s := range scripts {
		processes = append(processes, s.on(printed))
	}
	var from time.Time
	signals := make(chan os.Signal, len(sigs))
	err = procs.Run(procs.Events{Signals: signals, Ready: func() {
		from = time.Now()
		for _, sig := range sigs {
			signals <- sig
		}
	}}, procs.NewOutput(printed, false, 3), processes...)
	return printed.String(), time.Since(from), err
}

func TestSignalStopsAll(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		out, took, err := run(t, []os.Signal{sig}, sh("a", obedient), sh("bcd", obedient))
		if err != nil || took > 3*time.Second {
			t.Errorf("%v: %v after %v", sig, err, took)
		}
		if !strings.Contains(out, "a   │ up\n") || !strings.Contains(out, "bcd │ up\n") {
			t.Errorf("printed %q", out)
		}
	}
}

func TestEndOfOneStopsTheOthers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		script string
		code   int
	}{
		"with a code":    {"echo up; exit 3", 3},
		"with success":   {"echo up", 0},
		"by a signal":    {"echo up; kill -KILL $$", 128 + 9},
		"before the end": {"printf 'no newline'; exit 4", 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, _, err := run(t, nil, sh("a", obedient), sh("b", tc.script))
			var exit *procs.ExitError
			if !errors.As(err, &exit) || exit.Name != "b" || exit.Code != tc.code {
				t.Errorf("got %v, want b's code %d", err, tc.code)
			}
			if strings.Contains(tc.script, "no newline") && !strings.Contains(out, "b   │ no newline\n") {
				t.Errorf("the last line is lost: %q", out)
			}
		})
	}
}

func TestSecondSignalKills(t *testing.T) {
	t.Parallel()
	_, took, err := run(t, []os.Signal{syscall.SIGINT, syscall.SIGINT}, sh("a", obstinate))
	if err != nil || took > 3*time.Second {
		t.Errorf("%v after %v", err, took)
	}
}

func TestObstinateProcessIsKilledInTime(t *testing.T) {
	t.Parallel()
	_, took, err := run(t, []os.Signal{syscall.SIGTERM}, sh("a", obstinate))
	if err != nil || took > 5*time.Second {
		t.Errorf("%v after %v, want less than 5s", err, took)
	}
}

func TestNoOrphans(t *testing.T) {
	t.Parallel()
	out, _, _ := run(t, []os.Signal{syscall.SIGTERM}, sh("a", deepChild))
	m := regexp.MustCompile(`child (\d+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("printed %q", out)
	}
	pid, _ := strconv.Atoi(m[1])
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) { // only init reaps it, at some time
		if state, err := exec.Command("ps", "-o", "stat=", "-p", m[1]).Output(); err == nil && strings.HasPrefix(string(state), "Z") {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("process %d is still there", pid)
		}
	}
}

// TestOthersMayFinish ends one process and looks how the other is asked to stop.
func TestOthersMayFinish(t *testing.T) {
	t.Parallel()
	ready := filepath.Join(t.TempDir(), "ready") // to be asked
	out, _, _ := run(t, nil,
		sh("a", `trap 'echo asked; kill $!; exit 0' TERM; sleep 60 & touch `+ready+`; echo up; wait`),
		sh("b", `until [ -e `+ready+` ]; do sleep 0.01; done; echo up; exit 3`))
	if !strings.Contains(out, "a   │ asked\n") {
		t.Errorf("the other was not asked, but killed: %q", out)
	}
}

// TestRestart replaces one process while another continues.
func TestRestart(t *testing.T) {
	t.Parallel()
	for name, old := range map[string]string{
		"obedient":  `trap 'until [ -e "$RELEASED" ]; do sleep 0.01; done; kill $!; exit 0' TERM INT; echo up; sleep 60 & wait`,
		"obstinate": obstinate,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			released := filepath.Join(t.TempDir(), "released")
			out := outputtest.New()
			signals, restarts := make(chan os.Signal), make(chan procs.Process)
			done := make(chan error, 1)
			go func() {
				done <- procs.Run(procs.Events{Signals: signals, Restarts: restarts}, procs.NewOutput(out, false, 1),
					sh("a", "RELEASED="+released+"; "+old).on(out), sh("b", obedient).on(out))
			}()
			out.Await(t, "a │ up")
			restarts <- sh("a", "echo skipped").on(out)
			restarts <- sh("a", "echo second; "+obedient).on(out) // before the first could start
			if err := os.WriteFile(released, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			out.Await(t, "(?s)a │ second.*a │ up")
			if strings.Contains(out.String(), "skipped") {
				t.Error("one that was replaced at once ran")
			}
			signals <- syscall.SIGTERM
			if err := <-done; err != nil {
				t.Errorf("ended with %v", err)
			}
			if n := strings.Count(out.String(), "b │ up"); n != 1 {
				t.Errorf("the other was started %d times", n)
			}
		})
	}
}

// TestFailedRestartIsSurvived replaces a process by one that ends at once, and that by
// another.
func TestFailedRestartIsSurvived(t *testing.T) {
	t.Parallel()
	out := outputtest.New()
	signals, restarts, down := make(chan os.Signal), make(chan procs.Process), make(chan int, 1)
	done := make(chan error, 1)
	go func() {
		done <- procs.Run(procs.Events{Signals: signals, Restarts: restarts, Down: func(e *procs.ExitError) { down <- e.Code }},
			procs.NewOutput(out, false, 1), sh("a", obedient).on(out), sh("b", obedient).on(out))
	}()
	out.Await(t, "(?s)│ up.*│ up")
	restarts <- sh("a", "echo broken; exit 7").on(out)
	if code := <-down; code != 7 {
		t.Errorf("ended with %d", code)
	}
	restarts <- sh("a", "echo fixed; "+obedient).on(out)
	out.Await(t, "(?s)a │ fixed.*a │ up")
	restarts <- sh("a", "exit 8").on(out)
	restarts <- sh("b", "exit 9").on(out)
	<-down
	<-down // nothing runs, but Run waits for the next restart
	signals <- syscall.SIGTERM
	if err := <-done; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestRestartFails(t *testing.T) {
	t.Parallel()
	out := outputtest.New()
	restarts := make(chan procs.Process, 1)
	restarts <- procs.Process{Name: "a", Path: "/nonexistent"}
	err := procs.Run(procs.Events{Restarts: restarts}, procs.NewOutput(out, false, 1), sh("a", obedient).on(out), sh("b", obedient).on(out))
	if err == nil || !strings.Contains(out.String(), "/nonexistent") {
		t.Errorf("%v, %s", err, out)
	}
}

// closedPipe is a terminal that is gone.
type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestStopsWhenNobodyReads(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	out := outputtest.New()
	err := procs.Run(procs.Events{}, procs.NewOutput(closedPipe{}, false, 1), sh("a", obedient).on(out), sh("b", obedient).on(out))
	if took := time.Since(begin); err != nil || took > 3*time.Second {
		t.Errorf("%v after %v", err, took)
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	out := outputtest.New()
	err := procs.Run(procs.Events{}, procs.NewOutput(out, false, 1), sh("a", obedient).on(out), procs.Process{Name: "b", Path: "/nonexistent"})
	if err == nil || !strings.Contains(err.Error(), "b") {
		t.Errorf("got %v", err)
	}
}

func TestLongLinesAndColours(t *testing.T) {
	t.Parallel()
	out := outputtest.New()
	err := procs.Run(procs.Events{}, procs.NewOutput(out, true, 1), sh("a", `head -c 70000 /dev/zero | tr '\0' x; echo; echo up`).on(out))
	if err == nil {
		t.Error("no ExitError")
	}
	if n := strings.Count(out.String(), "x"); n != 70000 {
		t.Errorf("%d of 70000 bytes arrive", n)
	}
	if !strings.Contains(out.String(), "\x1b[36ma │ \x1b[0mup\n") {
		t.Errorf("no color in %q", out.String()[len(out.String())-60:])
	}
}
