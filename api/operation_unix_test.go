//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"calling-an-api.example/api/gate/gatetest"
)

// backend is one API behind the round robin of TestRollingRestart.
type backend struct {
	addr  string
	cmd   *exec.Cmd
	ready atomic.Bool // what the last probe found
}

// run starts the API and waits until it is ready.
func (b *backend) run(t *testing.T, issuer string) {
	t.Helper()
	b.cmd = command(t.Context(), "AUTH0_DOMAIN="+issuer, "API_ADDR="+b.addr)
	b.cmd.Args = append(b.cmd.Args, "--drain", "2s", "--log-level", "warn")
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); !b.ready.Load(); {
		if time.Now().After(deadline) {
			t.Fatal("never ready")
		}
		b.probe()
	}
}

// probe asks for the readiness, as a load balancer does.
func (b *backend) probe() {
	resp, err := http.Get("http://" + b.addr + "/readyz")
	if err == nil {
		_ = resp.Body.Close() // the status is all that matters
	}
	b.ready.Store(err == nil && resp.StatusCode == http.StatusOK)
}

// TestRollingRestart restarts two APIs one after the other, behind a round robin that probes
// their readiness. No request is lost: none of them is sent twice.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	token := iss.Mint(nil)
	backends := []*backend{{addr: freeAddr(t)}, {addr: freeAddr(t)}}
	for _, b := range backends {
		b.run(t, iss.URL)
		t.Cleanup(func() { _ = b.cmd.Process.Kill(); _ = b.cmd.Wait() }) // it may have ended already
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, b := range backends {
		wg.Go(func() {
			for tick := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; <-tick.C {
				b.probe()
			}
		})
	}
	var turn, sent atomic.Int64
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				b := backends[turn.Add(1)%2]
				if !b.ready.Load() {
					continue
				}
				if err := callOnce(client, b.addr, token); err != nil {
					t.Error(err)
				}
				sent.Add(1)
			}
		})
	}
	for _, b := range backends {
		before := sent.Load()
		if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := b.cmd.Wait(); err != nil {
			t.Errorf("ended with %v", err)
		}
		b.ready.Store(false)
		b.run(t, iss.URL)
		if sent.Load() == before {
			t.Error("no request was sent during a restart")
		}
	}
	cancel()
	wg.Wait()
	t.Logf("%d requests", sent.Load())
}

// callOnce calls the API. The body keeps the Transport from sending the request again.
func callOnce(client *http.Client, addr, token string) error {
	req, err := http.NewRequest(http.MethodGet, "http://"+addr+"/api/external", io.MultiReader(strings.NewReader("x")))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
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

// TestReloadsKeysOnHangup removes a key and sends SIGHUP.
func TestReloadsKeysOnHangup(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	cmd, url, log := start(t, "AUTH0_DOMAIN="+iss.URL)
	old := iss.Mint(nil)
	find(t, log, "keys are loaded")
	if status, body := get(t, url+"/api/external", old); status != http.StatusOK {
		t.Fatalf("got %d %s", status, body)
	}
	iss.Rotate()
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	find(t, log, "SIGHUP")
	for deadline := time.Now().Add(10 * time.Second); ; {
		status, _ := get(t, url+"/api/external", old)
		if status == http.StatusUnauthorized {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the token of the key that is gone: still %d", status)
		}
	}
	if status, body := get(t, url+"/api/external", iss.Mint(nil)); status != http.StatusOK {
		t.Errorf("the new key: got %d %s", status, body)
	}
}

// TestLogThatNobodyReads has a pipe that is full, or whose reader is gone. The API keeps serving.
func TestLogThatNobodyReads(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		gone bool
		held bool // a request is in flight when the API is told to stop, so that it ends with an error
	}{"full": {}, "closed": {gone: true}, "full, and a request is cut off": {held: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			iss := gatetest.New(t)
			reader, writer, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = reader.Close() })
			cmd := command(t.Context(), "AUTH0_DOMAIN="+iss.URL)
			cmd.Stderr = writer // a file, so that the process writes to the pipe itself
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) // it may have ended already
			if err := writer.Close(); err != nil {
				t.Fatal(err)
			}
			log := bufio.NewScanner(reader)
			line := find(t, log, `API listening on http://localhost:\d+`)
			url := line[strings.Index(line, "http://localhost"):]
			url = url[:strings.IndexAny(url, ` "`)]
			if tc.gone {
				if err := reader.Close(); err != nil {
					t.Fatal(err)
				}
			}
			path := "/" + strings.Repeat("x", 4000) // so that each line is long
			for range 700 {
				if status, _ := get(t, url+path, ""); status != http.StatusNotFound {
					t.Fatalf("got %d", status)
				}
			}
			if _, metrics := get(t, url+"/metrics", ""); strings.Contains(metrics, "api_log_lines_dropped_total 0\n") || !strings.Contains(metrics, "api_log_lines_dropped_total ") {
				t.Errorf("no line is counted as dropped")
			}
			if tc.held {
				conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				if _, err := io.WriteString(conn, "GET /api/public HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx"); err != nil {
					t.Fatal(err)
				}
				get(t, url+"/healthz", "") // by then the request is most likely read, and waits for its body
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			select {
			case err := <-ended:
				if err != nil && !tc.held {
					t.Errorf("ended with %v", err)
				}
			case <-time.After(20 * time.Second):
				t.Error("does not end")
			}
		})
	}
}

