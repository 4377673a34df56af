package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	gcPercent = 400             // fewer collections of a small heap, for about 10 MB (docs/performance.md)
	gcRoom    = 48 << 20        // bytes that a large heap may grow by between two collections
	idle      = 2 * time.Second // after a build, until its memory is returned to the system
)

// memory keeps the process small and its builds quick. A build of 500 modules leaves
// some 30 MB of garbage. It is collected after the build, when nobody waits for it,
// instead of during the next one.
type memory struct {
	fixed  bool        // the user has chosen the percentage, by GOGC
	first  sync.Once   // returns at once what the first build, the largest, has used
	unused *time.Timer // returns the memory of the others when no more follow
}

func newMemory(lookupEnv func(string) (string, bool)) *memory {
	_, fixed := lookupEnv("GOGC")
	if !fixed {
		debug.SetGCPercent(gcPercent)
	}
	m := &memory{fixed: fixed, unused: time.AfterFunc(time.Hour, debug.FreeOSMemory)}
	m.unused.Stop()
	return m
}

// collect is called after a build.
func (m *memory) collect() {
	runtime.GC()
	m.first.Do(debug.FreeOSMemory)
	m.unused.Reset(idle)
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if !m.fixed && live[0].Value.Kind() == metrics.KindUint64 {
		debug.SetGCPercent(int(max(50, min(gcPercent, gcRoom*100/max(1, live[0].Value.Uint64())))))
	}
}
