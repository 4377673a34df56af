package e2e

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/localnet"
)

// output1 runs a command to its end and returns what it prints on stdout.
func output1(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, name), args...)
	cmd.Dir = dir
	cmd.Env = append(machine(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, stderr.String())
	}
	return string(out)
}

// nextPort is the offset of the port that freePorts tries next.
var nextPort atomic.Int64

// freePorts returns n ports that nothing listens on, for programs that have to know each
// other's before they start, or are started again on the same one. They are below those
// that the system gives to listeners and connections of other tests, which could take one
// before the test does.
func freePorts(t *testing.T, n int) (ports []string) {
	t.Helper()
	const lowest, count = 20000, 12000
	for len(ports) < n {
		port := strconv.Itoa(lowest + int(nextPort.Add(1)+int64(os.Getpid())*37)%count)
		lns, err := localnet.Listen(t.Context(), "localhost:"+port)
		if err != nil {
			continue // in use
		}
		localnet.Close(lns)
		ports = append(ports, port)
	}
	return ports
}

// devEnv is the environment of a `make dev` on free ports of its own.
type devEnv struct {
	page, api, tenant string // "localhost:port"
	env               []string
}

func newDevEnv(t *testing.T) devEnv {
	t.Helper()
	ports := freePorts(t, 3)
	d := devEnv{page: "localhost:" + ports[0], api: "localhost:" + ports[1], tenant: "localhost:" + ports[2]}
	d.env = []string{"DEV_ADDR=" + d.page, "API_ADDR=" + d.api, "TENANT_ADDR=" + d.tenant}
	return d
}

// listening returns those of d's ports on which a program listens.
func (d devEnv) listening() (ports []string) {
	for _, addr := range []string{d.page, d.api, d.tenant} {
		if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			_ = conn.Close()
			ports = append(ports, addr)
		}
	}
	return ports
}

// waitFor returns how cmd ended and how long that took, or fails after limit.
func waitFor(t *testing.T, cmd *exec.Cmd, limit time.Duration) (code int, took time.Duration) {
	t.Helper()
	start := time.Now()
	kill := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // the state says it all
	if !kill.Stop() {
		t.Fatalf("still running after %v", limit)
	}
	return cmd.ProcessState.ExitCode(), time.Since(start)
}

func TestMakeDevRunsAndStops(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"Ctrl+C": syscall.SIGINT, "kill": syscall.SIGTERM, "closed terminal": syscall.SIGHUP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDevEnv(t)
			cmd, out := start(t, repo, filepath.Join(bin, "dev"), d.env)
			banner := out.Await(t, `(?s)\n  Page .*Ctrl\+C`)
			for _, want := range []string{
				"http://" + d.page, "http://" + d.api, "http://" + d.tenant, "ada@example.com", "ada-local",
				`curl -H "Authorization: Bearer $(TENANT_ADDR=` + d.tenant + ` make -s token)" http://` + d.api + "/api/external",
			} {
				if !strings.Contains(banner, want) {
					t.Errorf("the banner does not say %s:\n%s", want, banner)
				}
			}
			out.Await(t, "keys are loaded")
			out.Await(t, "the API listens on "+d.api+", but proxy.conf.json sends /api/external to localhost:3001")
			token := strings.TrimSpace(output1(t, repo, d.env, "token"))
			if status, _, body := get(t, "http://"+d.api+"/api/external", "Authorization: Bearer "+token); status != 200 {
				t.Errorf("with make token's token: %d %s", status, body)
			}
			adas := strings.TrimSpace(output1(t, repo, d.env, "token", "--user", "ada@example.com"))
			if status, _, body := get(t, "http://"+d.api+"/api/private-scoped", "Authorization: Bearer "+adas); status != 200 {
				t.Errorf("with a user's token: %d %s", status, body)
			}
			for flags, want := range map[string]int{"--user charles@example.com": 403, "--user ada@example.com --scope openid": 200, "--expired": 401, "--audience https://x": 401} {
				token := strings.TrimSpace(output1(t, repo, d.env, "token", strings.Fields(flags)...))
				if status, _, body := get(t, "http://"+d.api+"/api/private-scoped", "Authorization: Bearer "+token); status != want {
					t.Errorf("%s: %d %s, want %d", flags, status, body, want)
				}
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if code, took := waitFor(t, cmd, 10*time.Second); code != 0 || took > 5*time.Second {
				t.Errorf("ended with %d after %v", code, took)
			}
			if left := d.listening(); left != nil {
				t.Errorf("still listening: %v", left)
			}
		})
	}
}

