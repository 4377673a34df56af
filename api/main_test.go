package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/api/gate/gatetest"
)

// TestMain lets this test binary be the real command: with BE_API set it runs
// main, flags, signals, exit code and all.
func TestMain(m *testing.M) {
	if os.Getenv("BE_API") != "" {
		main()
		return
	}
	os.Exit(runTests(m))
}

// runTests makes a folder for the coverage data of the commands, which would otherwise
// print a warning. The data is not used.
func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "api-coverage-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	coverage = "GOCOVERDIR=" + dir
	return m.Run()
}

var coverage string // environment variable; set before the tests run

func command(ctx context.Context, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append([]string{"BE_API=1", coverage, "API_ADDR=localhost:0", "AUTH0_AUDIENCE=" + gatetest.Audience}, env...)
	return cmd
}

// start runs the command until the test ends and returns its URL and its log.
func start(t *testing.T, env ...string) (cmd *exec.Cmd, url string, log *bufio.Scanner) {
	t.Helper()
	cmd = command(t.Context(), env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) // it may have ended already
	log = bufio.NewScanner(stderr)
	line := find(t, log, `API listening on http://localhost:\d+`)
	return cmd, regexp.MustCompile(`http://localhost:\d+`).FindString(line), log
}

// find returns the next line of log that pattern matches.
func find(t *testing.T, log *bufio.Scanner, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var seen []string
	for log.Scan() {
		if re.MatchString(log.Text()) {
			return log.Text()
		}
		seen = append(seen, log.Text())
	}
	t.Fatalf("the log never says %q:\n%s", pattern, strings.Join(seen, "\n"))
	return ""
}

func get(t *testing.T, url, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestStartsBeforeItsIssuer(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil { // nothing listens there for now
		t.Fatal(err)
	}
	iss := gatetest.Unstarted("http://" + addr + "/")
	_, url, log := start(t, "AUTH0_DOMAIN=http://"+addr)
	if status, body := get(t, url+"/api/external", iss.Mint(nil)); status != http.StatusServiceUnavailable {
		t.Fatalf("without keys: got %d %s", status, body)
	}
	find(t, log, `cannot reach the issuer`)

	if ln, err = net.Listen("tcp", addr); err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: iss, ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(ln) }() // ends with Close
	t.Cleanup(func() { _ = srv.Close() })
	find(t, log, `keys are loaded`)
	if status, body := get(t, url+"/api/external", iss.Mint(nil)); status != http.StatusOK {
		t.Errorf("with keys: got %d %s", status, body)
	}
}

// TestCertificateAuthority has an issuer whose certificate the system does not trust.
func TestCertificateAuthority(t *testing.T) {
	t.Parallel()
	iss := gatetest.Unstarted("")
	srv := httptest.NewTLSServer(iss)
	t.Cleanup(srv.Close)
	iss.URL = srv.URL + "/"
	_, _, log := start(t, "AUTH0_DOMAIN="+srv.URL)
	find(t, log, `cannot reach the issuer.*certificate`)

	file := filepath.Join(t.TempDir(), "ca.pem")
	content := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	_, url, log := start(t, "AUTH0_DOMAIN="+srv.URL, "API_CA_FILE="+file)
	find(t, log, `keys are loaded`)
	if status, body := get(t, url+"/api/external", iss.Mint(nil)); status != http.StatusOK {
		t.Errorf("got %d %s", status, body)
	}
}

// TestBundledRoots has a system without any certificate authority. A child has it, because a
// process reads the system's once.
func TestBundledRoots(t *testing.T) {
	t.Parallel()
	if os.Getenv("SSL_CERT_FILE") == "/none" {
		srv := httptest.NewTLSServer(http.NotFoundHandler())
		defer srv.Close()
		own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
		pool, err := authorities(own)
		all, bundledErr := bundled()
		if err = errors.Join(err, bundledErr); err != nil {
			t.Fatal(err)
		}
		if all.AddCert(srv.Certificate()); !pool.Equal(all) {
			t.Error("with a file, Mozilla's authorities or the file's are missing")
		}
		if system, err := x509.SystemCertPool(); err != nil || system.Equal(x509.NewCertPool()) || system.Equal(all) {
			t.Errorf("without a file, other authorities are trusted than Mozilla's, %v", err)
		}
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBundledRoots$", "-test.count=1")
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE=/none", "SSL_CERT_DIR=/none")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestHealth asks an API that is ready, one that is not, and one that does not run.
func TestHealth(t *testing.T) {
	t.Parallel()
	_, url, log := start(t, "AUTH0_DOMAIN="+gatetest.New(t).URL)
	find(t, log, `keys are loaded`)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	_, without, log := start(t, "AUTH0_DOMAIN=http://localhost:1")
	find(t, log, `cannot reach the issuer`)
	for addr, want := range map[string]string{"localhost:" + port: "", ":" + port: "", "0.0.0.0:" + port: "", "localhost:1": "does not respond", strings.TrimPrefix(without, "http://"): "not ready"} {
		cmd := command(t.Context(), "API_ADDR="+addr)
		cmd.Args = append(cmd.Args, "--health")
		out, err := cmd.CombinedOutput()
		if (err == nil) != (want == "") || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v: %s", addr, err, out)
		}
	}
}

func TestListensOnBothLoopbackAddresses(t *testing.T) {
	t.Parallel()
	_, url, _ := start(t, "AUTH0_DOMAIN="+gatetest.New(t).URL)
	_, port, _ := strings.Cut(strings.TrimPrefix(url, "http://"), ":")
	hosts := []string{"127.0.0.1"}
	if ln, err := net.Listen("tcp", "[::1]:0"); err == nil { // the machine has IPv6
		_ = ln.Close()
		hosts = append(hosts, "[::1]")
	}
	for _, host := range hosts {
		if status, _ := get(t, "http://"+host+":"+port+"/healthz", ""); status != http.StatusOK {
			t.Errorf("%s: got %d", host, status)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string][]string{
		"--help":    {"/api/external", "read:messages", "/metrics", "API_ADDR"},
		"--version": {"api ", runtime.Version()},
	} {
		cmd := command(t.Context())
		cmd.Args = append(cmd.Args, flag)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: ended with %v", flag, err)
		}
		for _, text := range want {
			if !strings.Contains(string(out), text) {
				t.Errorf("%s: %q is not in the output:\n%s", flag, text, out)
			}
		}
	}
}

func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = busy.Close() })
	_, port, _ := net.SplitHostPort(busy.Addr().String())
	for name, tc := range map[string]struct{ env, want string }{
		"no domain":   {"AUTH0_DOMAIN=", "AUTH0_DOMAIN is empty"},
		"no audience": {"AUTH0_AUDIENCE=", "AUTH0_AUDIENCE is empty"},
		"placeholder": {"AUTH0_DOMAIN=YOUR_DOMAIN", "AUTH0_DOMAIN"},
		"collector":   {"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318", "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"busy port":   {"API_ADDR=localhost:" + port, "port " + port + " is in use"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := command(t.Context(), tc.env).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Fatalf("ended with %v", err)
			}
			if got := string(out); strings.Count(got, "\n") != 1 || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want one line that says %q", got, tc.want)
			}
		})
	}
}
