package directory

import (
	"fmt"
	"slices"
	"time"
)

// With returns a Directory with more users, each with an ID and an email address that no other
// has. The error names the one that is taken.
func (d *Directory) With(users []*User) (*Directory, error) {
	more := *d
	more.Users = slices.Clone(d.Users)
	for _, u := range users {
		if more.UserByID(u.ID) != nil {
			return nil, fmt.Errorf("there is another user with the user_id %q", u.ID)
		}
		if more.UserByEmail(u.Email) != nil {
			return nil, fmt.Errorf("there is another user with the email address %q", u.Email)
		}
		more.Users = append(more.Users, u)
	}
	return &more, nil
}

// Change is how a user differs from the configuration. A field that is nil is not changed.
type Change struct {
	Blocked       *bool
	EmailVerified *bool
	Permissions   []string       // empty, but not nil: none
	Claims        map[string]any // all of them
	TokenLifetime *time.Duration // 0: the API's
}

// Then returns c and, where they differ, later.
func (c Change) Then(later Change) Change {
	if later.Blocked != nil {
		c.Blocked = later.Blocked
	}
	if later.EmailVerified != nil {
		c.EmailVerified = later.EmailVerified
	}
	if later.Permissions != nil {
		c.Permissions = later.Permissions
	}
	if later.Claims != nil {
		c.Claims = later.Claims
	}
	if later.TokenLifetime != nil {
		c.TokenLifetime = later.TokenLifetime
	}
	return c
}

// WithChanges returns a Directory with the changed users, by their IDs. It ignores IDs of no user.
func (d *Directory) WithChanges(changes map[string]Change) *Directory {
	changed := *d
	changed.Users = slices.Clone(d.Users)
	for i, u := range changed.Users {
		if c, ok := changes[u.ID]; ok {
			changed.Users[i] = u.with(c)
		}
	}
	return &changed
}

// with returns a copy of u with c.
func (u *User) with(c Change) *User {
	other := *u
	if c.Blocked != nil {
		other.Blocked = *c.Blocked
	}
	if c.EmailVerified != nil {
		other.EmailVerified = *c.EmailVerified
	}
	if c.Permissions != nil {
		other.Permissions = c.Permissions
	}
	if c.Claims != nil {
		other.Claims = c.Claims
	}
	if c.TokenLifetime != nil {
		other.TokenLifetime = *c.TokenLifetime
	}
	return &other
}
