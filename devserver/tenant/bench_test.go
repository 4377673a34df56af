package tenant_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"calling-an-api.example/devserver/tenant"
)

// BenchmarkSession is a login without a page: POST /_tenant/session, with the state in a file.
func BenchmarkSession(b *testing.B) {
	srv := httptest.NewUnstartedServer(nil)
	local, err := tenant.New(tenant.Options{
		Issuer: "http://" + srv.Listener.Addr().String() + "/", StateFile: filepath.Join(b.TempDir(), "state.json"),
	})
	if err != nil {
		b.Fatal(err)
	}
	srv.Config.Handler = local
	srv.Start()
	defer local.Close()
	defer srv.Close()
	for b.Loop() {
		resp, err := http.Post(srv.URL+"/_tenant/session", "application/json", strings.NewReader(`{"user": "ada@example.com"}`))
		if err != nil {
			b.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			b.Fatal(resp.Status, err)
		}
	}
}
