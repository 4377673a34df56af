package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// TestGoPackages logs in to a web application on x/oauth2 and go-oidc, as their documentation
// writes it, over HTTPS.
func TestGoPackages(t *testing.T) {
	t.Parallel()
	var config oauth2.Config
	var verifier *oidc.IDTokenVerifier
	var ctx context.Context
	secret := oauth2.GenerateVerifier()
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, config.AuthCodeURL("state", oauth2.S256ChallengeOption(secret), oidc.Nonce("nonce")), http.StatusFound)
	})
	mux.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		token, err := config.Exchange(ctx, r.FormValue("code"), oauth2.VerifierOption(secret))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		raw, _ := token.Extra("id_token").(string)
		id, err := verifier.Verify(ctx, raw)
		if err != nil || id.Nonce != "nonce" {
			http.Error(w, fmt.Sprint(err), http.StatusInternalServerError)
			return
		}
		var claims struct{ Email string }
		if err := id.Claims(&claims); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprint(w, claims.Email) // fails only if the client is gone
	})
	app := httptest.NewServer(mux)
	t.Cleanup(app.Close)

	state, dir := t.TempDir(), t.TempDir()
	write(t, dir, "tenant.jsonc", fmt.Sprintf(webConfig, fmt.Sprintf("%q", app.URL+"/callback"), ""))
	s := newSystemWith(t, "", []string{"DEV_HTTPS=true", "TENANT_STATE=" + state, "TENANT_CONFIG=" + filepath.Join(dir, "tenant.jsonc")}, "--types=false")
	b := newWebBrowser(t, state)
	ctx = oidc.ClientContext(context.Background(), b.client)
	provider, err := oidc.NewProvider(ctx, s.tenant+"/")
	if err != nil {
		t.Fatal(err)
	}
	config = oauth2.Config{
		ClientID: "web", ClientSecret: "web-secret", Endpoint: provider.Endpoint(), RedirectURL: app.URL + "/callback", Scopes: []string{oidc.ScopeOpenID, "email"},
	}
	verifier = provider.Verifier(&oidc.Config{ClientID: "web"})
	b.post(s.tenant+"/_tenant/session", url.Values{}, `{"user": "ada@example.com"}`)
	if got := b.get(app.URL + "/login"); got != "ada@example.com" {
		t.Errorf("logged in is %s", got)
	}
}
