package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"go.uber.org/goleak"

	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/gate/jwks"
)

func TestMain(m *testing.M) {
	// The transport's idle connections outlive a test; their goroutines are no leak of ours.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"), goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

// start runs a Set of iss until the test ends. It refreshes once an hour, so that
// every other fetch in a test is caused by a lookup.
func start(t *testing.T, iss *gatetest.Issuer, changes ...func(*jwks.Options)) *jwks.Set {
	t.Helper()
	opts := jwks.Options{Issuer: iss.URL, Refresh: time.Hour}
	for _, change := range changes {
		change(&opts)
	}
	set := jwks.New(opts)
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
	iss := gatetest.New(t)
	set := start(t, iss)
	await(t, "ready", set.Ready)
	key, err := set.Key(t.Context(), iss.KID(), "RS256")
	if err != nil {
		t.Fatal(err)
	}
	if !iss.Key().PublicKey.Equal(key) {
		t.Error("another key than the issuer's")
	}
}

// TestIssuerWithoutSlash has an issuer as others than Auth0 name theirs.
func TestIssuerWithoutSlash(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	iss.URL = strings.TrimSuffix(iss.URL, "/")
	set := start(t, iss)
	await(t, "ready", set.Ready)
	if _, err := set.Key(t.Context(), iss.KID(), "RS256"); err != nil {
		t.Errorf("got %v, want the key", err)
	}
}

func TestNoKeysYet(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	iss.HandleKeys(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	set := start(t, iss)

	var unavailable *jwks.UnavailableError
	if _, err := set.Key(t.Context(), iss.KID(), "RS256"); !errors.As(err, &unavailable) || unavailable.RetryAfter() <= 0 {
		t.Fatalf("got %v, want an UnavailableError with a time to wait", err)
	}
	if set.Ready() {
		t.Error("ready without keys")
	}
	iss.HandleKeys(nil)
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
			iss := gatetest.New(t)
			set := start(t, iss)
			await(t, "ready", set.Ready)
			iss.HandleKeys(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) })
			if _, err := set.Key(t.Context(), "unknown", "RS256"); !errors.Is(err, jwkset.ErrKeyNotFound) {
				t.Errorf("unknown key: %v", err)
			}
			if n := iss.Fetches.Load(); n != 2 {
				t.Fatalf("the bad answer was fetched %d times, want once", n-1)
			}
			if _, err := set.Key(t.Context(), iss.KID(), "RS256"); err != nil {
				t.Errorf("the good key is gone: %v", err)
			}
		})
	}
}

