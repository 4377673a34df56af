package gate

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// cache stores verified tokens, so that the signature of a repeated token is not
// verified again. It is keyed by a digest and holds no token.
//
// It is a table of fixed size: a digest selects a set, and the set has room for a few
// entries. The maps and lists of cache libraries have several pointers for each entry,
// which the garbage collector must follow; this table has one string for each token
// (docs/performance.md).
type cache struct {
	sets []cacheSet
}

// associativity is how many tokens share a set of the cache.
const associativity = 4

// cacheSet is one row of the table. Its lock is held for a few comparisons only.
type cacheSet struct {
	mu      sync.Mutex // protects all fields below
	next    uint8      // entry to replace when all are in use
	entries [associativity]cacheEntry
}

// cacheEntry is one verified token. The zero value is an unused entry.
type cacheEntry struct {
	key   [sha256.Size]byte
	value verified
}

// newCache returns a cache for tokens entries, rounded up to full sets.
func newCache(tokens int) *cache {
	return &cache{make([]cacheSet, (tokens+associativity-1)/associativity)}
}

// set returns the only set that may hold the token with the digest key.
func (c *cache) set(key [sha256.Size]byte) *cacheSet {
	return &c.sets[binary.LittleEndian.Uint64(key[:])%uint64(len(c.sets))]
}

// isExpired reports whether e's token expired at or before expiredBefore (seconds since
// 1970). Unused entries have expired in 1970.
func (e *cacheEntry) isExpired(expiredBefore int64) bool {
	return e.value.facts.expires <= expiredBefore
}

// get returns the token with that digest, unless it has expired. The caller checks the
// epoch.
func (c *cache) get(key [sha256.Size]byte, expiredBefore int64) (found verified, ok bool) {
	s := c.set(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.entries {
		if e := &s.entries[i]; e.key == key {
			return e.value, !e.isExpired(expiredBefore)
		}
	}
	return verified{}, false
}

// put stores a token, replacing its own entry, an unused or expired one, or the oldest of
// its set.
func (c *cache) put(key [sha256.Size]byte, expiredBefore int64, value verified) {
	s := c.set(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := -1
	for i := range s.entries {
		e := &s.entries[i]
		if e.key == key {
			slot = i
			break
		}
		if slot < 0 && e.isExpired(expiredBefore) {
			slot = i
		}
	}
	if slot < 0 {
		slot = int(s.next)
		s.next = (s.next + 1) % associativity
	}
	s.entries[slot] = cacheEntry{key, value}
}

// digest returns the SHA-256 of a token. It copies tokens of up to 2 KiB to the stack;
// a conversion of the string would allocate.
func digest(raw string) [sha256.Size]byte {
	var buffer [2 << 10]byte
	return sha256.Sum256(append(buffer[:0], raw...))
}
