package tenant

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"calling-an-api.example/devserver/internal/directory"
)

// requireFormBody ignores parameters in the query. op would
// accept codes and secrets in the URL too, where they end up in logs (RFC 6749 §2.3.1,
// §3.2). The body is a form or, as in Auth0's documentation, a JSON object of strings.
func requireFormBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.RawQuery = ""
		form, err := bodyOf(r)
		if err == nil {
			if name := repeated(form); name != "" {
				err = fmt.Errorf("the parameter %s is included more than once", name)
			}
		}
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			writeError(w, http.StatusRequestEntityTooLarge, "invalid_request", fmt.Sprintf("the body is larger than %d KiB", tooLarge.Limit>>10))
			return
		}
		if err != nil {
			writeError(w, http.StatusBadRequest, "invalid_request", err.Error())
			return
		}
		dropEmpty(form)
		r.PostForm, r.Form = form, form
		next.ServeHTTP(w, r)
	})
}

// bodyOf returns the parameters in the body of r.
func bodyOf(r *http.Request) (url.Values, error) {
	media, _, err := mime.ParseMediaType(cmp.Or(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"))
	switch {
	case media == "application/json":
		return decodeObject(r.Body)
	case err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter), media != "application/x-www-form-urlencoded":
		return nil, errors.New("the Content-Type must be application/x-www-form-urlencoded or application/json")
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(data))
	if err != nil {
		return nil, errors.New("the body is not a form")
	}
	return form, nil
}

// dropEmpty removes parameters without a value, which are as if they were not there (RFC 6749 §3.1,
// §3.2).
func dropEmpty(form url.Values) {
	maps.DeleteFunc(form, func(_ string, values []string) bool { return len(values) == 1 && values[0] == "" })
}

// decodeObject reads a JSON object as a form: numbers and booleans are text, and null is left out. A name
// may be there twice, as in a form.
func decodeObject(body io.Reader) (url.Values, error) {
	errObject := errors.New("the body is not a JSON object of strings")
	decoder, fields := json.NewDecoder(body), url.Values{}
	decoder.UseNumber()
	next := func() (json.Token, error) {
		token, err := decoder.Token()
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); err != nil && !tooLarge {
			err = errObject
		}
		return token, err
	}
	if begin, err := next(); err != nil || begin != json.Delim('{') {
		return nil, cmp.Or(err, errObject)
	}
	for decoder.More() {
		name, err := next()
		if err != nil {
			return nil, err
		}
		value, err := next()
		if err != nil {
			return nil, err
		}
		key, isText := name.(string)
		if !isText {
			return nil, errObject
		}
		switch value := value.(type) {
		case nil:
		case string, bool, json.Number:
			fields.Add(key, fmt.Sprint(value))
		default:
			return nil, fmt.Errorf("the parameter %.50q is neither text nor a number nor true or false", key)
		}
	}
	if _, err := next(); err != nil { // the end of the object
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errObject
	}
	return fields, nil
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
