package tenant

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"calling-an-api.example/devserver/internal/directory"
	"calling-an-api.example/devserver/internal/hostcheck"
)

// This file is for tests of applications: users of their own, logins without the login page,
// the events to assert on, and a reset. docs/testing.md shows their use.

// maxAddedUsers is how many users tests may add.
const maxAddedUsers = 1000

// NewUser is a user for [Tenant.AddUser]. Every field is optional; what is missing is made up.
type NewUser struct {
	ID          string         `json:"user_id"`
	Email       string         `json:"email"`
	Password    string         `json:"password"`
	GivenName   string         `json:"given_name"`
	FamilyName  string         `json:"family_name"`
	Permissions []string       `json:"permissions"`
	Claims      map[string]any `json:"claims"` // for ID and access tokens; names are URLs
}

// AddUser adds a user until [Tenant.Reset], or the tenant's end. Tests that run at the same
// time do not meet if each has its own. The error says that another user has the ID or the
// email address, or that there are too many.
func (t *Tenant) AddUser(asked NewUser) (User, error) {
	unique := strings.ToLower(rand.Text()[:12])
	u := &directory.User{
		ID: cmp.Or(asked.ID, "auth0|"+unique), Email: cmp.Or(asked.Email, unique+"@example.com"), Password: cmp.Or(asked.Password, rand.Text()),
		GivenName: asked.GivenName, FamilyName: asked.FamilyName, Permissions: asked.Permissions, Claims: asked.Claims, UpdatedAt: t.opts.Now(),
	}
	u.Nickname, _, _ = strings.Cut(u.Email, "@")
	for name := range u.Claims {
		if !strings.Contains(name, "://") {
			return User{}, fmt.Errorf("the claim %q needs a namespace, like \"https://example.com/roles\"", name)
		}
	}
	t.configuring.Lock()
	defer t.configuring.Unlock()
	if len(t.added) >= maxAddedUsers {
		return User{}, fmt.Errorf("tests have added %d users: reset the tenant between runs", maxAddedUsers)
	}
	d, err := t.directory.Load().With([]*directory.User{u})
	if err != nil {
		return User{}, err
	}
	t.added = append(t.added, u)
	t.directory.Store(d)
	return newUser(u), nil
}

// StartSession logs the user with that email address in, without the login page, and returns
// the cookie to send to the tenant. If consented, the user also agrees to all scopes of all
// clients, so that no page asks.
func (t *Tenant) StartSession(email string, consented bool) (*http.Cookie, error) {
	d := t.directory.Load()
	u := d.UserByEmail(email)
	switch {
	case u == nil:
		return nil, fmt.Errorf("there is no user with the email address %q", email)
	case u.Blocked:
		return nil, fmt.Errorf("the user %q is blocked", email)
	}
	if consented {
		t.consentToAll(d, u)
	}
	_, value := t.newSession(u)
	t.events.add(context.Background(), Event{Type: EventLogin, User: u.Email, Text: fmt.Sprintf("A test logged %s in", u.Email)})
	return t.cookie(sessionCookie, value, 0), nil
}

// consentToAll records that u agrees to everything.
func (t *Tenant) consentToAll(d *directory.Directory, u *directory.User) {
	identity := []string{}
	for _, scope := range directory.IdentityScopes {
		identity = append(identity, scope.Name)
	}
	for _, client := range d.Clients() {
		for _, api := range append([]*directory.API{nil}, d.APIs()...) {
			scopes := slices.Clone(identity)
			if api != nil {
				for _, scope := range api.Scopes {
					scopes = append(scopes, scope.Name)
				}
			}
			t.consents.Put(consentKeyOf(u, client, api), directory.Grantable(scopes, u, api))
		}
	}
}

// Reset removes what tests and the dashboard have done: added and blocked users, sessions,
// refresh tokens, consents, failures, the clock's offset and events. The configuration and the
// signing keys stay.
func (t *Tenant) Reset() {
	t.configuring.Lock()
	t.added, t.blocked = nil, nil
	t.directory.Store(t.base)
	t.configuring.Unlock()
	t.sessions.Clear()
	t.consents.Clear()
	t.requests.Clear()
	t.codes.Clear()
	t.spent.Clear()
	t.refresh.EndAll()
	t.controls.reset()
	t.events.clear()
	t.save()
}

// Events returns the last 1000 events, the newest first. They contain claims but no tokens.
func (t *Tenant) Events() []Event { return t.events.list(maxEvents) }

// testKitRoutes adds the controls of this file to mux.
func (t *Tenant) testKitRoutes(mux *http.ServeMux) {
	control(t, mux, "users", func(asked NewUser) (any, error) {
		u, err := t.AddUser(asked)
		return map[string]any{"user_id": u.ID, "email": u.Email, "password": u.Password}, err
	})
	control(t, mux, "reset", func(none) (any, error) { t.Reset(); return done, nil })
	mux.HandleFunc("GET /_tenant/events", t.serveEvents)
	mux.HandleFunc("POST /_tenant/session", func(w http.ResponseWriter, r *http.Request) {
		asked := struct {
			User    string `json:"user"`
			Consent *bool  `json:"consent"` // without, true
		}{}
		if !decodeControl(w, r, &asked) {
			return
		}
		cookie, err := t.StartSession(asked.User, asked.Consent == nil || *asked.Consent)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		http.SetCookie(w, cookie)
		writeControl(w, done)
	})
}

// serveEvents is GET /_tenant/events?user=EMAIL: the events as JSON, without the parameter of all
// users.
func (t *Tenant) serveEvents(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	for name := range query {
		if name != "user" {
			http.Error(w, fmt.Sprintf("The events have no filter %.50q, only user, an email address.", name), http.StatusBadRequest)
			return
		}
	}
	list := t.Events()
	if query.Has("user") {
		list = slices.DeleteFunc(list, func(one Event) bool { return !strings.EqualFold(one.User, query.Get("user")) })
	}
	writeControl(w, list)
}

// fromThisMachine rejects requests for the controls from other machines. The tenant's users
// and secrets are public, but what tests may do is for the tests of this machine.
func fromThisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_tenant/") && !hostcheck.FromThisMachine(r) {
			http.Error(w, "Only programs on the tenant's machine may use this path.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
