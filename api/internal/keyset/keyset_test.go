package keyset_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"go.uber.org/goleak"

	"calling-an-api.example/api/internal/authtest"
	"calling-an-api.example/api/internal/keyset"
)

func TestMain(m *testing.M) {
	// The transport's idle connections outlive a test; their goroutines are no leak of ours.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"), goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

// start runs a Set on iss until the test ends. It refreshes by itself once an
// hour, so that whatever is fetched in a test was asked for.
func start(t *testing.T, iss *authtest.Issuer, change func(*keyset.Options)) *keyset.Set {
	t.Helper()
	opts := keyset.Options{
		Issuer: iss.URL, Refresh: time.Hour, MaxStale: 24 * time.Hour, FetchesPerMinute: 5,
		Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&opts)
	}
	set := keyset.New(opts)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { set.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return set
}

// await returns once ok does; the test's own deadline bounds it.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

func TestLoadsKeys(t *testing.T) {
	t.Parallel()
	iss := authtest.New(t)
	set := start(t, iss, nil)
	await(t, "ready", set.Ready)
	jwk, err := set.KeyRead(t.Context(), iss.KID())
	if err != nil {
		t.Fatal(err)
	}
	if !iss.Key().PublicKey.Equal(jwk.Key()) {
		t.Error("another key than the issuer's")
	}
}

func TestNoKeysYet(t *testing.T) {
	t.Parallel()
	iss := authtest.New(t)
	iss.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	set := start(t, iss, nil)

	var unavailable *keyset.UnavailableError
	if _, err := set.KeyRead(t.Context(), iss.KID()); !errors.As(err, &unavailable) || unavailable.RetryAfter() <= 0 {
		t.Fatalf("got %v, want an UnavailableError with a time to wait", err)
	}
	if set.Ready() {
		t.Error("ready without keys")
	}
	iss.Answer(nil)
	await(t, "ready once the issuer answers", set.Ready)
}

func TestBadAnswersKeepGoodKeys(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"empty object": `{}`,
		"error object": `{"error":"server_error"}`,
		"empty set":    `{"keys":[]}`,
		"html":         `<!doctype html><title>Maintenance</title>`,
		"only EC keys": `{"keys":[{"kty":"EC","kid":"key-a","crv":"P-256"}]}`,
		"5 MB":         `{"keys":[],"pad":"` + strings.Repeat("x", 5<<20) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			iss := authtest.New(t)
			set := start(t, iss, nil)
			await(t, "ready", set.Ready)
			iss.Answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) })
			if _, err := set.KeyRead(t.Context(), "unknown"); !errors.Is(err, jwkset.ErrKeyNotFound) {
				t.Errorf("unknown key: %v", err)
			}
			if n := iss.Fetches.Load(); n != 2 {
				t.Fatalf("the bad answer was fetched %d times, want once", n-1)
			}
			if _, err := set.KeyRead(t.Context(), iss.KID()); err != nil {
				t.Errorf("the good key is gone: %v", err)
			}
		})
	}
}

func TestRedirectToAnotherHostIsRefused(t *testing.T) {
	t.Parallel()
	iss, other := authtest.New(t), authtest.New(t)
	iss.Answer(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"jwks.json", http.StatusFound)
	})
	start(t, iss, nil)
	await(t, "two attempts", func() bool { return iss.Fetches.Load() >= 2 })
	if n := other.Fetches.Load(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

func TestRotationUnderConcurrentRequests(t *testing.T) {
	t.Parallel()
	iss := authtest.New(t)
	set := start(t, iss, nil)
	await(t, "ready", set.Ready)
	before := iss.Fetches.Load()
	iss.Rotate()

	var wg sync.WaitGroup
	var failed atomic.Int32
	for range 50 {
		wg.Go(func() {
			if _, err := set.KeyRead(t.Context(), iss.KID()); err != nil {
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	if n := failed.Load(); n != 0 {
		t.Errorf("%d of 50 readers didn't get the new key", n)
	}
	if n := iss.Fetches.Load() - before; n != 1 {
		t.Errorf("%d fetches, want 1 for all", n)
	}
}

func TestFloodOfUnknownKeysStaysInBudget(t *testing.T) {
	t.Parallel()
	iss := authtest.New(t)
	set := start(t, iss, nil)
	await(t, "ready", set.Ready)
	for i := range 2000 {
		if _, err := set.KeyRead(t.Context(), "random-"+strconv.Itoa(i)); !errors.Is(err, jwkset.ErrKeyNotFound) {
			t.Fatal(err)
		}
	}
	if n := iss.Fetches.Load(); n > 1+5 {
		t.Errorf("%d fetches for 2000 unknown keys", n)
	}
	if _, err := set.KeyRead(t.Context(), iss.KID()); err != nil {
		t.Errorf("the good key suffers: %v", err)
	}
}

func TestReaderThatGoesAwayEndsNoFetch(t *testing.T) {
	t.Parallel()
	iss := authtest.New(t)
	set := start(t, iss, nil)
	await(t, "ready", set.Ready)
	iss.Rotate()
	asked, answer := make(chan struct{}), make(chan struct{})
	iss.Answer(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-answer
		iss.Answer(nil)
		iss.ServeHTTP(w, r)
	})
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := set.KeyRead(ctx, iss.KID()); left <- err }()
	<-asked
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	close(answer)
	if _, err := set.KeyRead(t.Context(), iss.KID()); err != nil {
		t.Errorf("the fetch ended with its first reader: %v", err)
	}
}

func TestKeysGoStale(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64
	iss := authtest.New(t)
	set := start(t, iss, func(o *keyset.Options) {
		o.MaxStale = time.Hour
		o.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	})
	await(t, "ready", set.Ready)
	iss.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	offset.Store(int64(59 * time.Minute))
	if _, err := set.KeyRead(t.Context(), iss.KID()); err != nil {
		t.Errorf("keys of 59 minutes: %v", err)
	}
	offset.Store(int64(61 * time.Minute))
	var unavailable *keyset.UnavailableError
	if _, err := set.KeyRead(t.Context(), iss.KID()); !errors.As(err, &unavailable) {
		t.Errorf("keys of 61 minutes: got %v", err)
	}
}