func TestRedirectToAnotherHostIsRefused(t *testing.T) {
	t.Parallel()
	iss, other := gatetest.New(t), gatetest.New(t)
	iss.HandleKeys(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"jwks.json", http.StatusFound)
	})
	start(t, iss)
	await(t, "two attempts", func() bool { return iss.Fetches.Load() >= 2 })
	if n := other.Fetches.Load(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

func TestRotationUnderConcurrentRequests(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	set := start(t, iss)
	await(t, "ready", set.Ready)
	before := iss.Fetches.Load()
	iss.Rotate()

	var wg sync.WaitGroup
	var failed atomic.Int32
	for range 50 {
		wg.Go(func() {
			if _, err := set.Key(t.Context(), iss.KID(), "RS256"); err != nil {
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
	iss := gatetest.New(t)
	set := start(t, iss)
	await(t, "ready", set.Ready)
	for i := range 2000 {
		var unavailable *jwks.UnavailableError
		_, err := set.Key(t.Context(), "random-"+strconv.Itoa(i), "RS256")
		if i < 3 && !errors.Is(err, jwkset.ErrKeyNotFound) || i >= 10 && (!errors.As(err, &unavailable) || unavailable.RetryAfter() > 13*time.Second) {
			t.Fatalf("key %d: %v", i, err)
		}
	}
	if n := iss.Fetches.Load(); n > 1+5 {
		t.Errorf("%d fetches for 2000 unknown keys", n)
	}
	if _, err := set.Key(t.Context(), iss.KID(), "RS256"); err != nil {
		t.Errorf("the good key suffers: %v", err)
	}
}

// TestFloodDoesNotStarveTheBudget has many callers at once while the budget is spent. It
// must grow again as if they had not been there.
func TestFloodDoesNotStarveTheBudget(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64
	begin := time.Now()
	iss := gatetest.New(t)
	set := start(t, iss, func(o *jwks.Options) {
		o.Now = func() time.Time { return begin.Add(time.Duration(offset.Load())) }
	})
	await(t, "ready", set.Ready)
	var callers sync.WaitGroup
	for worker := range 16 {
		callers.Go(func() {
			for i := range 500 {
				if _, err := set.Key(t.Context(), fmt.Sprintf("random-%d-%d", worker, i), "RS256"); err == nil {
					t.Error("there is such a key")
				}
			}
		})
	}
	callers.Wait()
	iss.Rotate()
	var unavailable *jwks.UnavailableError
	if _, err := set.Key(t.Context(), iss.KID(), "RS256"); !errors.As(err, &unavailable) {
		t.Fatalf("the budget is not spent: %v", err)
	}
	if after := unavailable.RetryAfter(); after > 12*time.Second { // 5 fetches a minute
		t.Errorf("the next fetch is in %v", after)
	}
	offset.Add(int64(unavailable.RetryAfter()))
	if _, err := set.Key(t.Context(), iss.KID(), "RS256"); err != nil {
		t.Errorf("after %v: %v", unavailable.RetryAfter(), err)
	}
}

// TestIssuerThatHangs has an issuer that does not respond any more.
func TestIssuerThatHangs(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	set := start(t, iss)
	await(t, "ready", set.Ready)
	release := make(chan struct{})
	iss.HandleKeys(func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	begin := time.Now()
	var callers sync.WaitGroup
	for range 10 {
		callers.Go(func() {
			if _, err := set.Key(t.Context(), "unknown", "RS256"); !errors.Is(err, jwkset.ErrKeyNotFound) {
				t.Errorf("got %v", err)
			}
		})
	}
	callers.Wait()
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	if _, err := set.Key(t.Context(), iss.KID(), "RS256"); err != nil {
		t.Errorf("a known key: %v", err)
	}
}

func TestReaderThatGoesAwayEndsNoFetch(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	set := start(t, iss)
	await(t, "ready", set.Ready)
	iss.Rotate()
	asked, answer := make(chan struct{}), make(chan struct{})
	iss.HandleKeys(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-answer
		iss.HandleKeys(nil)
		iss.ServeHTTP(w, r)
	})
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := set.Key(ctx, iss.KID(), "RS256"); left <- err }()
	<-asked
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	close(answer)
	if _, err := set.Key(t.Context(), iss.KID(), "RS256"); err != nil {
		t.Errorf("the fetch ended with its first reader: %v", err)
	}
}

func TestKeysGoStale(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64
	iss := gatetest.New(t)
	set := start(t, iss, func(o *jwks.Options) {
		o.MaxStale = time.Hour
		o.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	})
	await(t, "ready", set.Ready)
	iss.HandleKeys(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	offset.Store(int64(59 * time.Minute))
	if _, err := set.Key(t.Context(), iss.KID(), "RS256"); err != nil {
		t.Errorf("keys of 59 minutes: %v", err)
	}
	offset.Store(int64(61 * time.Minute))
	var unavailable *jwks.UnavailableError
	if _, err := set.Key(t.Context(), iss.KID(), "RS256"); !errors.As(err, &unavailable) {
		t.Errorf("keys of 61 minutes: got %v", err)
	}
}

// TestCallerBeforeRun has a caller that comes a moment before Run begins, as a request does that was
// held while the process started.
func TestCallerBeforeRun(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	set := jwks.New(jwks.Options{Issuer: iss.URL})
	found := make(chan error, 1)
	go func() {
		_, err := set.Key(t.Context(), iss.KID(), "RS256")
		found <- err
	}()
	select {
	case err := <-found:
		t.Fatalf("it does not wait: %v", err)
	case <-time.After(20 * time.Millisecond): // a shorter wait could only miss the failure
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); set.Run(ctx) }()
	if err := <-found; err != nil {
		t.Error(err)
	}
	cancel()
	<-done
}

// TestFirstFetch has callers before, during and after the first fetch, which hangs until the
// caller's context ends, and then fails.
func TestFirstFetch(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	idle := jwks.New(jwks.Options{Issuer: iss.URL})
	var unavailable *jwks.UnavailableError
	if _, err := idle.Key(t.Context(), iss.KID(), "RS256"); !errors.As(err, &unavailable) || iss.Fetches.Load() != 0 {
		t.Errorf("before: %v after %d fetches", err, iss.Fetches.Load())
	}

	asked, fail, once := make(chan struct{}), make(chan struct{}), sync.Once{}
	release := sync.OnceFunc(func() { close(fail) })
	t.Cleanup(release) // before the issuer is closed
	iss.HandleKeys(func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() { close(asked) })
		<-fail
		w.WriteHeader(http.StatusBadGateway)
	})
	set := start(t, iss)
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := set.Key(ctx, iss.KID(), "RS256"); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has gone: %v", err)
	}
	begin := time.Now()
	if _, err := set.Key(t.Context(), iss.KID(), "RS256"); !errors.As(err, &unavailable) {
		t.Errorf("during: %v", err)
	}
	if took := time.Since(begin); took < 400*time.Millisecond || took > 1200*time.Millisecond {
		t.Errorf("during: it takes %v, want 0.5 s", took)
	}
	release()
	await(t, "the failure is counted", func() bool { _, failed := set.Fetches(); return failed > 0 })
	begin = time.Now()
	if _, err := set.Key(t.Context(), iss.KID(), "RS256"); !errors.As(err, &unavailable) {
		t.Errorf("after: %v", err)
	}
	if took := time.Since(begin); took > 200*time.Millisecond {
		t.Errorf("after the first fetch: a caller waits %v", took)
	}
}
