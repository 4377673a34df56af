package tenant_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/outputtest"
	"calling-an-api.example/devserver/tenant"
)

// clock is a time that tests move.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// otherClient is a second public client, with all that the first may do.
const otherClient = `{
	"client_id": "other-spa", "name": "Another", "callbacks": ["http://localhost:4200/callback"], "web_origins": ["http://localhost:4300"],
	"allowed_logout_urls": ["http://localhost:4300/bye"],
	"grant_types": ["authorization_code", "refresh_token"]},`

// startKept starts a tenant that keeps its state in a file. restart replaces it by
// another process's, as far as that can be told from outside, and calls functions while none runs.
func startKept(t *testing.T, log *outputtest.Output) (f *fixture, c *clock, file string, restart func(between ...func())) {
	t.Helper()
	c, file = &clock{}, filepath.Join(t.TempDir(), "state", "tenant.json")
	config := filepath.Join(t.TempDir(), "tenant.jsonc")
	if err := os.WriteFile(config, []byte(configured(t, `auth0|ada`, `auth0|ada2`, `  "clients": [`, `  "clients": [`+otherClient)), 0o600); err != nil {
		t.Fatal(err)
	}
	var current atomic.Pointer[tenant.Tenant]
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { current.Load().ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	restart = func(between ...func()) {
		if old := current.Load(); old != nil {
			old.Close()
		}
		for _, act := range between {
			act()
		}
		local, err := tenant.New(tenant.Options{
			Issuer: srv.URL + "/", ClientID: "spa", AppOrigin: app, Audience: audience, Log: slog.New(slog.NewTextHandler(log, nil)),
			ConfigFile: config, StateFile: file, Now: c.now,
		})
		if err != nil {
			t.Fatal(err)
		}
		current.Store(local)
	}
	t.Cleanup(func() { current.Load().Close() })
	restart()
	return &fixture{t, srv.URL, newBrowser(t)}, c, file, restart
}

type tokenAnswer struct {
	Access      string `json:"access_token"`
	Refresh     string `json:"refresh_token"`
	ID          string `json:"id_token"`
	Scope       string `json:"scope"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func (f *fixture) tokens(form url.Values) (status int, a tokenAnswer) {
	f.Helper()
	resp := f.post("/oauth/token", form)
	if err := json.Unmarshal([]byte(resp.body), &a); err != nil {
		f.Fatalf("%v: %s", err, resp.body)
	}
	return resp.status, a
}

// offline logs in and returns a refresh token.
func (f *fixture) offline() string {
	f.Helper()
	code := f.logIn("ada@example.com", "ada-local", "scope=openid profile offline_access read:messages")
	_, a := f.tokens(url.Values{"grant_type": {"authorization_code"}, "client_id": {"spa"}, "code": {code}, "code_verifier": {verifier},
		"redirect_uri": {app + "/callback"}})
	if a.Refresh == "" {
		f.Fatalf("no refresh token: %+v", a)
	}
	return a.Refresh
}

func (f *fixture) renew(token string, more ...string) (int, tokenAnswer) {
	f.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {token}}
	for _, m := range more {
		name, value, _ := strings.Cut(m, "=")
		form.Set(name, value)
	}
	return f.tokens(form)
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	f, c, _, _ := startKept(t, outputtest.New())
	first := f.offline()
	status, a := f.renew(first)
	if status != http.StatusOK || a.Access == "" || a.ID == "" || a.Refresh == "" || a.Refresh == first ||
		!strings.Contains(a.Scope, "read:messages") || strings.Contains(a.Scope, "email") {
		t.Fatalf("%d %+v", status, a)
	}
	if status, b := f.renew(a.Refresh, "scope=openid"); status != http.StatusOK || b.Scope != "openid" {
		t.Errorf("fewer scopes: %d %+v", status, b)
	} else if _, a = f.renew(b.Refresh); !strings.Contains(a.Scope, "read:messages") {
		t.Errorf("after fewer scopes: %+v", a)
	}

	// A token that was replaced some time ago ends its family.
	c.forward(6 * time.Second)
	if status, b := f.renew(first); status == http.StatusOK || b.Error != "invalid_grant" || !strings.Contains(b.Description, "invalid refresh token") {
		t.Errorf("one used before: %d %+v", status, b)
	}
	if status, _ := f.renew(a.Refresh); status == http.StatusOK {
		t.Error("the rest of its family still works")
	}
}

func TestRefreshRefused(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(f *fixture, c *clock, token string) (int, tokenAnswer){
		"unknown": func(f *fixture, _ *clock, _ string) (int, tokenAnswer) { return f.renew("nonsense") },
		"a guess": func(f *fixture, _ *clock, token string) (int, tokenAnswer) { return f.renew("AAAA" + token[4:]) },
		"another client": func(f *fixture, _ *clock, token string) (int, tokenAnswer) {
			return f.renew(token, "client_id=other-spa")
		},
		"idle for too long": func(f *fixture, c *clock, token string) (int, tokenAnswer) {
			c.forward(15 * 24 * time.Hour)
			return f.renew(token)
		},
		"too old": func(f *fixture, c *clock, token string) (int, tokenAnswer) {
			for range 3 {
				c.forward(10*24*time.Hour - time.Minute)
				if _, a := f.renew(token); a.Refresh != "" {
					token = a.Refresh
				}
			}
			c.forward(time.Hour)
			return f.renew(token)
		},
		"revoked": func(f *fixture, _ *clock, token string) (int, tokenAnswer) {
			if a := f.post("/oauth/revoke", url.Values{"client_id": {"spa"}, "token": {token}}); a.status != http.StatusOK {
				f.Errorf("revoke: %d %s", a.status, a.body)
			}
			return f.renew(token)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c, _, _ := startKept(t, outputtest.New())
			token := f.offline()
			if status, a := act(f, c, token); status == http.StatusOK || a.Access != "" {
				t.Errorf("%d %+v", status, a)
			}
			if name == "a guess" || name == "unknown" || name == "another client" {
				if status, _ := f.renew(token); status != http.StatusOK {
					t.Errorf("the real one: %d", status)
				}
			}
		})
	}
}

// TestTabsRefreshAtOnce uses one token in several tabs.
func TestTabsRefreshAtOnce(t *testing.T) {
	t.Parallel()
	f, _, _, _ := startKept(t, outputtest.New())
	token := f.offline()
	var tabs sync.WaitGroup
	for range 8 {
		tabs.Go(func() {
			status, a := f.renew(token)
			if status != http.StatusOK {
				t.Errorf("%d %+v", status, a)
			} else if status, _ := f.renew(a.Refresh); status != http.StatusOK {
				t.Errorf("its next: %d", status)
			}
		})
	}
	tabs.Wait()
}

func TestNoRefreshTokenUnasked(t *testing.T) {
	t.Parallel()
	f := start(t)
	code := f.logIn("ada@example.com", "ada-local")
	if _, a := f.tokens(url.Values{"grant_type": {"authorization_code"}, "client_id": {"spa"}, "code": {code}, "code_verifier": {verifier},
		"redirect_uri": {app + "/callback"}}); a.Access == "" || a.Refresh != "" {
		t.Errorf("%+v", a)
	}
}

// TestCrash reads the file right after a refresh token was used, as a process does that starts after a
// crash.
func TestCrash(t *testing.T) {
	t.Parallel()
	f, _, file, restart := startKept(t, outputtest.New())
	token := f.offline()
	for range 3 {
		_, a := f.renew(token)
		token = a.Refresh
	}
	f.control("keys/rotate", "")
	f.control("clock", `{"ahead": "13h"}`) // after which the session has expired, for the tenant
	f.control("dpop/nonce", "")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	keys := f.kids()
	restart(func() {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Error(err)
		}
	})
	if status, a := f.renew(token); status != http.StatusOK || f.kids()[0] != keys[0] {
		t.Errorf("got %d %+v; keys %v, were %v", status, a, f.kids(), keys)
	}
	f.control("clock", `{"ahead": "13h"}`)
	f.control("keys/rotate", "") // which saves
	restart()
	if got := f.get(authorizeURL("prompt=none", "scope=openid profile offline_access read:messages")).location.Query(); got.Get("code") == "" {
		t.Errorf("the session: %v", got)
	}
}

// TestRestartKeepsLogins restarts the tenant.
func TestRestartKeepsLogins(t *testing.T) {
	t.Parallel()
	log := outputtest.New()
	f, _, file, restart := startKept(t, log)
	if before := f.get("/.well-known/jwks.json").body; before == "" {
		t.Error("no keys")
	} else if restart(); f.get("/.well-known/jwks.json").body != before {
		t.Error("other keys before the first login")
	}
	token := f.offline()
	keys := f.get("/.well-known/jwks.json").body
	restart()
	if again := f.get("/.well-known/jwks.json").body; again != keys {
		t.Errorf("other keys: %s, were %s", again, keys)
	}
	silent := f.get(authorizeURL("prompt=none", "scope=openid profile offline_access read:messages"))
	if silent.location == nil || silent.location.Query().Get("code") == "" {
		t.Errorf("logged out: %d %v", silent.status, silent.location)
	}
	status, a := f.renew(token)
	if status != http.StatusOK {
		t.Errorf("its refresh token: %d %+v", status, a)
	}
	restart()
	if status, _ := f.renew(a.Refresh); status != http.StatusOK {
		t.Fatalf("the next one: %d", status)
	}

	data := []byte{}
	restart(func() {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v; want mode 0600", info.Mode(), err)
		}
		if data, err = os.ReadFile(file); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
			t.Error(err)
		}
	})
	if strings.Contains(string(data), token) || strings.Contains(string(data), strings.SplitN(a.Refresh, ".", 2)[1]) {
		t.Error("a refresh token is in the file")
	}
	for _, cookie := range f.browser.Jar.Cookies(f.request(http.MethodGet, "/", nil).URL) {
		if strings.Contains(string(data), cookie.Value) {
			t.Errorf("the cookie %s is in the file", cookie.Name)
		}
	}

	log.Await(t, "all users are logged out")
	if status, _ := f.renew(a.Refresh); status == http.StatusOK {
		t.Error("a token of another time works")
	}
	f.offline() // and everything starts again
}
