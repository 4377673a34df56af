package tenant

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"calling-an-api.example/devserver/internal/directory"
)

// requireFormBody accepts only POST requests, and ignores parameters in the query. op would
// accept codes and secrets in the URL too, where they end up in logs (RFC 6749 §2.3.1,
// §3.2). The body is a form or, as in Auth0's documentation, a JSON object of strings.
func requireFormBody(next http.Handler) http.Handler {
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
				op.WriteError(w, r, oidc.ErrInvalidRequest().WithDescription("the body is not a JSON object of strings"), nil)
				return
			}
			r.PostForm = url.Values{}
			for name, value := range fields {
				r.PostForm.Set(name, value)
			}
			r.Form = r.PostForm
		} else if err := r.ParseForm(); err == nil { // op reports the error
			if name := repeated(r.PostForm); name != "" {
				op.WriteError(w, r, oidc.ErrInvalidRequest().WithDescription("the parameter %s is included more than once", name), nil)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// requireGrantType rejects grant types that the tenant does not have, like those for passwords and
// devices.
func requireGrantType(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch asked := r.PostForm.Get("grant_type"); asked {
		case "", directory.GrantCode, directory.GrantRefreshToken, directory.GrantClientCredentials: // op rejects ""
			next.ServeHTTP(w, r)
		default:
			op.WriteError(w, r, oidc.ErrUnsupportedGrantType().WithDescription("%s", notSupported(fmt.Sprintf("the grant type %.100q", asked))), nil)
		}
	})
}

// withChallenge adds the challenge of RFC 6750 §3 to responses with status 401. It has no
// error code if the request had no token.
func withChallenge(next http.Handler) http.Handler {
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

// Unwrap lets http.ResponseController reach the server's writer.
func (c challenger) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (c challenger) WriteHeader(status int) {
	if status == http.StatusUnauthorized {
		c.Header().Set("WWW-Authenticate", c.challenge)
	}
	c.ResponseWriter.WriteHeader(status)
}
