package jwks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/gate/jwks"
)

// roundTrip answers a request without a network.
type roundTrip func(r *http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer is a response with a status and a body.
func answer(status int, body string) *http.Response {
	return &http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

// run runs a Set of issuer in a bubble for a while, whose requests are answered by respond.
func run(t *testing.T, opts jwks.Options, respond roundTrip, check func(set *jwks.Set)) (log string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		opts.Client, opts.Log = &http.Client{Transport: respond}, slog.New(slog.NewTextHandler(&lines, nil))
		set := jwks.New(opts)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); set.Run(ctx) }()
		synctest.Wait()
		check(set)
		cancel()
		<-done
		log = lines.String()
	})
	return log
}

// TestIssuerNames has an issuer that is configured in one spelling and has another.
func TestIssuerNames(t *testing.T) {
	t.Parallel()
	const (
		openid = "/.well-known/openid-configuration"
		oauth  = "/.well-known/oauth-authorization-server"
	)
	keys := `{"keys":[` + jwk(t, gatetest.Unstarted("")) + `]}`
	for name, tc := range map[string]struct {
		configured string
		document   string // path of the discovery document on the issuer's host
		says       string // its issuer
		want       string // exact value of iss; "" if the document must not be used
	}{
		"Auth0":                       {"https://acme.eu.auth0.com/", openid, "https://acme.eu.auth0.com/", "https://acme.eu.auth0.com/"},
		"a custom domain":             {"https://login.acme.com/", openid, "https://login.acme.com/", "https://login.acme.com/"},
		"Keycloak's realm":            {"https://id.acme.com/realms/acme", "/realms/acme" + openid, "https://id.acme.com/realms/acme", "https://id.acme.com/realms/acme"},
		"Keycloak's realm, a slash":   {"https://id.acme.com/realms/acme/", "/realms/acme" + openid, "https://id.acme.com/realms/acme", "https://id.acme.com/realms/acme"},
		"Okta's org":                  {"https://acme.okta.com/", openid, "https://acme.okta.com", "https://acme.okta.com"},
		"Google":                      {"https://accounts.google.com/", openid, "https://accounts.google.com", "https://accounts.google.com"},
		"Entra v1, with a slash":      {"https://sts.windows.net/7d1", "/7d1" + openid, "https://sts.windows.net/7d1/", "https://sts.windows.net/7d1/"},
		"upper case in the document":  {"https://id.acme.com/t", "/t" + openid, "https://ID.Acme.com/t", "https://ID.Acme.com/t"},
		"a port":                      {"https://id.acme.com:8443/t", "/t" + openid, "https://id.acme.com:8443/t", "https://id.acme.com:8443/t"},
		"the default port":            {"https://id.acme.com:443/t", "/t" + openid, "https://id.acme.com/t", "https://id.acme.com/t"},
		"RFC 8414, no path":           {"https://id.acme.com/", oauth, "https://id.acme.com", "https://id.acme.com"},
		"RFC 8414, before a path":     {"https://id.acme.com/t", oauth + "/t", "https://id.acme.com/t", "https://id.acme.com/t"},
		"none":                        {"https://id.acme.com/t", "", "", ""},
		"another path":                {"https://id.acme.com/t", "/t" + openid, "https://id.acme.com/T", ""},
		"another host":                {"https://id.acme.com/t", "/t" + openid, "https://id.acme.com.evil.com/t", ""},
		"another port":                {"https://id.acme.com/t", "/t" + openid, "https://id.acme.com:8443/t", ""},
		"another scheme":              {"https://id.acme.com/t", "/t" + openid, "http://id.acme.com/t", ""},
		"a query":                     {"https://id.acme.com/t", "/t" + openid, "https://id.acme.com/t?a", ""},
		"an empty query":              {"https://id.acme.com/t", "/t" + openid, "https://id.acme.com/t?", ""},
		"a scheme in upper case":      {"https://id.acme.com/t", "/t" + openid, "HTTPS://id.acme.com/t", ""},
		"an empty port":               {"https://id.acme.com/t", "/t" + openid, "https://id.acme.com:/t", ""},
		"a user":                      {"https://id.acme.com/t", "/t" + openid, "https://a@id.acme.com/t", ""},
		"two slashes":                 {"https://id.acme.com/t", "/t" + openid, "https://id.acme.com/t//", ""},
		"Entra's template for tenant": {"https://login.microsoftonline.com/common/v2.0", "/common/v2.0" + openid, "https://login.microsoftonline.com/{tenantid}/v2.0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			respond := func(r *http.Request) (*http.Response, error) {
				switch {
				case r.URL.Path == "/keys", r.URL.Path == strings.TrimSuffix(mustPath(t, tc.configured), "/")+"/.well-known/jwks.json":
					return answer(200, keys), nil
				case r.URL.Path == tc.document:
					return answer(200, `{"issuer":"`+tc.says+`","jwks_uri":"https://`+r.URL.Host+`/keys"}`), nil
				}
				return answer(404, ""), nil
			}
			run(t, jwks.Options{Issuer: tc.configured}, respond, func(set *jwks.Set) {
				want := tc.want
				if want == "" {
					want = tc.configured
				}
				if !set.Ready() || set.Issuer() != want {
					t.Errorf("got the issuer %q, ready %t; want %q", set.Issuer(), set.Ready(), want)
				}
			})
		})
	}
}

