package tenanttest_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"calling-an-api.example/devserver/tenant"
	"calling-an-api.example/devserver/tenant/tenanttest"
)

func TestStart(t *testing.T) {
	t.Parallel()
	local := tenanttest.Start(t, tenant.Options{})
	resp, err := http.Get(local.URL + ".well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var discovery struct{ Issuer string }
	if err := json.NewDecoder(resp.Body).Decode(&discovery); err != nil {
		t.Fatal(err)
	}
	if discovery.Issuer != local.URL {
		t.Errorf("got issuer %q, want %q", discovery.Issuer, local.URL)
	}
	if users := local.Users(); len(users) == 0 || users[0].Email == "" {
		t.Errorf("got users %v", users)
	}
	if token := local.Token(t, tenant.MintOptions{User: local.Users()[0].Email}); token == "" {
		t.Error("got no token")
	}
}

// TestSession has a user of the test log in without a page.
func TestSession(t *testing.T) {
	t.Parallel()
	local := tenanttest.Start(t, tenant.Options{})
	u := local.User(t, tenant.NewUser{Email: "grace@example.com"})
	if cookie := local.Session(t, u.Email); cookie.Value == "" || !cookie.HttpOnly {
		t.Errorf("got %v", cookie)
	}
	if token := local.Token(t, tenant.MintOptions{User: u.Email}); token == "" {
		t.Error("got no token")
	}
	local.Reset()
	if len(local.Users()) != 2 || len(local.Events()) != 0 {
		t.Errorf("after a reset: %v, %v", local.Users(), local.Events())
	}
	config := `{"users": [], "clients": [{"client_id": "a", "name": "A", "grant_types": []}], "apis": []}`
	if err := local.Configure("test", []byte(config)); err != nil {
		t.Fatal(err)
	}
	local.User(t, tenant.NewUser{})
	local.Reset()
	if len(local.Users()) != 0 {
		t.Errorf("after a reset, the configuration is another one: %v", local.Users())
	}
}
