package tenant_test

import (
	"context"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// TestStandardGoClient logs in with the client that Go programs use, which knows
// nothing of Auth0.
func TestStandardGoClient(t *testing.T) {
	t.Parallel()
	f := start(t)
	ctx := oidc.ClientContext(context.Background(), f.browser)
	provider, err := oidc.NewProvider(ctx, f.url+"/")
	if err != nil {
		t.Fatal(err)
	}
	config := oauth2.Config{
		ClientID: "spa", Endpoint: provider.Endpoint(), RedirectURL: app + "/callback",
		Scopes: []string{oidc.ScopeOpenID, "profile", oidc.ScopeOfflineAccess},
	}
	config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	code := f.logIn("ada@example.com", "ada-local", "scope=openid profile offline_access", "audience=")
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: "spa"}).Verify(ctx, raw)
	if err != nil || id.Subject != "auth0|ada" || id.Nonce != "n0nce" {
		t.Errorf("%+v, %v", id, err)
	}
	info, err := provider.UserInfo(ctx, config.TokenSource(ctx, token))
	if err != nil || info.Subject != "auth0|ada" {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := provider.Verifier(&oidc.Config{ClientID: "spa"}).Verify(ctx, token.AccessToken); err == nil {
		t.Error("an access token passes for an ID token")
	}
	token.Expiry = id.IssuedAt // long ago: the next one comes of the refresh token
	token.AccessToken = ""
	if next, err := config.TokenSource(ctx, token).Token(); err != nil || next.RefreshToken == token.RefreshToken || next.AccessToken == "" {
		t.Errorf("%+v, %v", next, err)
	}
}
