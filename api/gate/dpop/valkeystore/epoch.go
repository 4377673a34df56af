package valkeystore

import (
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // it is how the server names scripts
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"

	"calling-an-api.example/api/gate/dpop"
)

// epoch is a time during which the server has forgotten nothing.
type epoch struct {
	dpop.Epoch
	value  string // of the epoch's key
	script string // records a proof in this epoch only
	digest string // of the script
}

// ensureEpoch returns the value of the epoch's key, the server's time in seconds, and its policy for
// a full memory. If there is no epoch, or one of another time of the server as the primary, a new
// one begins: what was used before is forgotten, at least in part. The value is the ID of the
// server's run, the ID of its replication history, which it changes when it becomes the primary,
// the start, and the secret; the last two are arguments. The other key is written only to learn
// whether that is possible.
var ensureEpoch = valkey.NewLuaScriptNoSha(`
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
local id = run .. ' ' .. history .. ' '
local value = redis.call('GET', KEYS[1])
if not value or string.sub(value, 1, #id) ~= id then
  value = id .. ARGV[1] .. ' ' .. ARGV[2]
  redis.call('SET', KEYS[1], value)
end
redis.call('SET', KEYS[2], '', 'PX', 1000)
local memory = redis.call('INFO', 'memory')
local policy = ''
if string.match(memory, 'maxmemory:(%d+)') ~= '0' then policy = string.match(memory, 'maxmemory_policy:(%S+)') end
return {value, redis.call('TIME')[1], policy}
`)

// recordProof is the text of the script that records a proof in one epoch. A server runs it by its
// digest only if it has seen it during this run: scripts are neither saved nor replicated. Since the
// text has the epoch in it, no other server, and no later run, records a proof in this epoch.
const recordProof = `
local value = redis.call('GET', KEYS[2])
if not value or string.sub(value, 1, %d) ~= '%s' then return 2 end
if string.match(redis.call('INFO', 'replication'), 'master_replid:(%%x+)') ~= '%s' then return 2 end
if redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1]) then return 1 end
return 0
`

// What recordProof returns.
const (
	wasThere   = 0
	recorded   = 1
	epochEnded = 2
)

// record records the proof with the key, and returns what has become of it.
func (e *epoch) record(ctx context.Context, client valkey.Client, key, epochKey string, lifetime time.Duration) (int64, error) {
	n, err := client.Do(ctx, client.B().Evalsha().Sha1(e.digest).Numkeys(2).Key(key, epochKey).Arg(strconv.FormatInt(lifetime.Milliseconds(), 10)).Build()).AsInt64()
	if answer, ok := valkey.IsValkeyErr(err); ok && answer.IsNoScript() {
		return epochEnded, nil
	}
	return n, err
}

// load has the server know the script.
func (s *Store) load(ctx context.Context, e *epoch) error {
	n, err := valkey.NewLuaScriptNoSha(e.script).Exec(ctx, *s.client.Load(), []string{s.proofKey + "check", s.epochKey}, []string{"1000"}).AsInt64()
	if err == nil && n == epochEnded {
		err = errors.New("it was emptied or replaced a moment ago")
	}
	return err
}

// check asks the server for its epoch, and keeps it. before is the epoch that the caller knows; if
// it has ended for the server, the server may only have forgotten its script. One goroutine at a time
// asks; others wait for its result.
func (s *Store) check(ctx context.Context, before *epoch, hasEnded bool) (*epoch, error) {
	s.checking.Lock()
	defer s.checking.Unlock()
	if now := s.current.Load(); now != before {
		return now, nil // somebody else has asked meanwhile
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Wait)
	defer cancel()
	answer, err := ensureEpoch.Exec(ctx, *s.client.Load(), []string{s.epochKey, s.proofKey + "check"},
		[]string{strconv.FormatInt(s.opts.Now().UnixMilli(), 10), secret()}).AsStrSlice()
	if err != nil {
		return nil, err
	}
	if len(answer) != 3 {
		return nil, errors.New("the answer of a script is malformed")
	}
	s.warn(answer[1], answer[2])
	now := before
	if before == nil || before.value != answer[0] {
		if now, err = newEpoch(answer[0]); err != nil {
			return nil, err
		}
		hasEnded = true
	}
	if hasEnded {
		if err := s.load(ctx, now); err != nil {
			return nil, err
		}
	}
	if now != before && before != nil {
		s.opts.Log.Warn("the replay store was emptied, restarted or replaced: for a while, DPoP proofs without a nonce get a challenge")
	}
	s.current.Store(now)
	return now, nil
}

// secret returns a new secret, in a form that can be a part of a value.
func secret() string {
	return rand.Text() + rand.Text()
}

// newEpoch returns the epoch with this value of its key.
func newEpoch(value string) (*epoch, error) {
	fields := strings.Fields(value) // run, history, start, secret
	if len(fields) != 4 {
		return nil, errors.New("the key of the epoch was changed by another program")
	}
	start, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return nil, err
	}
	id := strings.Join(fields[:3], " ")
	e := &epoch{
		Epoch:  dpop.Epoch{Since: time.UnixMilli(start).Add(clockMargin), Secret: []byte(fields[3])},
		value:  value,
		script: fmt.Sprintf(recordProof, len(id), id, fields[1]),
	}
	digest := sha1.Sum([]byte(e.script)) //nolint:gosec // it is how the server names scripts
	e.digest = hex.EncodeToString(digest[:])
	return e, nil
}

// warn logs, once, what is odd about the server: its time, in seconds since 1970, and its policy.
func (s *Store) warn(now, policy string) {
	if seconds, err := strconv.ParseInt(now, 10, 64); err == nil {
		ahead := s.opts.Now().Sub(time.Unix(seconds, 0))
		isOff := ahead.Abs() > clockMargin/2
		if isOff && !s.clockIsOff {
			s.opts.Log.Warn("the clock of this process and the replay store's differ: set them, because a proof could be used twice if those of two processes differ by "+
				clockMargin.String(), "ahead", ahead.Round(time.Second))
		}
		s.clockIsOff = isOff
	}
	if policy != s.policy && policy != "" && policy != "noeviction" {
		s.opts.Log.Warn("the replay store drops keys if its memory is full, so that a proof could be used twice: set maxmemory-policy noeviction", "policy", policy)
	}
	s.policy = policy
}
