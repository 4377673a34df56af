package tenant

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"calling-an-api.example/devserver/internal/directory"
)

// Limits: how many users may be added, the size of a user's claims in bytes, because events keep
// copies, and the lifetime of a user's tokens.
const (
	maxAddedUsers    = 1000
	maxClaims        = 4 << 10
	maxTokenLifetime = 30 * 24 * 3600 // seconds, as of an API's
)

// User is a test user. Its password is plain text, and a blocked user cannot log in. ID is the
// claim sub.
type User struct {
	ID                    string
	Name, Email, Password string
	Permissions           []string
	Blocked               bool
}

// Users returns the users of the current configuration, in its order.
func (t *Tenant) Users() []User { return users(t.directory.Load()) }

// userLists returns the users of the configuration, and those that tests have added.
func (t *Tenant) userLists() (configured, added []User) {
	list := users(t.directory.Load())
	t.configuring.Lock()
	defer t.configuring.Unlock()
	for _, u := range list {
		if t.base.UserByID(u.ID) != nil {
			configured = append(configured, u)
		} else {
			added = append(added, u)
		}
	}
	return configured, added
}

func users(d *directory.Directory) (list []User) {
	for _, u := range d.Users {
		list = append(list, newUser(u))
	}
	return list
}

func newUser(u *directory.User) User {
	return User{u.ID, u.Name(), u.Email, u.Password, slices.Clone(u.Permissions), u.Blocked}
}

// What follows changes users while the tenant runs. The configuration stays as it is, and is in effect
// again after [Tenant.Reset].

// NewUser is a user for [Tenant.AddUser]. Every field is optional; what is missing is made up.
type NewUser struct {
	ID            string         `json:"user_id"`
	Email         string         `json:"email"`
	Password      string         `json:"password"`
	GivenName     string         `json:"given_name"`
	FamilyName    string         `json:"family_name"`
	Nickname      string         `json:"nickname"`
	Picture       string         `json:"picture"`
	Permissions   []string       `json:"permissions"`
	Blocked       bool           `json:"blocked"`
	EmailVerified *bool          `json:"email_verified"` // nil: true
	Claims        map[string]any `json:"claims"`         // for ID and access tokens; names are URLs
	TokenLifetime int            `json:"token_lifetime"` // of access tokens, in seconds; 0: the API's
}

// AddUser adds a user until [Tenant.Reset], or the tenant's end. Tests that run at the same
// time do not meet if each has its own. The error says what is invalid, that another user has the
// ID or the email address, or that there are too many.
func (t *Tenant) AddUser(asked NewUser) (User, error) {
	unique := strings.ToLower(rand.Text()[:12])
	email := cmp.Or(asked.Email, unique+"@example.com")
	nickname, _, isEmail := strings.Cut(email, "@")
	if !isEmail {
		return User{}, fmt.Errorf("%q is not an email address", email)
	}
	u := &directory.User{
		ID: cmp.Or(asked.ID, "auth0|"+unique), Email: email, Password: cmp.Or(asked.Password, rand.Text()),
		GivenName: asked.GivenName, FamilyName: asked.FamilyName, Nickname: cmp.Or(asked.Nickname, nickname), Picture: asked.Picture,
		Permissions: slices.Clone(asked.Permissions), Blocked: asked.Blocked, EmailVerified: asked.EmailVerified == nil || *asked.EmailVerified,
		Claims: copied(asked.Claims), TokenLifetime: time.Duration(asked.TokenLifetime) * time.Second, UpdatedAt: t.opts.Now(),
	}
	if strings.ContainsFunc(u.ID+u.Email, unicode.IsControl) {
		return User{}, errors.New("user_id and email must not have control characters")
	}
	if err := t.checkUser(asked.Permissions, asked.Claims, asked.TokenLifetime); err != nil {
		return User{}, err
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
	delete(t.changes, u.ID) // of one who is gone
	t.directory.Store(d)
	t.events.touch()
	return newUser(u), nil
}

// UserChange is a change for [Tenant.ChangeUser]. A field that is nil is not changed.
type UserChange struct {
	User          string         `json:"user"` // email address or ID
	Blocked       *bool          `json:"blocked"`
	EmailVerified *bool          `json:"email_verified"`
	Permissions   []string       `json:"permissions"`    // empty, but not nil: none
	Claims        map[string]any `json:"claims"`         // replaces all of them
	TokenLifetime *int           `json:"token_lifetime"` // seconds; 0: the API's
}

// ChangeUser changes a user of the configuration or of tests until [Tenant.Reset], or the tenant's
// end. It is in effect at once: a blocked user is logged out, and the next token has the
// permissions. The error says what is invalid, or that there is no such user.
func (t *Tenant) ChangeUser(asked UserChange) error {
	change := directory.Change{
		Blocked: asked.Blocked, EmailVerified: asked.EmailVerified, Permissions: slices.Clone(asked.Permissions), Claims: copied(asked.Claims),
	}
	seconds := 0
	if asked.TokenLifetime != nil {
		seconds = *asked.TokenLifetime
		lifetime := time.Duration(seconds) * time.Second
		change.TokenLifetime = &lifetime
	}
	if err := t.checkUser(asked.Permissions, asked.Claims, seconds); err != nil {
		return err
	}
	t.configuring.Lock()
	defer t.configuring.Unlock()
	u, err := t.findUser(asked.User)
	if err != nil {
		return err
	}
	if t.changes == nil {
		t.changes = map[string]directory.Change{}
	}
	t.changes[u.ID] = t.changes[u.ID].Then(change)
	t.directory.Store(t.directory.Load().WithChanges(t.changes))
	t.events.touch()
	return nil
}

// checkUser returns why these fields of a user are invalid, or nil.
func (t *Tenant) checkUser(permissions []string, claims map[string]any, lifetime int) error {
	d := t.directory.Load()
	for _, name := range permissions {
		if !d.HasScope(name) {
			return fmt.Errorf("no API has the permission %q; add it to scopes of an API in the file of TENANT_CONFIG", name)
		}
	}
	if lifetime < 0 || lifetime > maxTokenLifetime {
		return errors.New("token_lifetime must be between 1 second and 30 days, or 0 for the API's")
	}
	if data, err := json.Marshal(claims); err != nil || len(data) > maxClaims {
		return fmt.Errorf("the claims must be JSON of at most %d KiB", maxClaims>>10)
	}
	return directory.CheckClaims(claims)
}

// findUser returns the user with that email address or ID.
func (t *Tenant) findUser(name string) (*directory.User, error) {
	if name == "" {
		return nil, errors.New(`"user" is missing: the email address or the user_id of a user`)
	}
	if u := t.directory.Load().UserByEither(name); u != nil {
		return u, nil
	}
	return nil, fmt.Errorf("there is no user with the email address or user_id %q", name)
}
