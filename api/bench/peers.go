package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	"github.com/auth0/go-jwt-middleware/v3/jwks"
	"github.com/auth0/go-jwt-middleware/v3/validator"
	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/mux"
)

var answer = []byte(`{"msg":"Your access token was successfully validated!"}` + "\n")

// external answers as the API does, with the same headers, so that only the gates are
// compared.
func external(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(answer) // fails only if the client is gone
}

func refuse(w http.ResponseWriter) { http.Error(w, "unauthorized", http.StatusUnauthorized) }

// servePeer serves one of the Go peers, each as its documentation shows it.
func servePeer(kind string, args []string) error {
	handler := http.Handler(http.HandlerFunc(external))
	var err error
	switch kind {
	case "bare":
	case "stock":
		handler, err = stock(args[0])
	case "auth0":
		handler, err = auth0(args[0])
	default:
		err = fmt.Errorf("unknown peer %q", kind)
	}
	if err != nil {
		return err
	}
	srv := &http.Server{ // with the API's limits, which cost a little
		Addr: os.Getenv("API_ADDR"), Handler: handler,
		ReadTimeout: 5 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
	}
	return srv.ListenAndServe()
}

// stock is gorilla/mux with golang-jwt and keyfunc, without options.
func stock(issuer string) (http.Handler, error) {
	keys, err := keyfunc.NewDefaultCtx(context.Background(), []string{issuer + ".well-known/jwks.json"})
	if err != nil {
		return nil, err
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired())
	gate := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			header := r.Header.Get("Authorization")
			if len(header) < 7 {
				refuse(w)
				return
			}
			if _, err := parser.Parse(header[7:], keys.KeyfuncCtx(r.Context())); err != nil {
				refuse(w)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	r := mux.NewRouter()
	r.Handle("/api/external", gate(http.HandlerFunc(external))).Methods(http.MethodGet)
	return r, nil
}

// auth0 is the middleware that Auth0's Go quickstart uses.
func auth0(issuer string) (http.Handler, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, err
	}
	provider, err := jwks.NewCachingProvider(jwks.WithIssuerURL(u), jwks.WithCacheTTL(5*time.Minute))
	if err != nil {
		return nil, err
	}
	v, err := validator.New(validator.WithKeyFunc(provider.KeyFunc), validator.WithAlgorithm(validator.RS256),
		validator.WithIssuer(issuer), validator.WithAudience(audience))
	if err != nil {
		return nil, err
	}
	middleware, err := jwtmiddleware.New(jwtmiddleware.WithValidator(v))
	if err != nil {
		return nil, err
	}
	r := http.NewServeMux()
	r.Handle("GET /api/external", middleware.CheckJWT(http.HandlerFunc(external)))
	return r, nil
}