func mustPath(t *testing.T, raw string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.URL.Path
}

// TestNameAndKeysChangeTogether has an issuer whose discovery begins to work. Tokens that
// were verified under the guessed name are verified again.
func TestNameAndKeysChangeTogether(t *testing.T) {
	t.Parallel()
	keys := `{"keys":[` + jwk(t, gatetest.Unstarted("")) + `]}`
	var works atomic.Bool
	respond := func(r *http.Request) (*http.Response, error) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/jwks.json"):
			return answer(200, keys), nil
		case works.Load():
			return answer(200, `{"issuer":"https://id.acme.com","jwks_uri":"https://id.acme.com/x/jwks.json"}`), nil
		}
		return answer(503, ""), nil
	}
	run(t, jwks.Options{Issuer: "https://id.acme.com/"}, respond, func(set *jwks.Set) {
		_, before, _ := set.Snapshot()
		if name := set.Issuer(); name != "https://id.acme.com/" {
			t.Errorf("before: %q", name)
		}
		works.Store(true)
		set.Refresh()
		synctest.Wait()
		_, after, _ := set.Snapshot()
		if name := set.Issuer(); name != "https://id.acme.com" || after == before {
			t.Errorf("after: %q, epoch %d, before %d", name, after, before)
		}
	})
}

// TestUnknownKeyAsksForDiscovery has an issuer whose discovery failed at the start. A token of
// a key that the guessed URL does not have makes the Set ask again, long before the refresh.
func TestUnknownKeyAsksForDiscovery(t *testing.T) {
	t.Parallel()
	iss := gatetest.Unstarted("https://id.acme.com/")
	keys := `{"keys":[` + jwk(t, iss) + `]}`
	var works atomic.Bool
	respond := func(r *http.Request) (*http.Response, error) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/jwks.json"):
			return answer(200, keys), nil
		case r.URL.Path == "/real":
			return answer(200, strings.Replace(keys, iss.KID(), "real", 1)), nil
		case works.Load():
			return answer(200, `{"issuer":"https://id.acme.com/","jwks_uri":"https://id.acme.com/real"}`), nil
		}
		return answer(503, ""), nil
	}
	run(t, jwks.Options{Issuer: iss.URL, Refresh: time.Hour}, respond, func(set *jwks.Set) {
		works.Store(true)
		if _, err := set.Key(context.Background(), "real", "RS256"); err != nil {
			t.Errorf("the key that discovery leads to: %v", err)
		}
		if _, err := set.Key(context.Background(), iss.KID(), "RS256"); err == nil {
			t.Error("a key of the guessed URL is still in use")
		}
	})
}

