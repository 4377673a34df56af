package valkeystore

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"

	"calling-an-api.example/api/gate/dpop"
)

// epoch is a time during which the server has forgotten nothing.
type epoch struct {
	dpop.Epoch
	value string // of the epoch's key
	dials int64  // count of connections for which it was checked
}

// ensureEpoch returns the value of the epoch's key, the server's time in milliseconds, and its
// policy for a full memory. If there is no epoch, or one of another run of the server, a new one
// begins: what was used before is forgotten, at least in part. The value is the run's ID, the time
// and the secret, ARGV[1]. The other key is written only to learn whether that is possible.
var ensureEpoch = valkey.NewLuaScript(`
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local time = redis.call('TIME')
local now = time[1] .. string.format('%03d', math.floor(time[2] / 1000))
local value = redis.call('GET', KEYS[1])
if not value or string.sub(value, 1, #run) ~= run then
  value = run .. ' ' .. now .. ' ' .. ARGV[1]
  redis.call('SET', KEYS[1], value)
end
redis.call('SET', KEYS[2], '', 'PX', 1000)
local memory = redis.call('INFO', 'memory')
local policy = ''
if string.match(memory, 'maxmemory:(%d+)') ~= '0' then policy = string.match(memory, 'maxmemory_policy:(%S+)') end
return {value, now, policy}
`)

// check asks the server for its epoch, and keeps it. One goroutine at a time does that; others
// wait for its result.
func (s *Store) check(ctx context.Context) (*epoch, error) {
	before := s.current.Load()
	s.checking.Lock()
	defer s.checking.Unlock()
	if now := s.current.Load(); now != before && now.dials == s.dials.Load() {
		return now, nil // somebody else has checked meanwhile
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client := *s.client.Load()
	for {
		dials := s.dials.Load()
		answer, err := ensureEpoch.Exec(ctx, client, []string{s.epochKey, s.proofKey + "check"}, []string{secret()}).AsStrSlice()
		if err != nil {
			return nil, err
		}
		if s.dials.Load() != dials { // the answer may be of the server before
			continue
		}
		return s.keep(answer, dials)
	}
}

// keep keeps the answer of ensureEpoch.
func (s *Store) keep(answer []string, dials int64) (*epoch, error) {
	if len(answer) != 3 {
		return nil, errors.New("the script's answer is malformed")
	}
	fields := strings.Fields(answer[0]) // run, start, secret
	if len(fields) != 3 {
		return nil, errors.New("the key " + s.epochKey + " was changed by another program")
	}
	start, startErr := strconv.ParseInt(fields[1], 10, 64)
	now, err := strconv.ParseInt(answer[1], 10, 64)
	if err = errors.Join(startErr, err); err != nil {
		return nil, err
	}
	local := s.opts.Now()
	before := s.current.Load()
	kept := &epoch{value: answer[0], dials: dials}
	if before != nil && before.value == kept.value {
		kept.Epoch = before.Epoch
	} else {
		kept.Epoch = dpop.Epoch{Since: local.Add(time.Duration(start-now)*time.Millisecond + clockMargin), Secret: []byte(fields[2])}
		s.warn(before, local.Sub(time.UnixMilli(now)), answer[2])
	}
	s.current.Store(kept)
	return kept, nil
}

// warn logs, at the start of an epoch, what is odd about the server. ahead is how far the clock of
// this process is ahead of the server's.
func (s *Store) warn(before *epoch, ahead time.Duration, policy string) {
	if before != nil {
		s.opts.Log.Warn("the replay store was emptied, restarted or replaced: for a while, DPoP proofs without a nonce get a challenge")
	}
	if ahead.Abs() > clockMargin/2 {
		s.opts.Log.Warn("the clock of this process and the replay store's differ: set them, because a proof could be used twice if those of two processes differ by "+clockMargin.String(),
			"ahead", ahead.Round(time.Second))
	}
	if policy != "" && policy != "noeviction" {
		s.opts.Log.Warn("the replay store drops keys if its memory is full, so that a proof could be used twice: set maxmemory-policy noeviction", "policy", policy)
	}
}
