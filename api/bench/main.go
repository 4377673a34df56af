// Command bench measures the API against its peers on this machine, end to end: real
// processes, real connections and a load generator. It prints tables in Markdown. It is
// a module of its own, so that the peers are not dependencies of the API.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "serve" { // this binary is the Go peers too
		if err := servePeer(os.Args[2], os.Args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench serve:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	seconds := flag.Int("seconds", 4, "length of one measurement, in seconds")
	rounds := flag.Int("rounds", 3, "measurements of each server, one after the other; the median is reported")
	distinct := flag.Int("tokens", 100_000, "distinct tokens, more than the API remembers")
	loadPattern := flag.String("load", ".", "regular expression of the loads to measure")
	serverPattern := flag.String("server", ".", "regular expression of the servers to measure in addition to the bare one")
	scale := flag.Bool("scale", false, "measure several processes behind nginx, and the shared store of used proofs, only")
	differential := flag.Bool("differential", false, "instead, record what the peers answer to the tokens of package tokencases")
	flag.Parse()
	if *differential {
		return recordAnswers(ctx)
	}
	wantLoad, err := regexp.Compile(*loadPattern)
	if err != nil {
		return fmt.Errorf("-load: %w", err)
	}
	wantServer, err := regexp.Compile(*serverPattern)
	if err != nil {
		return fmt.Errorf("-server: %w", err)
	}
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("wrk, the load generator, is not installed (Debian: apt-get install wrk)")
	}
	dir, err := os.MkdirTemp("", "api-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder of temporary files

	var issuers []*issuer
	for range 3 {
		iss, err := startIssuer()
		if err != nil {
			return err
		}
		issuers = append(issuers, iss)
	}
	fmt.Fprintf(os.Stderr, "signing %d tokens…\n", *distinct)
	loads, err := prepareLoads(dir, issuers, *distinct)
	if err != nil {
		return err
	}
	if *scale {
		return measureScale(ctx, dir, issuers[0], loads, *seconds, *rounds)
	}
	servers, err := prepareServers(ctx, dir, issuers)
	if err != nil {
		return err
	}
	defer func() { stopAll(servers) }()

	fmt.Printf("%s, %d s each, median of %d rounds, 64 connections\n", machine(), *seconds, *rounds)
	measured := slices.DeleteFunc(slices.Clone(servers), func(s *server) bool { return !s.open && !wantServer.MatchString(s.name) })
	measureAll := func(bound bool) error {
		for _, l := range loads {
			if l.bound != bound || !wantLoad.MatchString(l.name) {
				continue
			}
			able := slices.DeleteFunc(slices.Clone(measured), func(s *server) bool { return !s.takes(l) })
			if err := measure(ctx, l, able, "of bare", *seconds, *rounds); err != nil {
				return err
			}
		}
		return nil
	}
	if err := measureAll(false); err != nil {
		return err
	}
	if wantLoad.MatchString(longRunName) {
		if err := longRun(ctx, servers, loads); err != nil {
			return err
		}
	}
	if err := measureAll(true); err != nil { // at last, because used proofs are remembered, which takes memory
		return err
	}
	stopAll(servers) // they would take time of the cores
	servers = nil
	fmt.Println()
	return measureScale(ctx, dir, issuers[0], loads, *seconds, *rounds)
}

// measure prints one table: every server under the load l. relative is what the rates are compared with: the first server's.
func measure(ctx context.Context, l load, servers []*server, relative string, seconds, rounds int) error {
	results := map[*server][]result{}
	for range rounds {
		for _, s := range servers {
			r, err := l.run(ctx, s, seconds)
			if err != nil {
				return err
			}
			results[s] = append(results[s], r)
		}
	}
	fmt.Printf("\n### %s\n\n| server | requests/s | %s | p99 | resident |\n|---|---:|---:|---:|---:|\n", l.name, relative)
	var bare float64
	for i, s := range servers {
		rs := results[s]
		slices.SortFunc(rs, func(a, b result) int { return int(a.rate - b.rate) })
		r := rs[len(rs)/2]
		if i == 0 {
			bare = r.rate
		}
		memory := "–"
		if !s.front {
			megabytes, err := s.resident()
			if err != nil {
				return err
			}
			memory = fmt.Sprintf("%.0f MB", megabytes)
		}
		fmt.Printf("| %s | %.0f | %.2f | %.1f ms | %s |\n", s.name, r.rate, r.rate/bare, float64(r.p99.Microseconds())/1000, memory)
	}
	return nil
}

const longRunName = "A million requests"

// longRun sends the API a million requests with all the tokens, and prints its resident
// memory.
func longRun(ctx context.Context, servers []*server, loads []load) error {
	api := servers[slices.IndexFunc(servers, func(s *server) bool { return s.ours })]
	fresh := loads[slices.IndexFunc(loads, func(l load) bool { return l.fresh })]
	sent := 0
	for sent < 1_000_000 {
		r, err := fresh.run(ctx, api, 10)
		if err != nil {
			return err
		}
		sent += r.requests
	}
	memory, err := api.resident()
	if err != nil {
		return err
	}
	fmt.Printf("\nThis API after another %d requests with distinct tokens: %.1f MB resident\n", sent, memory)
	return nil
}

// machine describes this machine and the date in one line.
func machine() string {
	model := "an unknown processor"
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d × %s, %s", numCPU(), model, time.Now().Format(time.DateOnly))
}

// root is the folder of the API's module.
func root() string { return filepath.Join("..") }
