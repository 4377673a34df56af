//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// size is what a process takes.
type size struct {
	megabytes   float64 // resident
	descriptors int
}

// measured are the processes that run from the start to the end.
var measured = []string{"dev server", "API 1", "nginx"}

// sizes returns the sizes of the processes that are measured.
func (s *system) sizes() (map[string]size, error) {
	all := map[string]size{}
	for _, name := range measured {
		pid := s.processes[name].cmd.Process.Pid
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return nil, err
		}
		var one size
		for line := range strings.Lines(string(status)) {
			if after, ok := strings.CutPrefix(line, "VmRSS:"); ok {
				if _, err := fmt.Sscanf(after, "%f kB", &one.megabytes); err != nil {
					return nil, err
				}
				one.megabytes /= 1000
			}
		}
		descriptors, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			return nil, err
		}
		one.descriptors = len(descriptors)
		all[name] = one
	}
	return all, nil
}

// settle returns the sizes once the connections of the traffic are closed, which takes some
// seconds for those that are kept for reuse; or as they are then.
func (s *system) settle(before map[string]size) (after map[string]size, err error) {
	for deadline := time.Now().Add(20 * time.Second); ; {
		if after, err = s.sizes(); err != nil || grown(before, after) == nil || time.Now().After(deadline) {
			return after, err
		}
		<-time.After(200 * time.Millisecond) // nothing tells of another process's connections
	}
}

// grown returns an error for each process that has grown by more than what varies.
func grown(before, after map[string]size) error {
	var all []error
	for name, one := range after {
		old := before[name]
		if one.descriptors > old.descriptors+20 || one.megabytes > 1.3*old.megabytes+20 {
			all = append(all, fmt.Errorf("%s has grown from %.0f to %.0f MB, and from %d to %d descriptors",
				name, old.megabytes, one.megabytes, old.descriptors, one.descriptors))
		}
	}
	return errors.Join(all...)
}

func printSizes(w io.Writer, before, after map[string]size) {
	_, _ = fmt.Fprintf(w, "\n| process | resident, start | end | descriptors, start | end |\n|---|---:|---:|---:|---:|\n")
	for _, name := range slices.Sorted(maps.Keys(after)) {
		_, _ = fmt.Fprintf(w, "| %s | %.0f MB | %.0f MB | %d | %d |\n", name, before[name].megabytes, after[name].megabytes, before[name].descriptors, after[name].descriptors)
	}
}
