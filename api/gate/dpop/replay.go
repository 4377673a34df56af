package dpop

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"
)

// Store remembers which proofs have been used. Its methods are called from many goroutines.
type Store interface {
	// Use records id until the given time, and reports whether it was not there yet, and in
	// which epoch. Of calls with the same id in one epoch, exactly one may report true. It may
	// wait for the network, but must return when ctx ends. After an error, the proof is not
	// accepted.
	Use(ctx context.Context, id ID, until time.Time) (fresh bool, epoch Epoch, err error)
	// Epoch returns the epoch that the store was in when it was last used; the zero Epoch if
	// it was never reached. It must not wait.
	Epoch() Epoch
}

// Epoch is a time during which a Store has forgotten nothing. A store that was emptied or
// restarted is in another one. A proof without a nonce from before an epoch, and the 5 s after
// its start, gets a challenge with a nonce, because it may have been used; so does a proof with
// a nonce of another epoch.
type Epoch struct {
	// Since is its start, by the clock of this process. A store that is shared by several
	// processes adds how far their clocks may be apart.
	Since time.Time
	// Secret makes the nonces. It is random, another one in each epoch, and the same for all
	// processes that share the store.
	Secret []byte
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
	epoch  Epoch
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
	m := &Memory{now: now, epoch: Epoch{Since: now(), Secret: make([]byte, 32)}}
	_, _ = rand.Read(m.epoch.Secret) // never fails
	for i := range m.shards {
		m.shards[i] = shard{max: (proofs + shards - 1) / shards, until: map[ID]int64{}, expire: map[int64][]ID{}, cleaned: now().Unix()}
	}
	return m
}

// Epoch implements [Store]: it began when m was made.
func (m *Memory) Epoch() Epoch { return m.epoch }

// Use implements [Store]. It never waits.
func (m *Memory) Use(_ context.Context, id ID, until time.Time) (fresh bool, epoch Epoch, err error) {
	s, now, end := &m.shards[id[0]%shards], m.now().Unix(), until.Unix()+1
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now)
	if _, used := s.until[id]; used {
		return false, m.epoch, nil
	}
	if len(s.until) >= s.max {
		return false, m.epoch, errFull
	}
	if end <= now { // it was checked before that, and so may be a copy which is on its way
		end = now + lateCopies
	}
	s.until[id] = end
	s.expire[end] = append(s.expire[end], id)
	return true, m.epoch, nil
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