func TestCrashStopsTheOther(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"api", "devserver"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDevEnv(t)
			cmd, out := start(t, repo, filepath.Join(bin, "dev"), d.env)
			out.Await(t, `Ctrl\+C`)
			children, err := exec.Command("pgrep", "-P", strconv.Itoa(cmd.Process.Pid), "-f", "bin/"+name).Output()
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(children)))
			if err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if code, _ := waitFor(t, cmd, 10*time.Second); code != 128+9 {
				t.Errorf("ended with %d, want the crash's 137", code)
			}
			if left := d.listening(); left != nil {
				t.Errorf("still listening: %v", left)
			}
			out.Await(t, "dev: "+name+" ended by itself with code 137")
		})
	}
}

// TestBannerOverHTTPS runs make dev over https, and the banner's command with its settings alone.
func TestBannerOverHTTPS(t *testing.T) {
	t.Parallel()
	d := newDevEnv(t)
	_, out := start(t, repo, filepath.Join(bin, "dev"), append(d.env, "DEV_HTTPS=true", "TENANT_STATE="+t.TempDir()))
	settings := strings.Fields(out.Await(t, `Bearer \$\((.*) make -s token\)`))
	if len(settings) != 3 {
		t.Fatalf("the banner's command has the settings %q", settings)
	}
	if token := strings.TrimSpace(output1(t, repo, settings, "token")); strings.Count(token, ".") != 2 {
		t.Errorf("got %s", token)
	}
	out.Await(t, `NODE_EXTRA_CA_CERTS=`)
}

// TestKilledRunnerLeavesNothing kills the runner outright, so that it can tell its
// children nothing. Only Linux does it for us.
func TestKilledRunnerLeavesNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the children live on where the system is not Linux")
	}
	t.Parallel()
	d := newDevEnv(t)
	cmd, out := start(t, repo, filepath.Join(bin, "dev"), d.env)
	out.Await(t, `Ctrl\+C`)
	all := below(t, strconv.Itoa(cmd.Process.Pid))
	if len(all) < 3 { // the API, the dev server and the type checker
		t.Fatalf("only %v run", all)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for d.listening() != nil || alive(t, all) != nil {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still listening: %v; still running: %v", d.listening(), alive(t, all))
		}
	}
}

// below returns the processes that pid started, and those that they did, once the
// type checker is one of them.
func below(t *testing.T, pid string) []string {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		out, err := exec.Command("ps", "-e", "-o", "pid=,ppid=,args=").Output()
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		checker := false
		for _, parents := 0, []string{pid}; len(parents) > 0; {
			parent := parents[0]
			parents = parents[1:]
			for line := range strings.Lines(string(out)) {
				if f := strings.Fields(line); f[1] == parent {
					all, parents = append(all, f[0]), append(parents, f[0])
					checker = checker || strings.Contains(line, "tsc")
				}
			}
		}
		if checker || time.Now().After(deadline) {
			return all
		}
	}
}

// alive returns which of the processes are.
func alive(t *testing.T, pids []string) (left []string) {
	t.Helper()
	for _, pid := range pids {
		state, err := exec.Command("ps", "-o", "stat=", "-p", pid).Output()
		if err == nil && !strings.HasPrefix(string(state), "Z") { // its parent may not have reaped it
			left = append(left, pid)
		}
	}
	return left
}