// TestNotModified has an issuer that sends an ETag. The keys are not sent again while they
// are the same, and stay fresh.
func TestNotModified(t *testing.T) {
	t.Parallel()
	iss := gatetest.Unstarted("https://id.acme.com/")
	keys, sent, same := `{"keys":[`+jwk(t, iss)+`]}`, 0, 0
	tag := `"one"`
	var mu sync.Mutex // protects the variables above
	respond := func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case !strings.HasSuffix(r.URL.Path, "/jwks.json"):
			if got := r.Header.Get("If-None-Match"); got != "" {
				t.Errorf("discovery is asked with the ETag %s", got)
			}
			return answer(404, ""), nil
		case r.Header.Get("If-None-Match") == tag:
			same++
			return answer(304, ""), nil
		}
		sent++
		resp := answer(200, keys)
		resp.Header.Set("Etag", tag)
		return resp, nil
	}
	run(t, jwks.Options{Issuer: iss.URL, Refresh: time.Minute, MaxStale: 2 * time.Minute}, respond, func(set *jwks.Set) {
		_, before, _ := set.Snapshot()
		time.Sleep(10 * time.Minute)
		key, epoch, usable := set.Snapshot()
		if _, err := key(context.Background(), iss.KID(), "RS256"); err != nil || !usable || epoch != before {
			t.Errorf("after ten minutes: %v, usable %t, epoch %d, want %d", err, usable, epoch, before)
		}
		mu.Lock()
		if sent != 1 || same < 9 {
			t.Errorf("the keys were sent %d times, and were the same %d times", sent, same)
		}
		iss.Rotate()
		keys, tag = `{"keys":[`+jwk(t, iss)+`]}`, `"two"`
		mu.Unlock()
		time.Sleep(2 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if _, err := set.Key(context.Background(), iss.KID(), "RS256"); err != nil || sent != 2 {
			t.Errorf("rotated: %v, sent %d times", err, sent)
		}
	})
}

// TestETagBelongsToOneURL has keys that move, at first without a new ETag.
func TestETagBelongsToOneURL(t *testing.T) {
	t.Parallel()
	iss := gatetest.Unstarted("https://id.acme.com/")
	keys := `{"keys":[` + jwk(t, iss) + `]}`
	var at, broken atomic.Value
	at.Store("/a")
	broken.Store(false)
	respond := func(r *http.Request) (*http.Response, error) {
		resp := answer(200, strings.Replace(keys, iss.KID(), r.URL.Path, 1))
		switch {
		case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
			return answer(200, `{"issuer":"https://id.acme.com/","jwks_uri":"https://id.acme.com`+at.Load().(string)+`"}`), nil
		case r.Header.Get("If-None-Match") != "" && broken.Load().(bool):
			return answer(412, ""), nil
		case r.Header.Get("If-None-Match") != "":
			return answer(304, ""), nil
		}
		resp.Header.Set("Etag", `"same"`)
		return resp, nil
	}
	run(t, jwks.Options{Issuer: iss.URL, Refresh: time.Minute}, respond, func(set *jwks.Set) {
		at.Store("/b")
		set.Refresh()
		synctest.Wait()
		if _, err := set.Key(context.Background(), "/b", "RS256"); err != nil {
			t.Errorf("after the move: %v", err)
		}
		broken.Store(true) // to conditional requests alone
		set.Refresh()
		time.Sleep(5 * time.Minute)
		if ok, failed := set.Fetches(); ok < 6 {
			t.Errorf("with an issuer that cannot deal with ETags: %d fetches succeeded, %d failed", ok, failed)
		}
	})
}

