package gate_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"calling-an-api.example/api/gate"
	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/gate/jwks"
)

// An API behind an Auth0 tenant, whose keys are fetched and refreshed.
func Example_auth0() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	const issuer = "https://acme.eu.auth0.com/"
	keys := jwks.New(jwks.Options{Issuer: issuer})
	go keys.Run(ctx)
	g, err := gate.New(gate.Policy{
		Issuers:   []gate.Issuer{{URL: issuer, Keys: keys}},
		Audiences: []string{"https://api.acme.com"},
		CacheSize: 10_000,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /messages", g.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := gate.FromContext(r.Context())
		_, _ = fmt.Fprintf(w, "messages of %s", token.Subject())
	})))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/messages", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output: 401 Bearer realm="api"
}

// Tokens of two issuers: a custom domain and the tenant's own, which have the same keys.
func Example_severalIssuers() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	policy := gate.Policy{Audiences: []string{"https://api.acme.com"}, Algorithms: []string{"RS256", "ES256"}}
	for _, issuer := range []string{"https://login.acme.com/", "https://acme.eu.auth0.com/"} {
		keys := jwks.New(jwks.Options{Issuer: issuer, Algorithms: policy.Algorithms})
		go keys.Run(ctx)
		policy.Issuers = append(policy.Issuers, gate.Issuer{URL: issuer, Keys: keys})
	}
	_, err := gate.New(policy)
	fmt.Println(len(policy.Issuers), err)
	// Output: 2 <nil>
}

// A route for administrators, by a role that Keycloak puts into a claim.
func ExampleClaim() {
	iss := gatetest.Unstarted("https://id.example/realms/acme")
	g, err := gate.New(gate.Policy{
		Issuers:   []gate.Issuer{{URL: iss.URL, Keys: gate.StaticKeys(iss.PublicKeys())}},
		Audiences: []string{gatetest.Audience},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	admin := g.Require(gate.Claim("admin", "realm_access", "roles"))(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, "settings")
	}))
	for _, role := range []string{"user", "admin"} {
		r := httptest.NewRequest(http.MethodGet, "/settings", nil)
		r.Header.Set("Authorization", "Bearer "+iss.Mint(gatetest.Claims{"realm_access": map[string]any{"roles": []string{role}}}))
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 403 {"error":"insufficient_scope","error_description":"The access token does not have the required value of the claim realm_access.roles","reason":"claim"}
	// 200 settings
}

// A fixed key instead of a key set that is fetched.
func Example_staticKey() {
	iss := gatetest.Unstarted("https://issuer.example/")
	g, err := gate.New(gate.Policy{
		Issuers:   []gate.Issuer{{URL: iss.URL, Keys: gate.StaticKeys{iss.KID(): iss.Key().Public()}}},
		Audiences: []string{gatetest.Audience},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := g.Verifier.Verify(context.Background(), iss.Mint(gatetest.Claims{"sub": "auth0|ada"}))
	fmt.Println(token.Subject(), err)
	// Output: auth0|ada <nil>
}

// A handler that requires a scope and gets the token as an argument.
func ExampleGate_Handle() {
	iss := gatetest.Unstarted("https://issuer.example/")
	g, err := gate.New(gate.Policy{
		Issuers:   []gate.Issuer{{URL: iss.URL, Keys: gate.StaticKeys(iss.PublicKeys())}},
		Audiences: []string{gatetest.Audience},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	messages := g.Handle(func(w http.ResponseWriter, _ *http.Request, token gate.Token) {
		_, _ = fmt.Fprintln(w, "messages of", token.Subject())
	}, gate.AllOf("read:messages"))
	for _, scope := range []string{"openid", "openid read:messages"} {
		r := httptest.NewRequest(http.MethodGet, "/messages", nil)
		r.Header.Set("Authorization", "Bearer "+iss.Mint(gatetest.Claims{"scope": scope}))
		w := httptest.NewRecorder()
		messages.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 403 {"error":"insufficient_scope","error_description":"The access token does not grant read:messages","reason":"scope"}
	// 200 messages of auth0|test
}