// TestStoppedWhileBuilding stops the runner before anything runs.
func TestStoppedWhileBuilding(t *testing.T) {
	t.Parallel()
	slow := t.TempDir() // a go command that takes its time
	if err := os.WriteFile(filepath.Join(slow, "go"), []byte("#!/bin/sh\necho building\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	d := newDevEnv(t)
	cmd, out := start(t, repo, filepath.Join(bin, "dev"), append(d.env, "PATH="+slow+":"+os.Getenv("PATH")))
	out.Await(t, "(?m)^building")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, took := waitFor(t, cmd, 10*time.Second); code != 1 || took > 3*time.Second {
		t.Errorf("ended with %d after %v", code, took)
	}
	if text := out.String(); !strings.HasSuffix(text, "\nbuilding\n") || strings.Count(text, "\n") != 2 {
		t.Errorf("it said:\n%s", text)
	}
}

func TestBusyPort(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = busy.Close() })
	port := strconv.Itoa(busy.Addr().(*net.TCPAddr).Port)
	for _, variable := range []string{"DEV_ADDR", "API_ADDR", "TENANT_ADDR"} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			cmd, out := start(t, repo, filepath.Join(bin, "dev"), append(newDevEnv(t).env, variable+"=localhost:"+port))
			code, _ := waitFor(t, cmd, 10*time.Second)
			text := out.String()
			if code == 0 || strings.Count(text, "\n") != 1 || !strings.Contains(text, port) || !strings.Contains(text, variable+"=") {
				t.Errorf("ended with %d and said:\n%s", code, text)
			}
		})
	}
}

func TestAnotherTenant(t *testing.T) {
	t.Parallel()
	d := newDevEnv(t)
	env := append(d.env, "AUTH0_DOMAIN=example.invalid", "AUTH0_CLIENT_ID=abc")
	_, out := start(t, repo, filepath.Join(bin, "dev"), env)
	banner := out.Await(t, `(?s)\n  Page .*Ctrl\+C`)
	if !strings.Contains(banner, "https://example.invalid") || strings.Contains(banner, "ada@example.com") {
		t.Errorf("the banner speaks of the wrong tenant:\n%s", banner)
	}
	out.Await(t, "cannot reach the issuer")
	if conn, err := net.DialTimeout("tcp", d.tenant, time.Second); err == nil {
		_ = conn.Close()
		t.Error("the local tenant listens although another is in use")
	}
	if status, _, _ := get(t, "http://"+d.api+"/api/external", "Authorization: Bearer a.b.c"); status != 401 { // what no key could make good
		t.Errorf("garbage: %d", status)
	}
	token := "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwczovL2V4YW1wbGUuaW52YWxpZC8iLCJzdWIiOiJ4In0.AAAA"
	if status, header, _ := get(t, "http://"+d.api+"/api/external", "Authorization: Bearer "+token); status != 503 || header.Get("Retry-After") == "" {
		t.Errorf("a token of the issuer, which can't be checked: %d, Retry-After %q", status, header.Get("Retry-After"))
	}
	if _, _, body := get(t, "http://"+d.page+"/auth_config.json"); !strings.Contains(body, `"domain":"https://example.invalid","clientId":"abc"`) {
		t.Errorf("the page is told %s", body)
	}
}

func TestCommandsRefuse(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for name, tc := range map[string]struct {
		dir, command string
		args, env    []string
		want         string
	}{
		"dev elsewhere":              {empty, "dev", nil, nil, "top folder"},
		"dev with a wrong argument":  {repo, "dev", []string{"apI"}, nil, "apI"},
		"dev without a client":       {repo, "dev", nil, []string{"AUTH0_DOMAIN=acme.auth0.com"}, "AUTH0_CLIENT_ID"},
		"devserver on the network":   {repo, "devserver", []string{"--addr", "0.0.0.0:0"}, nil, "--addr"},
		"devserver with no frontend": {empty, "devserver", []string{"--addr", "localhost:0", "--tenant-addr", "localhost:0"}, nil, "--frontend"},
		"devserver with no rules": {
			repo, "devserver", []string{"--addr", "localhost:0", "--tenant-addr", "localhost:0", "--proxy-config", "none.json"}, nil, "none.json",
		},
		"token without a tenant": {empty, "token", nil, []string{"TENANT_ADDR=localhost:1"}, "make dev"},
		"token without a secret": {empty, "token", nil, []string{"AUTH0_DOMAIN=acme.auth0.com", "AUTH0_CLIENT_ID=x"}, "TOKEN_CLIENT_SECRET"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd, out := start(t, tc.dir, filepath.Join(bin, tc.command), tc.env, tc.args...)
			code, _ := waitFor(t, cmd, 10*time.Second)
			if text := out.String(); code != 1 || strings.Count(text, "\n") != 1 || !strings.Contains(text, tc.want) {
				t.Errorf("ended with %d and said:\n%s", code, text)
			}
		})
	}
}
