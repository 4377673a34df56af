// Command bench measures the dev server against its peers on this machine, end to end:
// real processes, real connections and a load generator. It prints tables in Markdown.
// It is a module of its own, so that it is not built with the dev server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	upstreamAddr := flag.String("upstream", "", "be the upstream, listening on `addr`, and nothing else")
	bareTarget := flag.String("bare", "", "be the bare tuned ReverseProxy for the upstream at `URL`, and nothing else")
	bareAddr := flag.String("bare-addr", "", "`addr` that it listens on")
	seconds := flag.Int("seconds", 4, "length of one measurement, in seconds")
	rounds := flag.Int("rounds", 5, "measurements of each server, one after the other; the median is reported")
	loop := flag.Bool("loop", false, "measure the edit loop only")
	page := flag.Bool("page", false, "measure the page by Lighthouse only")
	cold := flag.Bool("cold", false, "measure the first make dev only, which takes a minute")
	flag.Parse()
	if *cold {
		return measureCold(ctx)
	}
	if *upstreamAddr != "" {
		return serveUpstream(*upstreamAddr)
	}
	if *bareTarget != "" {
		return serveBare(*bareTarget, *bareAddr)
	}
	for tool, pkg := range map[string]string{"wrk": "wrk", "nginx": "nginx-light"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is not installed (Debian: apt-get install %s)", tool, pkg)
		}
	}
	dir, err := os.MkdirTemp("", "devserver-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder of temporary files
	servers, err := startServers(ctx, dir)
	defer func() { stopAll(servers) }()
	if err != nil {
		return err
	}

	if *page {
		return measurePage(ctx, dir, *rounds)
	}
	if *loop {
		stopAll(servers)
		servers = nil
		return measureLoop(ctx, dir, *rounds)
	}
	fmt.Printf("%d × %s, %s, %d s each, median of %d rounds\n", runtime.NumCPU(), processor(), time.Now().Format(time.DateOnly), *seconds, *rounds)
	for _, l := range []load{
		{"Small JSON, 32 connections", "/api/json", 32},
		{"1 MB bodies, 8 connections", "/api/large", 8},
	} {
		if err := measure(ctx, l, servers, *seconds, *rounds); err != nil {
			return err
		}
	}
	if err := measureEvents(ctx, servers, *rounds); err != nil {
		return err
	}
	if err := measurePage(ctx, dir, *rounds); err != nil {
		return err
	}
	stopAll(servers) // they would take time of the two cores
	servers = nil
	return measureLoop(ctx, dir, *rounds)
}

// measure prints one table: every server under the load l.
func measure(ctx context.Context, l load, servers []*server, seconds, rounds int) error {
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
	fmt.Printf("\n### %s\n\n| server | requests/s | of bare | p99 | resident |\n|---|---:|---:|---:|---:|\n", l.name)
	bare := 0.0
	for _, s := range servers {
		slices.SortFunc(results[s], func(a, b result) int { return int(a.rate - b.rate) })
		if s.name == bareName() {
			bare = results[s][len(results[s])/2].rate
		}
	}
	for _, s := range servers {
		rs := results[s]
		memory, err := s.resident()
		if err != nil {
			return err
		}
		r := rs[len(rs)/2]
		fmt.Printf("| %s | %.0f | %.2f | %.1f ms | %.0f MB |\n", s.name, r.rate, r.rate/bare, float64(r.p99.Microseconds())/1000, memory)
	}
	return nil
}

// measureEvents prints how long an event takes from the upstream to the client.
func measureEvents(ctx context.Context, servers []*server, rounds int) error {
	fmt.Printf("\n### Server-sent events, from write to read\n\n| server | median | slowest |\n|---|---:|---:|\n")
	for _, s := range servers {
		var all []time.Duration
		for range rounds {
			latencies, err := readEvents(ctx, s)
			if err != nil {
				return err
			}
			all = append(all, latencies...)
		}
		if len(all) == 0 {
			return errors.New(s.name + " forwards no events")
		}
		slices.Sort(all)
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		fmt.Printf("| %s | %.2f ms | %.2f ms |\n", s.name, ms(all[len(all)/2]), ms(all[len(all)-1]))
	}
	return nil
}
