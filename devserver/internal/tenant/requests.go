package tenant

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// bodyOnly has next see what is in a request's body alone, by POST: op would take
// codes and secrets from a URL too, where they end in logs (RFC 6749 §2.3.1, §3.2).
// The body can be a form or, as Auth0's documentation writes it, a JSON object of
// strings.
func bodyOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		r.URL.RawQuery = ""
		media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err == nil && media == "application/json" {
			var fields map[string]string
			if err := json.NewDecoder(r.Body).Decode(&fields); err != nil {
				op.WriteError(w, r, oidc.ErrInvalidRequest().WithDescription("the body is no JSON object of strings"), nil)
				return
			}
			r.PostForm = url.Values{}
			for name, value := range fields {
				r.PostForm.Set(name, value)
			}
			r.Form = r.PostForm
		}
		next.ServeHTTP(w, r)
	})
}

// challenging adds the challenge of RFC 6750 §3 to next's 401s; one for who sent no
// token says nothing of an error.
func challenging(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		challenge := `Bearer error="invalid_token"`
		if r.Header.Get("Authorization") == "" {
			challenge = "Bearer"
		}
		next.ServeHTTP(challenger{w, challenge}, r)
	})
}

type challenger struct {
	http.ResponseWriter
	challenge string
}

// Unwrap is for http.ResponseController.
func (c challenger) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (c challenger) WriteHeader(status int) {
	if status == http.StatusUnauthorized {
		c.Header().Set("WWW-Authenticate", c.challenge)
	}
	c.ResponseWriter.WriteHeader(status)
}
