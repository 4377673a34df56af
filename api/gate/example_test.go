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
	g, err := gate.New(keys, gate.Policy{Issuer: issuer, Audience: "https://api.acme.com", CacheSize: 10_000})
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

// A fixed key instead of a key set that is fetched.
func Example_staticKey() {
	iss := gatetest.Unstarted("https://issuer.example/")
	g, err := gate.New(gate.StaticKeys{iss.KID(): iss.Key().Public()}, gate.Policy{Issuer: iss.URL, Audience: gatetest.Audience})
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
	g, err := gate.New(gate.StaticKeys(iss.PublicKeys()), gate.Policy{Issuer: iss.URL, Audience: gatetest.Audience})
	if err != nil {
		fmt.Println(err)
		return
	}
	messages := g.Handle(func(w http.ResponseWriter, _ *http.Request, token gate.Token) {
		_, _ = fmt.Fprintln(w, "messages of", token.Subject())
	}, "read:messages")
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
