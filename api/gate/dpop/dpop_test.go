package dpop

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/url"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"calling-an-api.example/api/gate/internal/jws"
)

func TestPublicURLs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ public, path, want string }{ // "" if there is none
		"an origin":                   {"https://api.acme.com", "/messages", "https://api.acme.com/messages"},
		"an origin with a slash":      {"https://api.acme.com/", "/messages", "https://api.acme.com/messages"},
		"the root":                    {"https://api.acme.com", "/", "https://api.acme.com/"},
		"upper case":                  {"HTTPS://API.acme.com", "/Messages", "https://api.acme.com/Messages"},
		"the default port":            {"https://api.acme.com:443", "/m", "https://api.acme.com/m"},
		"another port":                {"http://localhost:4200", "/api/external", "http://localhost:4200/api/external"},
		"an IPv6 address":             {"http://[::1]:3001", "/m", "http://[::1]:3001/m"},
		"a path, which stays":         {"https://acme.com/v1", "/v1/m", "https://acme.com/v1/m"},
		"a path, another one":         {"https://acme.com/v1", "/v2/m", ""},
		"a path that begins like it":  {"https://acme.com/v1", "/v10/m", ""},
		"a path that is removed":      {"https://shop.acme.com/backend=/", "/m", "https://shop.acme.com/backend/m"},
		"a path that is removed, all": {"https://shop.acme.com/backend=/", "/", "https://shop.acme.com/backend/"},
		"a path that is replaced":     {"https://shop.acme.com/backend=/api", "/api/m", "https://shop.acme.com/backend/m"},
		"a path that is replaced, it": {"https://shop.acme.com/backend=/api", "/api", "https://shop.acme.com/backend"},
		"a path that is added":        {"https://api.acme.com=/api", "/api/m", "https://api.acme.com/m"},
		"percent-encoded":             {"https://acme.com", "/a%2fb/%7Ec%20d", "https://acme.com/a%2Fb/~c%20d"},
		"a broken escape":             {"https://acme.com", "/50%", "https://acme.com/50%"},
	} {
		u, err := parsePublicURL(tc.public)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, ok := u.expected(tc.path); got != tc.want || ok != (tc.want != "") {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
	for _, text := range []string{"", "api.acme.com", "/api", "ftp://acme.com", "https://", "https://a@acme.com", "https://acme.com?x", "https://acme.com=api", "https://acme.com#x"} {
		if _, err := parsePublicURL(text); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
}

func TestNewRejects(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]Options{
		"no URL": {}, "an invalid URL": {URLs: []string{"acme"}}, "HS256": {URLs: []string{"https://a.test"}, Algorithms: []string{"HS256"}},
	} {
		if _, err := New(opts); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestProblemsHaveNoNumbersOfTheKey has weak keys of many sizes. They get one description, so
// that what is cached by it is bounded.
func TestProblemsHaveNoNumbersOfTheKey(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for size := 1; size < 200; size++ {
		n := make([]byte, size)
		n[0] = 0x80
		_, err := parseKey(jws.Value{Kind: '{', Raw: []byte(`{"kty":"RSA","e":"AQAB","n":"` + jws.Encoding.EncodeToString(n) + `"}`)})
		if err == nil {
			t.Fatalf("accepted a key of %d bytes", size)
		}
		said[err.Error()] = true
	}
	if len(said) != 1 {
		t.Errorf("the reasons are %v", said)
	}
}

// id returns the nth of many IDs, as random as those of proofs.
func id(n uint64) (id ID) {
	binary.LittleEndian.PutUint64(id[:], n*0x9E3779B97F4A7C15)
	binary.LittleEndian.PutUint64(id[8:], n)
	return id
}

func TestMemory(t *testing.T) {
	t.Parallel()
	var at atomic.Int64
	at.Store(1_000_000)
	now := func() time.Time { return time.Unix(at.Load(), 0) }
	m := NewMemory(64*10, now)
	use := func(n uint64, lifetime time.Duration) bool {
		fresh, _, err := m.Use(context.Background(), id(n), now().Add(lifetime))
		if err != nil {
			t.Fatal(err)
		}
		return fresh
	}
	if !use(1, 65*time.Second) || use(1, 65*time.Second) || !use(2, time.Hour) {
		t.Error("a new one is used, or a used one new")
	}
	at.Add(65)
	if use(1, 65*time.Second) {
		t.Error("forgotten in its last second")
	}
	at.Add(1)
	if !use(1, 65*time.Second) || use(2, time.Hour) {
		t.Error("kept for too long, or not long enough")
	}
	if !use(3, -time.Minute) || use(3, -time.Minute) { // checked in time, and used late: two copies
		t.Error("a proof is used twice after its time")
	}
	at.Add(100_000) // a pause of a day
	if !use(2, time.Hour) {
		t.Error("kept over a pause")
	}
	at.Add(10_000)
	for n := range uint64(200) {
		at.Add(1)
		if !use(1000+n, 10*time.Second) {
			t.Errorf("the %dth is used", n)
		}
	}
	live := 0
	for i := range m.shards {
		live += len(m.shards[i].until)
		if len(m.shards[i].expire) > 20 {
			t.Errorf("%d lists are left in a shard", len(m.shards[i].expire))
		}
	}
	if live > 200 {
		t.Errorf("%d proofs are left", live)
	}
}

// TestMemoryIsBounded fills a Memory. Nothing that is used is forgotten for it.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := NewMemory(shards, nil)
	until := time.Now().Add(time.Minute)
	full := 0
	for n := range uint64(10 * shards) {
		fresh, _, err := m.Use(context.Background(), id(n), until)
		switch {
		case err != nil:
			full++
		case !fresh:
			t.Fatalf("the %dth is used", n)
		}
	}
	if full != 9*shards {
		t.Errorf("%d of %d are rejected", full, 10*shards)
	}
	if fresh, _, _ := m.Use(context.Background(), id(0), until); fresh {
		t.Error("the first is forgotten")
	}
}

// TestMemoryIsSmall measures a Memory that is full.
func TestMemoryIsSmall(t *testing.T) { //nolint:paralleltest // it measures the heap
	before := heap()
	m := NewMemory(0, nil)
	until := time.Now().Add(time.Minute)
	for n := range uint64(DefaultProofs * 95 / 100) { // shards are not filled alike
		if fresh, _, err := m.Use(context.Background(), id(n), until); err != nil || !fresh {
			t.Fatalf("the %dth: %t, %v", n, fresh, err)
		}
	}
	if grown := heap() - before; grown > 150<<20 {
		t.Errorf("%d proofs take %d MB", DefaultProofs*95/100, grown>>20)
	} else {
		t.Logf("%d proofs take %d MB", DefaultProofs*95/100, grown>>20)
	}
	runtime.KeepAlive(m)
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// FuzzProof looks for a proof that makes the verifier panic, or that is accepted with
// another request's URL or without a key.
func FuzzProof(f *testing.F) {
	encode := jws.Encoding.EncodeToString
	for _, seed := range []struct{ header, payload string }{
		{`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}}`, `{"jti":"1","htm":"GET","htu":"https://a.test/","iat":1,"ath":"x"}`},
		{`{"typ":"dpop+jwt","alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}`, `{"iat":1e300,"nonce":"x"}`},
		{`{"typ":"dpop+jwt","alg":"RS256","jwk":{"kty":"RSA","n":"AQAB","e":"AQAB","d":"x"}}`, `{}`}, {`[]`, `null`}, {``, ``},
	} {
		f.Add(encode([]byte(seed.header))+"."+encode([]byte(seed.payload))+".AAAA", "/")
	}
	v, err := New(Options{URLs: []string{"https://a.test", "https://b.test/x=/"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, proof, path string) {
		if _, err := v.Check([]string{proof}, Request{Method: "GET", Path: path, Token: "t", Thumbprint: "x"}); err == nil {
			t.Fatalf("accepted %q", proof)
		}
		if parsed, err := url.Parse("https://a.test" + path); err != nil || parsed.Host != "a.test" || parsed.EscapedPath() != path {
			return // no path of a request
		}
		for _, u := range v.urls {
			if want, ok := u.expected(path); ok {
				if got, err := normalURL(want); err == nil && got != want {
					t.Fatalf("%q is %q in another spelling", want, got)
				}
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodES256, jwt.SigningMethodEdDSA} {
		b.Run(method.Alg(), func(b *testing.B) { benchmarkCheck(b, method) })
	}
}

func BenchmarkMemory(b *testing.B) {
	for _, live := range []uint64{1000, DefaultProofs * 9 / 10} {
		b.Run(fmt.Sprint(live), func(b *testing.B) {
			m := NewMemory(2*DefaultProofs, nil)
			until := time.Now().Add(10 * time.Minute)
			n := uint64(0)
			for ; n < live; n++ {
				_, _, _ = m.Use(context.Background(), id(n), until) // there is room
			}
			b.ReportAllocs()
			for b.Loop() {
				n++
				_, _, _ = m.Use(context.Background(), id(n), time.Now()) // forgotten within a second
			}
		})
	}
}
