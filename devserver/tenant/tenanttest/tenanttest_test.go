package tenanttest_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

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

// TestVerbs does in Go what the controls do over HTTP.
func TestVerbs(t *testing.T) {
	t.Parallel()
	local := tenanttest.Start(t, tenant.Options{})
	u := local.User(t, tenant.NewUser{Permissions: []string{"read:messages"}})
	local.Token(t, tenant.MintOptions{User: u.ID})
	if claims := local.Events(u.Email)[0].Tokens[0].Claims; claims["sub"] != u.ID {
		t.Errorf("the claims are %v", claims)
	}
	once := 1
	local.SetClock(time.Hour)
	for name, err := range map[string]error{
		"RotateKey": local.RotateKey(), "RevokeKey": local.RevokeKey(""), "EndSessions": local.EndSessions(u.Email),
		"ChangeUser": local.ChangeUser(tenant.UserChange{User: u.ID, Permissions: []string{}}),
		"Fail":       local.Fail(tenant.Failure{Path: "/.well-known/jwks.json", Times: &once, Status: http.StatusBadGateway}),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, want := range []int{http.StatusBadGateway, http.StatusOK} {
		resp, err := http.Get(local.URL + ".well-known/jwks.json")
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != want {
			t.Errorf("got %s, %v", resp.Status, err)
		}
	}
	local.Token(t, tenant.MintOptions{User: u.ID})
	if claims := local.Events(u.Email)[0].Tokens[0].Claims; claims["exp"].(float64) < float64(time.Now().Add(2*time.Hour).Unix()) || len(claims["permissions"].([]any)) != 0 {
		t.Errorf("the claims are %v", claims)
	}
	for _, u := range local.Users() {
		if len(u.Permissions) > 0 && u.ID != "auth0|ada" {
			t.Errorf("%s may %v", u.Email, u.Permissions)
		}
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
	if len(local.Users()) != 2 || len(local.Events("")) != 0 {
		t.Errorf("after a reset: %v, %v", local.Users(), local.Events(""))
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