// TestTraces has a collector that takes OTLP.
func TestTraces(t *testing.T) {
	t.Parallel()
	spans := make(chan *tracepb.Span, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var request tracepb.TracesData // has the fields of an ExportTraceServiceRequest
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &request) != nil {
			t.Errorf("got a request for %s: %v", r.URL.Path, err)
		}
		for _, resource := range request.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				for _, span := range scope.GetSpans() {
					spans <- span
				}
			}
		}
	}))
	t.Cleanup(collector.Close)
	iss := gatetest.New(t)
	cmd, url, log := start(t, "AUTH0_DOMAIN="+iss.URL, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL)
	find(t, log, "keys are loaded")
	const trace = "0af7651916cd43dd8448eb211c80319c"
	token, secret := iss.Mint(nil), "auth0|test"
	for _, token := range []string{token, token, iss.Mint(gatetest.Claims{"exp": 1})} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/external", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // the status is in the span
		if line := find(t, log, "/api/external"); !strings.Contains(line, "trace_id="+trace) {
			t.Errorf("the log does not name the trace: %s", line)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), strings.Repeat("X", 500), url+"/"+strings.Repeat("y", 500), nil) // neither fills the spans
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()                                       // the status is in the span
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil { // it sends what it has
		t.Fatal(err)
	}
	var got strings.Builder
	for range 7 {
		select {
		case span := <-spans:
			fmt.Fprintf(&got, "%s %s", hex.EncodeToString(span.GetTraceId()), span.GetName())
			for _, a := range span.GetAttributes() {
				fmt.Fprintf(&got, " %s=%s%v%v", a.GetKey(), a.GetValue().GetStringValue(), a.GetValue().GetIntValue(), a.GetValue().GetBoolValue())
			}
			got.WriteString("\n")
		case <-time.After(10 * time.Second):
			t.Fatalf("too few spans:\n%s", &got)
		}
	}
	for want, n := range map[string]int{
		trace + " GET /api/external": 3, trace + " gate": 3, "http.response.status_code=200": 2, "http.response.status_code=401": 1,
		"gate.decision=accepted": 2, "gate.cached=0true": 1, "gate.decision=rejected": 1, "gate.reason=expired": 1,
		" _OTHER none http.request.method=_OTHER": 1, "url.path=/" + strings.Repeat("y", 255) + "0false": 1,
		"gate.issuer=" + iss.URL: 3, "gate.key_id=" + iss.KID(): 2,
	} {
		if strings.Count(got.String(), want) != n {
			t.Errorf("%q is not there %d times:\n%s", want, n, &got)
		}
	}
	for _, secret := range []string{token, token[:30], secret} {
		if strings.Contains(got.String(), secret) {
			t.Errorf("%q is in a span", secret)
		}
	}
}

// TestCollectorThatIsDown has no collector at the address. The API works, and says so once.
func TestCollectorThatIsDown(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	cmd, url, log := start(t, "AUTH0_DOMAIN="+iss.URL, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+freeAddr(t), "OTEL_BSP_SCHEDULE_DELAY=50",
		"OTEL_EXPORTER_OTLP_TIMEOUT=200")
	find(t, log, "keys are loaded")
	if status, body := get(t, url+"/api/external", iss.Mint(nil)); status != http.StatusOK {
		t.Errorf("got %d %s", status, body)
	}
	find(t, log, "spans that cannot be sent are dropped")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	find(t, log, "API stopped")
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
}
