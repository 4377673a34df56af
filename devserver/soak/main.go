//go:build linux

// Command soak runs the whole system under mixed traffic for some minutes, switches faults on and
// off, and prints what came of it: requests, wrong answers, times, and the memory and descriptors
// of the processes at the start and at the end. It ends with 1 if an answer was wrong or a process
// has grown. `make soak` calls it. Everything is on this machine's loopback.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

const (
	warmUp = 10 * time.Second // of traffic before the first measurement
	calm   = 3 * time.Second  // between two faults
)

func run(ctx context.Context) error {
	minutes := flag.Float64("minutes", 2, "how long to run, in minutes")
	flag.Parse()
	dir, err := os.MkdirTemp("", "soak-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder of temporary files
	s, err := startSystem(ctx, dir)
	defer s.stop()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(*minutes*float64(time.Minute)))
	defer cancel()
	traffic, err := newTraffic(ctx, s)
	if err != nil {
		return err
	}
	ended := traffic.start(ctx)
	wait(ctx, warmUp)
	before, err := s.sizes()
	if err != nil {
		return err
	}
	times, err := inject(ctx, s, traffic)
	cancel()
	<-ended
	if err != nil {
		return err
	}
	after, err := s.settle(before)
	if err != nil {
		return err
	}
	traffic.print(os.Stdout)
	fmt.Printf("\n%d faults:\n\n| fault | times |\n|---|---:|\n", times.total())
	times.print(os.Stdout)
	printSizes(os.Stdout, before, after)
	return errors.Join(traffic.verdict(), grown(before, after))
}

// wait waits for d, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d): // faults last for so long
	}
}
