package tenant

import (
	"crypto/rand"
	"sync"
	"time"
)

// expiring is a bounded map whose entries die of age. When it is full, the
// oldest entry makes room, so that no flood of requests grows the process.
type expiring[V any] struct {
	mu      sync.Mutex
	entries map[string]entry[V]
	max     int
	ttl     time.Duration
	now     func() time.Time
}

type entry[V any] struct {
	value V
	born  time.Time
}

func newExpiring[V any](limit int, ttl time.Duration, now func() time.Time) *expiring[V] {
	return &expiring[V]{entries: map[string]entry[V]{}, max: limit, ttl: ttl, now: now}
}

// put stores value under key, for ttl.
func (e *expiring[V]) put(key string, value V) {
	e.update(key, func(V) V { return value })
}

// update stores what f makes of the value under key, or of the zero value, for ttl.
func (e *expiring[V]) update(key string, f func(V) V) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var value V
	if item, ok := e.entries[key]; ok && !e.expired(item) {
		value = item.value
	}
	value = f(value)
	if _, replaces := e.entries[key]; !replaces && len(e.entries) >= e.max {
		e.evict()
	}
	e.entries[key] = entry[V]{value, e.now()}
}

// evict removes what is expired, and the oldest entry if nothing is.
func (e *expiring[V]) evict() {
	var oldest string
	for key, item := range e.entries {
		if e.expired(item) {
			delete(e.entries, key)
		} else if oldest == "" || item.born.Before(e.entries[oldest].born) {
			oldest = key
		}
	}
	if len(e.entries) >= e.max {
		delete(e.entries, oldest)
	}
}

// get returns the value under key, or the zero value.
func (e *expiring[V]) get(key string) (value V) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if item, ok := e.entries[key]; ok && !e.expired(item) {
		value = item.value
	}
	return value
}

// take returns the value under key, or the zero value, and removes it: of any
// number of concurrent calls only one gets it.
func (e *expiring[V]) take(key string) (value V) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if item, ok := e.entries[key]; ok && !e.expired(item) {
		value = item.value
	}
	delete(e.entries, key)
	return value
}

// clear removes everything.
func (e *expiring[V]) clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.entries)
}

// each calls f with all that is not expired.
func (e *expiring[V]) each(f func(key string, value V, born time.Time)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, item := range e.entries {
		if !e.expired(item) {
			f(key, item.value, item.born)
		}
	}
}

// restore puts back what each gave, with the time it was born. That is never later
// than now, though the clock may have been put back since.
func (e *expiring[V]) restore(key string, value V, born time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if born.After(e.now()) {
		born = e.now()
	}
	if item := (entry[V]{value, born}); !e.expired(item) && len(e.entries) < e.max {
		e.entries[key] = item
	}
}

func (e *expiring[V]) expired(item entry[V]) bool { return e.now().Sub(item.born) >= e.ttl }

// randomID returns an identifier that can't be guessed, of 26 letters and digits.
func randomID() string { return rand.Text() }
