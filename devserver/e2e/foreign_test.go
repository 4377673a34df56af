package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// foreignTest is a test of another module that uses the public packages only.
const foreignTest = `package foreign

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"calling-an-api.example/api/gate"
	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/gate/jwks"
	"calling-an-api.example/devserver/tenant"
	"calling-an-api.example/devserver/tenant/tenanttest"
)

func status(h http.Handler, token string) int {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestTenant(t *testing.T) {
	local := tenanttest.Start(t, tenant.Options{Audience: "https://api.foreign.test"})
	ctx, cancel := context.WithCancel(context.Background())
	keys := jwks.New(jwks.Options{Issuer: local.URL})
	done := make(chan struct{})
	go func() { defer close(done); keys.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	g, err := gate.New(gate.Policy{Issuers: []gate.Issuer{{URL: local.URL, Keys: keys}}, Audiences: []string{"https://api.foreign.test"}})
	if err != nil {
		t.Fatal(err)
	}
	h := g.Require(gate.AllOf("read:messages"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token, ok := gate.FromContext(r.Context()); !ok || token.Subject() != "auth0|ada" {
			t.Errorf("got %q", token.Subject())
		}
	}))
	ada := local.Token(t, tenant.MintOptions{User: "ada@example.com"})
	for tick := time.NewTicker(10 * time.Millisecond); !keys.Ready(); {
		<-tick.C
	}
	for name, tc := range map[string]struct {
		token string
		want  int
	}{
		"permitted":     {ada, 200},
		"not permitted": {local.Token(t, tenant.MintOptions{User: "charles@example.com"}), 403},
		"expired":       {local.Token(t, tenant.MintOptions{User: "ada@example.com", Expired: true}), 401},
		"unknown key":   {local.Token(t, tenant.MintOptions{User: "ada@example.com", Bad: "key"}), 401},
	} {
		if got := status(h, tc.token); got != tc.want {
			t.Errorf("%s: got status %d, want %d", name, got, tc.want)
		}
	}
}

func TestStaticKeys(t *testing.T) {
	iss := gatetest.New(t)
	g, err := gate.New(gate.Policy{
		Issuers:   []gate.Issuer{{URL: iss.URL, Keys: gate.StaticKeys(iss.PublicKeys())}},
		Audiences: []string{gatetest.Audience},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := g.Protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if got := status(h, iss.Mint(nil)); got != http.StatusOK {
		t.Errorf("got status %d, want 200", got)
	}
}
`

// TestForeignModule builds and tests a module that imports the public packages.
func TestForeignModule(t *testing.T) {
	t.Parallel()
	testModule(t, foreignTest)
}

// testModule runs a test file in a module of its own.
func testModule(t *testing.T, test string) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "foreign_test.go", test)
	write(t, dir, "go.mod", fmt.Sprintf(`module foreign.test

go 1.26.0

require (
	calling-an-api.example/api v0.0.0
	calling-an-api.example/devserver v0.0.0
)

replace (
	calling-an-api.example/api => %s
	calling-an-api.example/devserver => %s
)
`, filepath.Join(repo, "api"), filepath.Join(repo, "devserver")))
	sums := ""
	for _, file := range []string{"api/go.sum", "devserver/go.sum", "go.work.sum"} {
		content, err := os.ReadFile(filepath.Join(repo, file))
		if err != nil {
			t.Fatal(err)
		}
		sums += string(content)
	}
	write(t, dir, "go.sum", sums)
	cmd := exec.CommandContext(t.Context(), "go", "test", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
