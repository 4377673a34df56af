package tenant_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestPickedUserNeedsNoPassword(t *testing.T) {
	t.Parallel()
	f := start(t)
	state := f.get(authorizeURL()).location.Query().Get("state")
	if next := f.post("/u/login", url.Values{"state": {state}, "pick": {"ada@example.com"}}).location; next == nil || next.Path != "/u/consent" {
		t.Errorf("led to %v", next)
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]url.Values{
		"wrong password":  {"username": {"ada@example.com"}, "password": {"charles-local"}},
		"empty password":  {"username": {"ada@example.com"}},
		"unknown user":    {"username": {"eve@example.com"}, "password": {"ada-local"}},
		"unlisted choice": {"pick": {"eve@example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			form := url.Values(http.Header(form).Clone())
			form.Set("state", f.get(authorizeURL()).location.Query().Get("state"))
			got := f.post("/u/login", form)
			if got.status != http.StatusUnauthorized || !strings.Contains(got.body, "Wrong email or password") {
				t.Fatalf("got %d %s", got.status, got.body)
			}
			form.Set("username", "ada@example.com")
			form.Set("password", "ada-local")
			if got := f.post("/u/login", form); got.location == nil {
				t.Errorf("the right password afterwards: %d", got.status)
			}
		})
	}
}

func TestConsentIsAskedOnce(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.logIn("ada@example.com", "ada-local")
	if next := f.get(authorizeURL()).location; next == nil || next.Query().Get("code") == "" {
		t.Errorf("a second login led to %v, not back to the app", next)
	}
	if next := f.get(authorizeURL("prompt=consent")).location; next == nil || next.Path != "/u/consent" {
		t.Errorf("prompt=consent led to %v", next)
	}
	if next := f.get(authorizeURL("prompt=login")).location; next == nil || next.Path != "/u/login" {
		t.Errorf("prompt=login led to %v", next)
	}
	if next := f.get(authorizeURL("prompt=select_account")).location; next == nil || next.Path != "/u/login" {
		t.Errorf("prompt=select_account led to %v", next)
	}
	if next := f.get(authorizeURL("prompt=none select_account")).location; next == nil || next.Query().Get("error") != "invalid_request" {
		t.Errorf("prompt=none select_account led to %v", next)
	}
	if next := f.get(authorizeURL("max_age=0")).location; next == nil || next.Path != "/u/login" {
		t.Errorf("max_age=0 led to %v", next)
	}
}

func TestConsentDeclined(t *testing.T) {
	t.Parallel()
	f := start(t)
	state := f.get(authorizeURL()).location.Query().Get("state")
	f.post("/u/login", url.Values{"state": {state}, "pick": {"ada@example.com"}})
	if page := f.get("/u/consent?state=" + state); !strings.Contains(page.body, "Read your messages") {
		t.Errorf("the consent page does not say what is asked:\n%s", page.body)
	}
	next := f.consent(state, "decline").location
	if next == nil || next.Query().Get("error") != "access_denied" || next.Query().Get("state") != "st&te" {
		t.Errorf("led to %v", next)
	}
}
