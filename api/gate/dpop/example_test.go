package dpop_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"calling-an-api.example/api/gate/dpop"
	"calling-an-api.example/api/gate/gatetest"
)

// requireProof is middleware for requests whose access token is bound to the key with the
// thumbprint jkt. It relies on the caller to have verified the token.
func requireProof(v *dpop.Verifier, jkt string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		proof, err := v.Check(r.Header.Values("DPoP"), dpop.Request{
			Method: r.Method, Path: r.URL.EscapedPath(), Token: token, Thumbprint: jkt,
		})
		if err == nil {
			err = v.Use(r.Context(), proof) // last, so that a request rejected before can be sent again
		}
		problem := (*dpop.Problem)(nil)
		switch {
		case err == nil:
			next.ServeHTTP(w, r)
		case !errors.As(err, &problem): // a *dpop.UnavailableError
			w.WriteHeader(http.StatusServiceUnavailable)
		case problem.NeedsNonce:
			w.Header().Set("DPoP-Nonce", v.Nonce())
			w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.Header().Set("WWW-Authenticate", `DPoP error="invalid_dpop_proof"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
}

func ExampleVerifier() {
	v, err := dpop.New(dpop.Options{URLs: []string{"https://api.acme.com"}})
	if err != nil {
		panic(err)
	}
	client := gatetest.NewProver("ES256")
	h := requireProof(v, client.Thumbprint(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	call := func(nonce any) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/messages", nil)
		r.Header.Set("Authorization", "DPoP the-token")
		r.Header.Set("DPoP", client.Proof(http.MethodGet, "https://api.acme.com/messages", "the-token", gatetest.Claims{"nonce": nonce}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	w := call(nil) // right after the start, it may have been used before
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	fmt.Println(call(w.Header().Get("DPoP-Nonce")).Code)
	// Output:
	// 401 DPoP error="use_dpop_nonce"
	// 200
}
