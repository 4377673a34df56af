package httpapi

import (
	"net/http"

	"github.com/rs/cors"
)

// withCORS lets pages of origins call the API from browsers. Preflights are
// answered here, before any gate, as they never carry credentials; errors carry
// CORS headers like all answers, or pages could not read them. Without origins,
// next is returned as it is.
func withCORS(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{ // those that no route takes too, so that a page can read the 405
			http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		},
		AllowedHeaders: []string{"Authorization", requestIDHeader},
		ExposedHeaders: []string{"WWW-Authenticate", "Retry-After", requestIDHeader},
		MaxAge:         600,
	}).Handler(next)
}