// TestUnaskedNotModified has an issuer that says that nothing has changed without an ETag.
func TestUnaskedNotModified(t *testing.T) {
	t.Parallel()
	iss := gatetest.Unstarted("https://id.acme.com/")
	keys := `{"keys":[` + jwk(t, iss) + `]}`
	var later atomic.Bool
	respond := func(r *http.Request) (*http.Response, error) {
		switch {
		case !strings.HasSuffix(r.URL.Path, "/jwks.json"):
			return answer(404, ""), nil
		case later.Load():
			return answer(304, ""), nil
		}
		resp := answer(200, keys)
		resp.Header.Set("Etag", `"`+strings.Repeat("x", 300)+`"`) // too long to be sent back
		return resp, nil
	}
	run(t, jwks.Options{Issuer: iss.URL}, respond, func(set *jwks.Set) {
		later.Store(true)
		set.Refresh()
		synctest.Wait()
		if ok, failed := set.Fetches(); ok != 1 || failed != 1 {
			t.Errorf("%d fetches succeeded, %d failed, want one each", ok, failed)
		}
	})
}

// TestKeysOfOneAlgorithm has a key that names an algorithm, which changes.
func TestKeysOfOneAlgorithm(t *testing.T) {
	t.Parallel()
	iss := gatetest.Unstarted("https://id.acme.com/")
	var keys atomic.Value
	key := jwk(t, iss)
	keys.Store(key)
	var asked atomic.Int32
	respond := func(r *http.Request) (*http.Response, error) {
		if !strings.HasSuffix(r.URL.Path, "/jwks.json") {
			return answer(404, ""), nil
		}
		asked.Add(1)
		return answer(200, `{"keys":[`+keys.Load().(string)+`]}`), nil
	}
	run(t, jwks.Options{Issuer: iss.URL, Algorithms: []string{"RS256", "PS256"}}, respond, func(set *jwks.Set) {
		can := func(name string) bool {
			_, err := set.Key(context.Background(), iss.KID(), name)
			return err == nil
		}
		if !can("RS256") || can("PS256") || can("ES256") || asked.Load() != 1 {
			t.Errorf("a key for RS256 can RS256: %t, PS256: %t, ES256: %t; asked %d times", can("RS256"), can("PS256"), can("ES256"), asked.Load())
		}
		_, before, _ := set.Snapshot()
		keys.Store(strings.Replace(key, `"RS256"`, `"PS256"`, 1))
		set.Refresh()
		synctest.Wait()
		if _, after, _ := set.Snapshot(); after == before || can("RS256") || !can("PS256") {
			t.Errorf("a key that is for PS256 now: epoch %d, before %d", after, before)
		}
		keys.Store(key + "," + strings.Replace(key, `"RS256"`, `"PS256"`, 1))
		set.Refresh()
		synctest.Wait()
		if !can("RS256") || !can("PS256") {
			t.Error("a key that is published for both is not for both")
		}
	})
}

// TestKeysThatMoveAreFound has a key set that is gone when a new key is looked up. Discovery
// is asked at once, and not at the next refresh.
func TestKeysThatMoveAreFound(t *testing.T) {
	t.Parallel()
	iss := gatetest.Unstarted("https://id.acme.com/")
	keys := `{"keys":[` + jwk(t, iss) + `]}`
	var at atomic.Value
	at.Store("/a")
	respond := func(r *http.Request) (*http.Response, error) {
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			return answer(200, `{"issuer":"https://id.acme.com/","jwks_uri":"https://id.acme.com`+at.Load().(string)+`"}`), nil
		case at.Load().(string):
			return answer(200, strings.Replace(keys, iss.KID(), r.URL.Path, 1)), nil
		}
		return answer(404, ""), nil
	}
	run(t, jwks.Options{Issuer: iss.URL, Refresh: time.Hour}, respond, func(set *jwks.Set) {
		at.Store("/b")
		if _, err := set.Key(context.Background(), "/b", "RS256"); err != nil {
			t.Errorf("the key that has moved: %v", err)
		}
		if ok, failed := set.Fetches(); ok != 2 || failed != 0 {
			t.Errorf("%d fetches succeeded, %d failed", ok, failed)
		}
	})
}

