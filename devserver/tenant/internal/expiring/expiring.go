// Package expiring has a bounded map whose entries expire.
package expiring

import (
	"maps"
	"sync"
	"time"
)

// Map is a map of string keys whose entries expire after a fixed time. When it is full,
// a new entry evicts the oldest, so that a flood of requests does not grow the
// process. Its methods may be called from any goroutine.
type Map[V any] struct {
	max int
	ttl time.Duration
	now func() time.Time

	mu      sync.Mutex // protects entries
	entries map[string]entry[V]
}

type entry[V any] struct {
	value V
	born  time.Time
}

// New returns an empty Map for limit entries that live for ttl by the clock now.
func New[V any](limit int, ttl time.Duration, now func() time.Time) *Map[V] {
	return &Map[V]{entries: map[string]entry[V]{}, max: limit, ttl: ttl, now: now}
}

// TTL is how long an entry lives.
func (m *Map[V]) TTL() time.Duration { return m.ttl }

// Put stores value under key.
func (m *Map[V]) Put(key string, value V) {
	m.Update(key, func(V) V { return value })
}

// Update stores the result of f under key. f gets the value that is there, or the zero
// value; it must not call methods of m.
func (m *Map[V]) Update(key string, f func(V) V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var value V
	if item, ok := m.entries[key]; ok && !m.expired(item) {
		value = item.value
	}
	value = f(value)
	if _, replaces := m.entries[key]; !replaces && len(m.entries) >= m.max {
		m.evict()
	}
	m.entries[key] = entry[V]{value, m.now()}
}

// evict removes expired entries, or the oldest one if there are none. The caller holds
// mu.
func (m *Map[V]) evict() {
	var oldest string
	for key, item := range m.entries {
		if m.expired(item) {
			delete(m.entries, key)
		} else if oldest == "" || item.born.Before(m.entries[oldest].born) {
			oldest = key
		}
	}
	if len(m.entries) >= m.max {
		delete(m.entries, oldest)
	}
}

// Get returns the value under key, or the zero value.
func (m *Map[V]) Get(key string) (value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if item, ok := m.entries[key]; ok && !m.expired(item) {
		value = item.value
	}
	return value
}

// Take returns the value under key, or the zero value, and removes it. Of concurrent
// calls only one gets it.
func (m *Map[V]) Take(key string) (value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if item, ok := m.entries[key]; ok && !m.expired(item) {
		value = item.value
	}
	delete(m.entries, key)
	return value
}

// TakeThose removes the entries that is reports true of. is must not call methods of m.
func (m *Map[V]) TakeThose(is func(key string, value V) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.entries, func(key string, item entry[V]) bool { return is(key, item.value) })
}

// Clear removes all entries.
func (m *Map[V]) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.entries)
}

// Each calls f with all entries that have not expired and when they were stored. f must
// not call methods of m.
func (m *Map[V]) Each(f func(key string, value V, born time.Time)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, item := range m.entries {
		if !m.expired(item) {
			f(key, item.value, item.born)
		}
	}
}

// All is Each with the entries that have expired too: the clock may be set back.
func (m *Map[V]) All(f func(key string, value V, born time.Time)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, item := range m.entries {
		f(key, item.value, item.born)
	}
}

// Restore stores an entry of Each or All again, with the time it was stored at, or now if the
// clock has been set back since.
func (m *Map[V]) Restore(key string, value V, born time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if born.After(m.now()) {
		born = m.now()
	}
	if item := (entry[V]{value, born}); !m.expired(item) && len(m.entries) < m.max {
		m.entries[key] = item
	}
}

func (m *Map[V]) expired(item entry[V]) bool { return m.now().Sub(item.born) >= m.ttl }
