package dpop

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Store remembers which proofs have been used. Its methods are called from many goroutines.
type Store interface {
	// Use records id until the given time, and reports whether it was not there yet. Of
	// calls with the same id at the same time, exactly one may report true. It may wait for
	// the network, but must return when ctx ends. After an error, the proof is not accepted.
	Use(ctx context.Context, id ID, until time.Time) (fresh bool, err error)
}

// Forgetful is an optional interface of a Store that may have forgotten proofs which are
// still valid, because it has been restarted. A proof from before that time gets a challenge
// with a nonce, so that the client sends another one.
type Forgetful interface {
	// Since returns the time since when nothing was forgotten. It must not wait.
	Since() time.Time
}

// ID identifies a proof: a digest of its key and its jti.
type ID [16]byte

// errFull says that a [Memory] has no room for another proof.
var errFull = errors.New("it is full")

const (
	shards     = 64 // so that requests rarely wait for each other
	lateCopies = 60 // seconds for which a proof is remembered that is used after its time
	// DefaultProofs is how many proofs a [Memory] holds by default: it takes about 70 MB
	// then. At the usual window of 65 s, that is 16 000 requests a second.
	DefaultProofs = 1 << 20
)

// Memory is a Store in this process. It forgets everything when the process ends.
type Memory struct {
	now    func() time.Time
	since  time.Time
	shards [shards]shard
}

// shard is a part of a Memory.
type shard struct {
	mu      sync.Mutex     // protects all fields below
	max     int            // number of proofs
	until   map[ID]int64   // seconds since 1970
	expire  map[int64][]ID // ids by the second after which they are forgotten
	cleaned int64          // second up to which that is done
}

// NewMemory returns a Memory for so many proofs; 0 means [DefaultProofs]. now is the clock;
// nil means time.Now.
func NewMemory(proofs int, now func() time.Time) *Memory {
	if proofs <= 0 {
		proofs = DefaultProofs
	}
	if now == nil {
		now = time.Now
	}
	m := &Memory{now: now, since: now()}
	for i := range m.shards {
		m.shards[i] = shard{max: (proofs + shards - 1) / shards, until: map[ID]int64{}, expire: map[int64][]ID{}, cleaned: now().Unix()}
	}
	return m
}

// Since implements [Forgetful]: it is when m was made.
func (m *Memory) Since() time.Time { return m.since }

// Use implements [Store]. It never waits.
func (m *Memory) Use(_ context.Context, id ID, until time.Time) (fresh bool, err error) {
	s, now, end := &m.shards[id[0]%shards], m.now().Unix(), until.Unix()+1
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now)
	if _, used := s.until[id]; used {
		return false, nil
	}
	if len(s.until) >= s.max {
		return false, errFull
	}
	if end <= now { // it was checked before that, and so may be a copy which is on its way
		end = now + lateCopies
	}
	s.until[id] = end
	s.expire[end] = append(s.expire[end], id)
	return true, nil
}

// forget removes what has expired before now.
func (s *shard) forget(now int64) {
	if now-s.cleaned > int64(len(s.expire)) { // after a pause, there are fewer lists than seconds
		for second, ids := range s.expire {
			if second <= now {
				s.remove(second, ids)
			}
		}
		s.cleaned = now
	}
	for ; s.cleaned <= now; s.cleaned++ {
		s.remove(s.cleaned, s.expire[s.cleaned])
	}
}

func (s *shard) remove(second int64, ids []ID) {
	for _, id := range ids {
		delete(s.until, id)
	}
	delete(s.expire, second)
}
