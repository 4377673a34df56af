package jwks_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/gate/jwks"
)

// transport answers requests by a handler in the same goroutine, so that time in a
// synctest bubble only passes while the Set waits.
type transport struct{ handler http.Handler }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	t.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

// jwk is iss's public key as JSON.
func jwk(t *testing.T, iss *gatetest.Issuer) string {
	t.Helper()
	data, err := json.Marshal(iss.JWK())
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// fetchTimes runs a Set for as long as given, and returns when it asked for keys,
// since its start. answer answers the nth request, counted from 0.
func fetchTimes(t *testing.T, opts jwks.Options, run time.Duration, answer func(n int, w http.ResponseWriter) (ok bool)) (times []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		iss := gatetest.Unstarted("https://issuer.test/")
		start := time.Now()
		iss.HandleKeys(func(w http.ResponseWriter, _ *http.Request) {
			n := len(times)
			times = append(times, time.Since(start))
			if !answer(n, w) {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			_, _ = io.WriteString(w, `{"keys":[`+jwk(t, iss)+`]}`)
		})
		opts.Issuer, opts.Client = iss.URL, &http.Client{Transport: transport{iss}}
		set := jwks.New(opts)
		ctx, cancel := context.WithTimeout(t.Context(), run)
		defer cancel()
		set.Run(ctx)
	})
	return times
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	always := func(int, http.ResponseWriter) bool { return true }
	for name, tc := range map[string]struct {
		opts   jwks.Options
		run    time.Duration
		answer func(n int, w http.ResponseWriter) bool
		want   []time.Duration
	}{
		"refresh": {jwks.Options{Refresh: time.Minute}, 150 * time.Second, always,
			[]time.Duration{0, time.Minute, 2 * time.Minute}},
		"a shorter max-age": {jwks.Options{Refresh: time.Hour}, 65 * time.Second,
			func(_ int, w http.ResponseWriter) bool { w.Header().Set("Cache-Control", "max-age=30"); return true },
			[]time.Duration{0, 30 * time.Second, time.Minute}},
		"max-age below the minimum": {jwks.Options{Refresh: time.Hour}, 25 * time.Second,
			func(_ int, w http.ResponseWriter) bool { w.Header().Set("Cache-Control", "no-store"); return true },
			[]time.Duration{0, 10 * time.Second, 20 * time.Second}},
		"max-age on the second line": {jwks.Options{Refresh: time.Hour}, 65 * time.Second,
			func(_ int, w http.ResponseWriter) bool {
				w.Header()["Cache-Control"] = []string{"public, must-revalidate", `max-age="30"`}
				return true
			},
			[]time.Duration{0, 30 * time.Second, time.Minute}},
		"max-age less age": {jwks.Options{Refresh: time.Hour}, 65 * time.Second,
			func(_ int, w http.ResponseWriter) bool {
				w.Header().Set("Cache-Control", "max-age=90")
				w.Header().Set("Age", "60")
				return true
			},
			[]time.Duration{0, 30 * time.Second, time.Minute}},
		"expires": {jwks.Options{Refresh: time.Hour}, 35 * time.Second,
			func(_ int, w http.ResponseWriter) bool {
				w.Header().Set("Expires", time.Now().Add(30*time.Second).UTC().Format(http.TimeFormat))
				return true
			},
			[]time.Duration{0, 30 * time.Second}}, // later ones are truncated to a second
		"expires by the issuer's clock, and max-age": {jwks.Options{Refresh: time.Hour}, 65 * time.Second,
			func(_ int, w http.ResponseWriter) bool {
				w.Header().Set("Date", "Tue, 01 Jan 2030 00:00:00 GMT")
				w.Header().Set("Expires", "Tue, 01 Jan 2030 00:00:10 GMT")
				w.Header().Set("Cache-Control", "max-age=30")
				return true
			},
			[]time.Duration{0, 30 * time.Second, time.Minute}},
		"expires is no date": {jwks.Options{Refresh: time.Hour}, 15 * time.Second,
			func(_ int, w http.ResponseWriter) bool { w.Header().Set("Expires", "0"); return true },
			[]time.Duration{0, 10 * time.Second}},
		"retries without keys": {jwks.Options{Refresh: time.Hour}, 17 * time.Second,
			func(int, http.ResponseWriter) bool { return false },
			[]time.Duration{0, 200 * time.Millisecond, 600 * time.Millisecond, 1400 * time.Millisecond, 3 * time.Second,
				6200 * time.Millisecond, 11200 * time.Millisecond, 16200 * time.Millisecond}},
		"retries with keys": {jwks.Options{Refresh: time.Minute}, 62 * time.Second,
			func(n int, _ http.ResponseWriter) bool { return n == 0 },
			[]time.Duration{0, time.Minute, 60200 * time.Millisecond, 60600 * time.Millisecond, 61400 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := fetchTimes(t, tc.opts, tc.run, tc.answer)
			if len(got) < len(tc.want) {
				t.Fatalf("got fetches at %v, want %v", got, tc.want)
			}
			for i := range tc.want[1:] {
				gap, want := got[i+1]-got[i], tc.want[i+1]-tc.want[i]
				if gap > want || gap < want*9/10 { // up to a tenth sooner
					t.Errorf("got fetches at %v, want %v, each up to a tenth sooner", got, tc.want)
				}
			}
		})
	}
}

// TestFetchesAreSpread starts a hundred Sets of one issuer at once. Their second fetches are
// at different times.
func TestFetchesAreSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		iss := gatetest.Unstarted("https://issuer.test/")
		var mu sync.Mutex
		times := map[time.Duration]int{}
		start := time.Now()
		iss.HandleKeys(func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			times[time.Since(start).Round(100*time.Millisecond)]++
			mu.Unlock()
			_, _ = io.WriteString(w, `{"keys":[`+jwk(t, iss)+`]}`)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 61*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for range 100 {
			set := jwks.New(jwks.Options{Issuer: iss.URL, Refresh: time.Minute, Client: &http.Client{Transport: transport{iss}}})
			wg.Go(func() { set.Run(ctx) })
		}
		wg.Wait()
		delete(times, 0) // the first fetches
		for at, n := range times {
			if n > 20 {
				t.Errorf("%d fetches within 100 ms, at %v", n, at)
			}
		}
		if len(times) < 20 {
			t.Errorf("fetches at %v only", times)
		}
	})
}

// TestRedirects has the keys behind a redirect. Only those of the same origin, in any
// spelling, are followed.
func TestRedirects(t *testing.T) {
	t.Parallel()
	for location, followed := range map[string]bool{
		"/elsewhere": true, "https://issuer.test/elsewhere": true, "https://ISSUER.test:443/elsewhere": true,
		"http://issuer.test/elsewhere": false, "https://issuer.test:8443/elsewhere": false, "https://other.test/elsewhere": false,
	} {
		t.Run(location, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				iss := gatetest.Unstarted("https://issuer.test/")
				iss.HandleKeys(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Location", location)
					w.WriteHeader(http.StatusFound)
				})
				redirected := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/elsewhere" {
						_, _ = io.WriteString(w, `{"keys":[`+jwk(t, iss)+`]}`)
						return
					}
					iss.ServeHTTP(w, r)
				})
				set := jwks.New(jwks.Options{Issuer: iss.URL, Client: &http.Client{Transport: transport{redirected}}})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				set.Run(ctx)
				if set.Ready() != followed {
					t.Errorf("ready: %t, want %t", set.Ready(), followed)
				}
			})
		})
	}
}
