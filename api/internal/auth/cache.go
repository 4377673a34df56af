package auth

import (
	"crypto/sha256"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// cache remembers tokens that were verified, so that the signature of one that
// comes again is not computed again. It holds no token, only a digest of each,
// and it forgets the one used least recently when it is full.
type cache struct {
	entries *lru.Cache[[sha256.Size]byte, entry]
}

type entry struct {
	token Token
	epoch int64 // of the keys at the time of its verification
}

func newCache(size int) (*cache, error) {
	entries, err := lru.New[[sha256.Size]byte, entry](size)
	if err != nil {
		return nil, err
	}
	return &cache{entries}, nil
}

// get returns the token with that digest, if it is still good at the time now and
// no key has gone since epoch.
func (c *cache) get(key [sha256.Size]byte, epoch int64, now time.Time) (token Token, ok bool) {
	e, ok := c.entries.Get(key)
	if !ok {
		return Token{}, false
	}
	if e.epoch != epoch || now.UnixNano() >= e.token.expires {
		c.entries.Remove(key)
		return Token{}, false
	}
	return e.token, true
}

func (c *cache) put(key [sha256.Size]byte, epoch int64, token Token) {
	c.entries.Add(key, entry{token, epoch})
}

// digest returns the SHA-256 of a token. The copy stays on the stack for tokens of
// common sizes, where a conversion of the string would not.
func digest(raw string) [sha256.Size]byte {
	var space [2 << 10]byte
	return sha256.Sum256(append(space[:0], raw...))
}
