package tenant

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"calling-an-api.example/devserver/internal/hostcheck"
)

// This file has the paths below /_tenant/, by which tests control the tenant: what the methods of
// Tenant do, as JSON over HTTP. Programs of this machine may use them, and no page of another origin.

// none is the object of a control that needs nothing.
type none struct{}

// done is the answer of a control that returns nothing.
var done = map[string]any{"done": true}

// controlRoutes adds the controls to mux.
func (t *Tenant) controlRoutes(mux *http.ServeMux) {
	control(t, mux, "users", func(asked NewUser) (any, string, error) {
		u, err := t.AddUser(asked)
		return map[string]any{"user_id": u.ID, "email": u.Email, "password": u.Password}, u.Email, err
	})
	control(t, mux, "users/change", func(asked UserChange) (any, string, error) {
		return done, t.emailOf(asked.User), t.ChangeUser(asked)
	})
	control(t, mux, "sessions/expire", func(asked struct {
		User string `json:"user"` // without, all users
	}) (any, string, error) {
		return done, t.emailOf(asked.User), t.EndSessions(asked.User)
	})
	control(t, mux, "fail", func(asked Failure) (any, string, error) { return done, t.emailOf(asked.User), t.Fail(asked) })
	control(t, mux, "keys/rotate", func(none) (any, string, error) { return done, "", t.RotateKey() })
	control(t, mux, "keys/revoke", func(asked struct {
		KeyID string `json:"kid"` // without, all but the current one
	}) (any, string, error) {
		return done, "", t.RevokeKey(asked.KeyID)
	})
	control(t, mux, "dpop/nonce", func(none) (any, string, error) {
		t.proofs.renew()
		return done, "", nil
	})
	control(t, mux, "clock", func(asked struct {
		Ahead string `json:"ahead"`
	}) (any, string, error) {
		ahead, err := time.ParseDuration(asked.Ahead)
		if err != nil {
			return nil, "", errors.New(`"ahead" must be a duration, like "2h", "-30m" or "0s"`)
		}
		t.SetClock(ahead)
		return map[string]any{"now": t.opts.Now().UTC().Format(time.RFC3339)}, "", nil
	})
	control(t, mux, "token", func(asked MintOptions) (any, string, error) {
		token, err := t.Mint(asked)
		return map[string]any{"access_token": token}, "", err
	})
	control(t, mux, "reset", func(none) (any, string, error) { t.Reset(); return done, "", nil })
	mux.HandleFunc("GET /_tenant/events", t.serveEvents)
	mux.HandleFunc("POST /_tenant/session", t.serveSession)
}

// reportsItself are the controls that have an event of their own, or must not leave one.
var reportsItself = map[string]bool{"token": true, "reset": true}

// control adds the control POST /_tenant/name, which accepts a JSON object with the fields of T
// and answers with one. act also returns the email address of the user whom it concerns.
func control[T any](t *Tenant, mux *http.ServeMux, name string, act func(asked T) (answer any, email string, err error)) {
	mux.HandleFunc("POST /_tenant/"+name, func(w http.ResponseWriter, r *http.Request) {
		asked, err := decodeControl[T](r.Body)
		var answer any
		email := ""
		if err == nil {
			answer, email, err = act(asked)
		}
		if err != nil {
			writeError(w, http.StatusBadRequest, "invalid_request", err.Error())
			return
		}
		if !reportsItself[name] {
			t.events.add(r.Context(), Event{Type: EventControl, User: email, Text: strings.TrimSpace("A test used " + r.URL.Path + " " + email)})
		}
		writeJSON(w, http.StatusOK, answer)
	})
}

// emailOf returns the email address of the user with that email address or ID, "" if there is none.
func (t *Tenant) emailOf(name string) string { return emailOf(t.directory.Load().UserByEither(name)) }

// decodeControl reads the object of a control, which may be empty. The error is for the author of a
// test.
func decodeControl[T any](body io.Reader) (asked T, err error) {
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	err = decoder.Decode(&asked)
	if errors.Is(err, io.EOF) { // an empty body
		return asked, nil
	}
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more after the object")
		}
	}
	if err == nil {
		return asked, nil
	}
	names := []string{}
	for field := range reflect.TypeFor[T]().Fields() {
		names = append(names, field.Tag.Get("json"))
	}
	fields := "without fields"
	if len(names) > 0 {
		fields = "with the fields " + strings.Join(names, ", ")
	}
	return asked, fmt.Errorf("the body must be a JSON object %s: %s", fields, explain(err))
}

// explain returns err of a decoder without Go's terms.
func explain(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field == "" {
			return "it is " + wrong.Value
		}
		kinds := map[reflect.Kind]string{reflect.String: "text", reflect.Bool: "true or false", reflect.Int: "a whole number", reflect.Slice: "a list"}
		kind, ok := kinds[wrong.Type.Kind()]
		if !ok {
			kind = "an object"
		}
		return fmt.Sprintf("%q must be %s", wrong.Field, kind)
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fmt.Sprintf("it is larger than %d KiB", tooLarge.Limit>>10)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return name + " is not one of them"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// writeJSON answers with a JSON object.
func writeJSON(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // fails only if the client is gone
}

// writeError answers with an error in the form of RFC 6749 §5.2.
func writeError(w http.ResponseWriter, status int, code, description string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": description})
}

// fromThisMachine rejects requests for the controls from other machines. The tenant's users
// and secrets are public, but what tests may do is for the tests of this machine.
func fromThisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_tenant/") && !hostcheck.FromThisMachine(r) {
			writeError(w, http.StatusForbidden, "access_denied", "Only programs on the tenant's machine may use this path.")
			return
		}
		next.ServeHTTP(w, r)
	})
}
