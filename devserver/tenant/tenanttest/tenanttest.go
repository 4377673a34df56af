// Package tenanttest runs a local tenant on loopback for a test.
//
//	local := tenanttest.Start(t, tenant.Options{})
//	token := local.Token(t, tenant.MintOptions{User: "ada@example.com"})
//
// local.URL is the issuer, whose keys an API fetches as from a real tenant. Logins work
// too: give a client local.URL as its domain and log in as one of local.Users().
package tenanttest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"calling-an-api.example/devserver/tenant"
)

// Server is a running tenant.
type Server struct {
	*tenant.Tenant
	URL string // the issuer, with a trailing slash
}

// Start starts a tenant on a free port of loopback and stops it when t ends. It sets
// options.Issuer; an error in the other options ends the test.
func Start(tb testing.TB, options tenant.Options) *Server {
	tb.Helper()
	srv := httptest.NewUnstartedServer(nil)
	options.Issuer = "http://" + srv.Listener.Addr().String() + "/"
	local, err := tenant.New(options)
	if err != nil {
		_ = srv.Listener.Close() // it has accepted nothing
		tb.Fatal(err)
	}
	srv.Config.Handler = local
	srv.Start()
	tb.Cleanup(func() {
		local.EndWaiting()
		srv.Close()
		local.Close()
	})
	return &Server{local, options.Issuer}
}

// Token returns an access token, as [tenant.Tenant.Mint] does. An error in options ends the
// test.
func (s *Server) Token(tb testing.TB, options tenant.MintOptions) string {
	tb.Helper()
	token, err := s.Mint(options)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// User adds a user, as [tenant.Tenant.AddUser] does. An error in asked ends the test.
func (s *Server) User(tb testing.TB, asked tenant.NewUser) tenant.User {
	tb.Helper()
	u, err := s.AddUser(asked)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

// Session logs the user with that email address in, and returns the cookie that a browser sends
// to the tenant. No page asks for a login or for consent then. An unknown user ends the test.
func (s *Server) Session(tb testing.TB, email string) *http.Cookie {
	tb.Helper()
	cookie, err := s.StartSession(email, true)
	if err != nil {
		tb.Fatal(err)
	}
	return cookie
}