// TestKeysThatBecomeTooOld has an issuer that fails for longer than keys are kept. The log
// says when its tokens begin to get 503.
func TestKeysThatBecomeTooOld(t *testing.T) {
	t.Parallel()
	keys := `{"keys":[` + jwk(t, gatetest.Unstarted("")) + `]}`
	var fails atomic.Bool
	respond := func(*http.Request) (*http.Response, error) {
		if fails.Load() {
			return answer(500, ""), nil
		}
		return answer(200, keys), nil
	}
	log := run(t, jwks.Options{Issuer: "https://id.acme.com/", Refresh: time.Minute, MaxStale: 10 * time.Minute}, respond, func(*jwks.Set) {
		fails.Store(true)
		time.Sleep(20 * time.Minute)
	})
	for _, want := range []string{"last keys stay in use, for 10 minutes at most", "last keys are too old"} {
		if strings.Count(log, want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, log)
		}
	}
}

// TestNotModifiedWithoutKeys has an issuer that says that nothing has changed, although no
// keys are known.
func TestNotModifiedWithoutKeys(t *testing.T) {
	t.Parallel()
	respond := func(*http.Request) (*http.Response, error) { return answer(304, ""), nil }
	run(t, jwks.Options{Issuer: "https://id.acme.com/"}, respond, func(set *jwks.Set) {
		if set.Ready() {
			t.Error("ready without keys")
		}
	})
}

// TestLogNamesTheFault has issuers with one fault each, from the start. Each has one line,
// whatever number of attempts, and only those that were not reached have one that says so.
func TestLogNamesTheFault(t *testing.T) {
	t.Parallel()
	var port atomic.Int32
	for name, tc := range map[string]struct {
		respond roundTrip
		reached bool
		want    []string
	}{
		"refused": {func(*http.Request) (*http.Response, error) {
			from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port.Add(1))} // as in the errors of real connections
			return nil, &net.OpError{Op: "read", Net: "tcp", Source: from, Addr: from, Err: errors.New("connection reset by peer")}
		}, false, nil},
		"500":  {func(*http.Request) (*http.Response, error) { return answer(500, ""), nil }, true, []string{"jwks.json", "500 Internal"}},
		"HTML": {func(*http.Request) (*http.Response, error) { return answer(200, "<html>"), nil }, true, []string{"jwks.json", "not a JWK Set"}},
		"no keys": {func(*http.Request) (*http.Response, error) {
			return answer(200, `{"issuer":"https://id.acme.com/","jwks_uri":"https://keys.acme.com/","keys":[]}`), nil
		}, true, []string{"https://keys.acme.com/", "no key that can verify RS256"}},
		"a redirect": {func(*http.Request) (*http.Response, error) {
			resp := answer(302, "")
			resp.Header.Set("Location", "https://login.evil.com/")
			return resp, nil
		}, true, []string{"redirects to another origin", "login.evil.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := run(t, jwks.Options{Issuer: "https://id.acme.com/"}, tc.respond, func(*jwks.Set) { time.Sleep(time.Minute) })
			if got := strings.Contains(log, "cannot reach the issuer"); got == tc.reached {
				t.Errorf("says that it cannot reach the issuer: %t\n%s", got, log)
			}
			for _, want := range append(tc.want, "https://id.acme.com/") {
				if !strings.Contains(log, want) {
					t.Errorf("does not say %q:\n%s", want, log)
				}
			}
			if n := strings.Count(log, "get 503"); n != 1 {
				t.Errorf("%d lines about the keys:\n%s", n, log)
			}
		})
	}
}
