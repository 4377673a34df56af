package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// load is a kind of request that wrk sends.
type load struct {
	name   string
	script string // for wrk
	fresh  bool   // every token is new to the server
	status string // that every guarded server must answer: "2xx" or "401"
	wide   bool   // only for servers that accept several issuers and algorithms
	bound  bool   // only for servers that verify DPoP proofs

	// prepare writes the lines of script before each measurement; nil means that they stay.
	// Each proof is good for one request, and for a minute.
	prepare func(ctx context.Context, s *server, seconds int) error
}

// result is one measurement.
type result struct {
	requests int
	rate     float64 // requests a second
	p99      time.Duration
	errors   int // answers of 400 and above
}

// wrkScript is a script for wrk. Each line of its file is a value of Authorization, and one of DPoP
// after a tab, if there is one. Each of the two threads starts at another line.
const wrkScript = `
local tokens, proofs = {}, {}
for line in io.lines(%q) do
  tokens[#tokens + 1], proofs[#proofs + 1] = line:match("^([^\t]*)\t?(.*)$")
end
local threads, position = 0, 0
function setup(thread) thread:set("offset", threads) threads = threads + 1 end
function init(args) position = math.floor(offset * #tokens / 2) end
function request()
  position = position %% #tokens + 1
  local proof = proofs[position]
  if proof == "" then return wrk.format("GET", "/api/external", { ["Authorization"] = tokens[position] }) end
  return wrk.format("GET", "/api/external", { ["Authorization"] = tokens[position], ["DPoP"] = proof })
end
function done(summary, latency, requests)
  io.write(string.format("RESULT %%d %%d %%d %%d %%d\n", summary.requests, summary.duration, latency:percentile(99),
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
`

// prepareLoads writes the tokens and scripts of all loads to dir. The first issuer is the
// one that every server accepts.
func prepareLoads(dir string, issuers []*issuer, distinct int) ([]load, error) {
	var fresh [3][]string
	for i, method := range []jwt.SigningMethod{jwt.SigningMethodRS256, jwt.SigningMethodES256, jwt.SigningMethodEdDSA} {
		var err error
		if fresh[i], err = issuers[0].mint(method, distinct); err != nil {
			return nil, err
		}
	}
	var ofAll []string
	for _, iss := range issuers {
		one, err := iss.mint(jwt.SigningMethodRS256, 1)
		if err != nil {
			return nil, err
		}
		ofAll = append(ofAll, one...)
	}
	var loads []load
	for _, l := range []struct {
		load
		tokens []string
	}{
		{load{name: "One token, repeated", status: "2xx"}, fresh[0][:1]},
		{load{name: "A token of each of three issuers, repeated", status: "2xx", wide: true}, ofAll},
		{load{name: "Every token new", status: "2xx", fresh: true}, fresh[0]},
		{load{name: "Every token new, ES256", status: "2xx", wide: true}, fresh[1]},
		{load{name: "Every token new, EdDSA", status: "2xx", wide: true}, fresh[2]},
		{load{name: "Garbage instead of a token", status: "401"}, []string{"garbage"}},
	} {
		var err error
		if l.script, err = writeScript(dir, l.name); err != nil {
			return nil, err
		}
		if err := writeLines(l.script, l.tokens, "Bearer ", nil); err != nil {
			return nil, err
		}
		loads = append(loads, l.load)
	}
	bound, err := prepareBound(dir, issuers[0])
	return append(loads, bound...), err
}

// writeScript writes the script of the load called name. Its lines are still to be written.
func writeScript(dir, name string) (string, error) {
	script := filepath.Join(dir, strings.NewReplacer(" ", "-", ",", "").Replace(name)+".lua")
	return script, os.WriteFile(script, fmt.Appendf(nil, wrkScript, script+".txt"), 0o600)
}

// writeLines writes the file that script reads, with the proof of the same number, if there
// are any.
func writeLines(script string, tokens []string, scheme string, proofs []string) error {
	var text strings.Builder
	for i := range max(len(tokens), len(proofs)) {
		text.WriteString(scheme + tokens[i%len(tokens)])
		if len(proofs) > 0 {
			text.WriteString("\t" + proofs[i])
		}
		text.WriteByte('\n')
	}
	return os.WriteFile(script+".txt", []byte(text.String()), 0o600)
}

var resultLine = regexp.MustCompile(`RESULT (\d+) (\d+) (\d+) (\d+) (\d+)`)

// run sends l to s for some seconds. It fails if an answer is not the expected one.
func (l load) run(ctx context.Context, s *server, seconds int) (result, error) {
	if l.prepare != nil {
		if err := l.prepare(ctx, s, seconds); err != nil {
			return result{}, fmt.Errorf("%q for %s: %w", l.name, s.name, err)
		}
	}
	cmd := exec.CommandContext(ctx, "wrk", "-t2", "-c64", "-d", strconv.Itoa(seconds)+"s", "-s", l.script, "http://"+s.addr)
	out, err := cmd.CombinedOutput()
	m := resultLine.FindStringSubmatch(string(out))
	if err != nil || m == nil {
		return result{}, fmt.Errorf("wrk against %s: %w\n%s", s.name, err, out)
	}
	var n [5]int
	for i := range n {
		if n[i], err = strconv.Atoi(m[i+1]); err != nil {
			return result{}, err
		}
	}
	r := result{requests: n[0], rate: float64(n[0]) / (float64(n[1]) / 1e6), p99: time.Duration(n[2]) * time.Microsecond, errors: n[3]}
	want := 0
	if l.status == "401" && !s.open {
		want = r.requests
	}
	if r.errors != want || n[4] != 0 {
		return result{}, fmt.Errorf("%s under %q: %d of %d answers are errors, want %d; %d connections failed", s.name, l.name, r.errors, r.requests, want, n[4])
	}
	return r, nil
}
