//go:build unix

package valkeystore_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"calling-an-api.example/api/gate/dpop"
	"calling-an-api.example/api/gate/dpop/valkeystore"
	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/internal/storetest"
)

// process is a process of an API with a clock of its own, that shares a store with others.
type process struct {
	*dpop.Verifier
	ahead atomic.Int64 // nanoseconds
}

func (p *process) now() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }

// newProcess returns a process whose clock is ahead.
func newProcess(t *testing.T, addr string, ahead time.Duration) *process {
	t.Helper()
	p := &process{}
	p.ahead.Store(int64(ahead))
	store, log := open(t, "valkey://"+addr, func(o *valkeystore.Options) { o.Now = p.now })
	if !store.Ready() {
		t.Fatal(log)
	}
	var err error
	if p.Verifier, err = dpop.New(dpop.Options{URLs: []string{"https://a.test"}, Store: store, Now: p.now}); err != nil {
		t.Fatal(err)
	}
	return p
}

// outcome is what becomes of a proof: "accepted" or the reason.
func (p *process) outcome(client *gatetest.Prover, proof string) string {
	checked, err := p.Check([]string{proof}, dpop.Request{Method: http.MethodGet, Path: "/", Token: "t", Thumbprint: client.Thumbprint()})
	if err == nil {
		err = p.Use(context.Background(), checked)
	}
	if err == nil {
		return "accepted"
	}
	if problem, ok := errors.AsType[*dpop.Problem](err); ok {
		return problem.Reason
	}
	return err.Error()
}

// TestClocks has two processes whose clocks are 24 s apart. A proof is accepted by one of them,
// and its key is kept until the other would reject it by its age.
func TestClocks(t *testing.T) {
	t.Parallel()
	server := storetest.Start(t)
	fast, slow := newProcess(t, server.Addr, 12*time.Second), newProcess(t, server.Addr, -12*time.Second)
	client := gatetest.NewProver("ES256")
	client.Now = slow.now // so that both accept it
	proof := func(claims gatetest.Claims) string {
		return client.Proof(http.MethodGet, "https://a.test/", "t", claims)
	}
	expect := func(what string, p *process, proof, want string) {
		t.Helper()
		if got := p.outcome(client, proof); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}

	young := proof(nil)
	expect("a store that is new, without a nonce", fast, young, dpop.ReasonReplayed)
	for name, pair := range map[string][2]*process{"fast first": {fast, slow}, "slow first": {slow, fast}} {
		withNonce := proof(gatetest.Claims{"nonce": pair[0].Nonce()})
		expect(name, pair[0], withNonce, "accepted")
		expect(name+", then the other", pair[1], withNonce, dpop.ReasonReplayed)
		expect(name+", another one with the nonce", pair[1], proof(gatetest.Claims{"nonce": pair[0].Nonce()}), "accepted")
	}

	// Later, when every proof from before has expired.
	for _, p := range []*process{fast, slow} {
		p.ahead.Add(int64(2 * time.Minute))
	}
	plain := proof(gatetest.Claims{"jti": "plain"})
	expect("without a nonce", fast, plain, "accepted")
	expect("without a nonce, then the other", slow, plain, dpop.ReasonReplayed)
	digest := sha256.Sum256([]byte(client.Thumbprint() + "plain"))
	var left int64
	if _, err := fmt.Sscan(server.Do("PTTL", fmt.Sprintf("{dpop}:%x", digest[:16])), &left); err != nil {
		t.Fatal(err)
	}
	if kept := time.Duration(left) * time.Millisecond; kept < 65*time.Second {
		t.Errorf("the slow process accepts it for 65 s more, and it is kept for %v", kept)
	}
}

// TestNoncesEndWithTheEpoch empties the server: a proof with a nonce from before, which could
// have been used, gets a challenge at every process, and one with the next nonce does not.
func TestNoncesEndWithTheEpoch(t *testing.T) {
	t.Parallel()
	server := storetest.Start(t)
	one, other := newProcess(t, server.Addr, 0), newProcess(t, server.Addr, 0)
	client := gatetest.NewProver("ES256")
	proof := func(nonce string) string {
		return client.Proof(http.MethodGet, "https://a.test/", "t", gatetest.Claims{"nonce": nonce})
	}
	before := one.Nonce()
	used := proof(before)
	if got := one.outcome(client, used); got != "accepted" {
		t.Fatal(got)
	}
	server.Do("FLUSHALL")
	for i, p := range []*process{one, other, one, other} {
		if got := p.outcome(client, used); got != dpop.ReasonReplayed && got != dpop.ReasonNonce {
			t.Errorf("the %dth copy: %s", i, got)
		}
	}
	after := one.Nonce()
	if after == before {
		t.Fatal("the nonce is the same")
	}
	for _, p := range []*process{one, other} {
		if got := p.outcome(client, proof(after)); got != "accepted" {
			t.Errorf("with the next nonce: %s", got)
		}
	}
}
