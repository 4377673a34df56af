package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// load is what wrk sends.
type load struct {
	name, path  string
	connections int
}

// result is one measurement.
type result struct {
	rate float64 // requests a second
	p99  time.Duration
}

// report is a wrk script that prints what a program can read.
const report = `
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(99),
    e.status + e.connect + e.read + e.write + e.timeout))
end
`

var resultLine = regexp.MustCompile(`RESULT (\d+) (\d+) (\d+) (\d+)`)

// run sends l to s for some seconds. It fails if a request does.
func (l load) run(ctx context.Context, s *server, seconds int) (result, error) {
	script := filepath.Join(s.dir, "report.lua")
	if err := os.WriteFile(script, []byte(report), 0o600); err != nil {
		return result{}, err
	}
	cmd := exec.CommandContext(ctx, "wrk", "-t1", "-c", strconv.Itoa(l.connections), "-d", strconv.Itoa(seconds)+"s", "-s", script, s.url+l.path)
	out, err := cmd.CombinedOutput()
	m := resultLine.FindStringSubmatch(string(out))
	if err != nil || m == nil {
		return result{}, fmt.Errorf("wrk against %s: %w\n%s", s.name, err, out)
	}
	var n [4]float64
	for i := range n {
		if n[i], err = strconv.ParseFloat(m[i+1], 64); err != nil {
			return result{}, err
		}
	}
	if n[3] != 0 {
		return result{}, fmt.Errorf("%s under %q: %.0f of %.0f requests failed", s.name, l.name, n[3], n[0])
	}
	return result{n[0] / (n[1] / 1e6), time.Duration(n[2]) * time.Microsecond}, nil
}

// readEvents reads the upstream's events through s.
func readEvents(ctx context.Context, s *server) (latencies []time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/events", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if sent, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			nanoseconds, err := strconv.ParseInt(sent, 10, 64)
			if err != nil {
				return nil, err
			}
			latencies = append(latencies, time.Since(time.Unix(0, nanoseconds)))
		}
	}
	return latencies, lines.Err()
}

// serveUpstream is what all proxies stand before.
func serveUpstream(addr string) error {
	large := []byte(strings.Repeat("0123456789abcdef", 1<<16))
	mux := http.NewServeMux()
	small := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"msg":"Your access token was successfully validated!"}`))
	}
	mux.HandleFunc("/api/json", small)
	mux.HandleFunc("/api/public", small) // which the page asks for
	mux.HandleFunc("/api/large", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(len(large)))
		_, _ = w.Write(large)
	})
	mux.HandleFunc("/api/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for range 50 {
			select {
			case now := <-tick.C:
				_, _ = fmt.Fprintf(w, "data: %d\n\n", now.UnixNano())
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	server := http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}
