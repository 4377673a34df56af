package tenant

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"calling-an-api.example/devserver/internal/directory"
	"calling-an-api.example/devserver/internal/hostcheck"
)

// dashboard is what dashboard.html shows: the tenant's configuration, sessions and last
// events. It contains no tokens, codes or cookies.
type dashboard struct {
	Issuer, App string
	CanAct      bool   // the browser is on this machine, so the page has forms
	Nonce       string // of the page's script
	Version     int    // number of changes that the page shows
	Ahead       string // of the clock, "" if it is right
	Users       []userRow
	Added       []userRow // by tests, the newest first, at most maxShownUsers
	MoreAdded   int       // how many more there are
	Clients     []clientRow
	APIs        []apiRow
	Keys        []string     // their IDs, the current one first
	Sessions    []sessionRow // the newest, at most maxShownUsers
	Families    []familyRow
	Events      []Event
}

// userRow is a user, with forms if the browser is on this machine.
type userRow struct {
	User
	CanAct bool
}

// maxShownUsers is how many users of tests the dashboard shows, and how many sessions.
const maxShownUsers = 50

// clientRow is a client without its secret.
type clientRow struct {
	ID, Name                                  string
	Callbacks, LogoutURLs, WebOrigins, Grants []string
	RequireProof                              bool
}

type apiRow struct {
	Audience, Name string
	Scopes         []string
	Lifetime       time.Duration
	RBAC           bool
	Possession     string // none, allowed or required
}

// sessionRow is a user's login in one browser.
type sessionRow struct {
	ID, User        string
	LoggedIn, Until time.Time
	IsOwn           bool // of the browser that shows the dashboard
}

// familyRow is a refresh-token family.
type familyRow struct {
	User, Client, Audience, Scopes string
	Thumbprint                     string // of the key that it is bound to, "" for none
	Used, Until                    time.Time
}

// showDashboard serves the dashboard. It changes nothing. Its script loads it again when there
// is an event.
func (t *Tenant) showDashboard(w http.ResponseWriter, r *http.Request) {
	version, _ := t.events.next() // before the content, so that a change meanwhile is shown afterwards
	page := dashboard{
		Version: version,
		Issuer:  t.opts.Issuer, App: t.opts.AppOrigin, CanAct: hostcheck.FromThisMachine(r), Nonce: rand.Text(), Ahead: t.clock.ahead(),
		Events: t.events.list(maxShownEvents),
	}
	configured, added := t.userLists()
	slices.Reverse(added)
	shown := min(len(added), maxShownUsers)
	page.Users, page.Added, page.MoreAdded = userRows(configured, page.CanAct), userRows(added[:shown], page.CanAct), len(added)-shown
	d := t.directory.Load()
	page.Clients, page.APIs = clientRows(d), apiRows(d)
	keys, err := t.keys.list()
	if err != nil {
		t.opts.Log.Error("the tenant has no signing key", "err", err)
	}
	for _, key := range keys {
		page.Keys = append(page.Keys, key.id)
	}
	own := t.currentSession(r)
	t.sessions.Each(func(_ string, s *session, born time.Time) {
		if u := d.UserByID(s.user.ID); u == nil || u.Blocked {
			return
		}
		page.Sessions = append(page.Sessions, sessionRow{s.id, s.user.Email, s.loggedIn, born.Add(t.sessions.TTL()), own != nil && own.id == s.id})
	})
	slices.SortFunc(page.Sessions, func(a, b sessionRow) int { return b.LoggedIn.Compare(a.LoggedIn) })
	page.Sessions = page.Sessions[:min(len(page.Sessions), maxShownUsers)]
	page.Families = t.familyRows(d)
	setPagePolicy(w, "form-action 'self'", "connect-src 'self'", "script-src 'nonce-"+page.Nonce+"'")
	t.render(w, http.StatusOK, "dashboard.html", page)
}

func userRows(list []User, canAct bool) (rows []userRow) {
	for _, u := range list {
		rows = append(rows, userRow{u, canAct})
	}
	return rows
}

func clientRows(d *directory.Directory) (rows []clientRow) {
	for _, c := range d.Clients() {
		rows = append(rows, clientRow{c.ID, c.Name, c.Callbacks, c.LogoutURLs, c.WebOrigins, c.Grants, c.RequireProof})
	}
	return rows
}

func apiRows(d *directory.Directory) (rows []apiRow) {
	for _, a := range d.APIs() {
		row := apiRow{Audience: a.Audience, Name: a.Name, Lifetime: a.Lifetime, RBAC: a.RBAC, Possession: a.Possession}
		for _, s := range a.Scopes {
			row.Scopes = append(row.Scopes, s.Name)
		}
		rows = append(rows, row)
	}
	return rows
}

func (t *Tenant) familyRows(d *directory.Directory) (rows []familyRow) {
	for _, f := range t.refresh.Rows() {
		row := familyRow{Client: f.Client, Audience: f.Audience, Scopes: strings.Join(f.Scopes, " "), Thumbprint: f.Thumbprint, Used: f.Used, Until: f.Until}
		if u := d.UserByID(f.User); u != nil {
			row.User = u.Email
		}
		rows = append(rows, row)
	}
	return rows
}
