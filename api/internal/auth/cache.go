package auth

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// ways is how many tokens share a set of the cache.
const ways = 4

// cache remembers tokens that were verified, so that the signature of one that
// comes again is not computed again. It holds no token, only a digest of each
// with what it says.
//
// It is a table of fixed size: a digest names a set, and the set has room for a
// few. Lists and maps of thousands of entries, as cache libraries have them,
// keep the garbage collector busy for all requests; this is one object, with one
// text for each token. See docs/performance.md.
type cache struct {
	sets []set
}

type set struct {
	mu      sync.Mutex
	next    uint8 // whose turn it is to make room
	entries [ways]entry
}

type entry struct {
	key   [sha256.Size]byte
	token Token
	epoch int64 // of the keys at the time of its verification
}

// newCache returns a cache for as many tokens, rounded up to a multiple of ways.
func newCache(tokens int) *cache { return &cache{make([]set, (tokens+ways-1)/ways)} }

func (c *cache) set(key [sha256.Size]byte) *set {
	return &c.sets[binary.LittleEndian.Uint64(key[:])%uint64(len(c.sets))]
}

// get returns the token with that digest, if it is still good at the time now and
// no key has gone since epoch.
func (c *cache) get(key [sha256.Size]byte, epoch int64, now time.Time) (token Token, ok bool) {
	s := c.set(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.entries {
		e := &s.entries[i]
		if e.key != key {
			continue
		}
		if e.epoch != epoch || now.UnixMilli() >= e.token.expires {
			*e = entry{}
			return Token{}, false
		}
		return e.token, true
	}
	return Token{}, false
}

// put remembers token in place of itself, of nothing, of one that is over, or
// else of the one that has been in its set the longest.
func (c *cache) put(key [sha256.Size]byte, epoch int64, now time.Time, token Token) {
	s := c.set(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	place := -1
	for i := range s.entries {
		e := &s.entries[i]
		if e.key == key {
			place = i
			break
		}
		if place < 0 && (e.epoch != epoch || now.UnixMilli() >= e.token.expires) {
			place = i // empty ones, too, are over since 1970
		}
	}
	if place < 0 {
		place = int(s.next)
		s.next = (s.next + 1) % ways
	}
	s.entries[place] = entry{key, token, epoch}
}

// digest returns the SHA-256 of a token. The copy stays on the stack for tokens of
// common sizes, where a conversion of the string would not.
func digest(raw string) [sha256.Size]byte {
	var space [2 << 10]byte
	return sha256.Sum256(append(space[:0], raw...))
}
