package tenant

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// dashboard is what dashboard.html shows: all that the tenant knows, and what
// happened last. Secrets that open more than a test tenant are not in it.
type dashboard struct {
	Issuer, App string
	Following   bool // the browser loads the page again by itself
	Users       []User
	Clients     []clientRow
	APIs        []apiRow
	Keys        []string // their IDs; the first one signs
	Sessions    []sessionRow
	Families    []familyRow
	Events      []event
}

type clientRow struct {
	ID, Name                          string
	Callbacks, LogoutURLs, WebOrigins []string
	Grants                            []string
}

type apiRow struct {
	Audience, Name string
	Scopes         []string
	Lifetime       time.Duration
	RBAC           bool
}

// sessionRow is a person's login in one browser.
type sessionRow struct {
	User            string
	LoggedIn, Until time.Time
}

// familyRow is the refresh tokens that come of one login.
type familyRow struct {
	User, Client, Audience, Scopes string
	Used, Until                    time.Time
}

func (t *Tenant) showDashboard(w http.ResponseWriter, r *http.Request) {
	page := dashboard{
		Issuer: t.opts.Issuer, App: t.opts.AppOrigin, Following: r.URL.Query().Has("follow"),
		Users: t.directory.Load().testUsers(), Events: t.events.list(),
	}
	page.Clients, page.APIs = t.directory.Load().rows()
	keys, err := t.keys.list()
	if err != nil {
		t.opts.Log.Error("the tenant has no signing key", "err", err)
	}
	for _, key := range keys {
		page.Keys = append(page.Keys, key.id)
	}
	t.sessions.each(func(_ string, s *session, born time.Time) {
		if u := t.userByID(s.user.id); u == nil || u.blocked {
			return
		}
		page.Sessions = append(page.Sessions, sessionRow{s.user.email, s.loggedIn, born.Add(t.sessions.ttl)})
	})
	slices.SortFunc(page.Sessions, func(a, b sessionRow) int { return b.LoggedIn.Compare(a.LoggedIn) })
	page.Families = t.familyRows()
	if page.Following { // without a script, which the policy forbids
		w.Header().Set("Refresh", "3")
	}
	forbidFraming(w, "form-action 'none'")
	t.render(w, http.StatusOK, "dashboard.html", page)
}

// rows returns the clients and APIs by their names.
func (d *directory) rows() (clients []clientRow, apis []apiRow) {
	for _, c := range d.clients {
		row := clientRow{ID: c.id, Name: c.name, Callbacks: c.callbacks, LogoutURLs: c.logoutURLs, WebOrigins: c.webOrigins}
		for _, grant := range c.grants {
			row.Grants = append(row.Grants, string(grant))
		}
		clients = append(clients, row)
	}
	slices.SortFunc(clients, func(a, b clientRow) int { return cmp.Compare(a.Name, b.Name) })
	for _, audience := range slices.Sorted(maps.Keys(d.apis)) {
		a := d.apis[audience]
		row := apiRow{Audience: audience, Name: a.name, Lifetime: a.lifetime, RBAC: a.rbac}
		for _, s := range a.scopes {
			row.Scopes = append(row.Scopes, s.name)
		}
		apis = append(apis, row)
	}
	return clients, apis
}

func (t *Tenant) familyRows() (rows []familyRow) {
	t.refresh.mu.Lock()
	defer t.refresh.mu.Unlock()
	t.refresh.byID.each(func(_ string, f *family, born time.Time) {
		row := familyRow{
			Client: f.Client, Audience: f.Audience, Scopes: strings.Join(f.Scopes, " "), Used: f.Used,
			Until: born.Add(refreshLifetime),
		}
		if idle := f.Used.Add(refreshIdle); idle.Before(row.Until) {
			row.Until = idle
		}
		if u := t.userByID(f.User); u != nil {
			row.User = u.email
		}
		rows = append(rows, row)
	})
	slices.SortFunc(rows, func(a, b familyRow) int { return b.Used.Compare(a.Used) })
	return rows
}
