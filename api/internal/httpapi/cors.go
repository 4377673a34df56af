package httpapi

import (
	"net/http"

	"github.com/rs/cors"
)

// withCORS allows pages of origins to call the API. Preflight requests
// never carry credentials, so they are answered before the gate. Errors have CORS
// headers too, so that pages can read them. If origins is empty, it returns next.
func withCORS(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{ // also methods that no route has, so that a page can read the 405
			http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		},
		AllowedHeaders: []string{"Authorization", "DPoP", "Traceparent", requestIDHeader},
		ExposedHeaders: []string{"WWW-Authenticate", "DPoP-Nonce", "Retry-After", requestIDHeader},
		MaxAge:         600,
	}).Handler(next)
}
