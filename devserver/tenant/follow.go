package tenant

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// followTime is how long one request for changes waits. The page asks again.
const followTime = 25 * time.Second

// follow is GET /u/changes?since=N: it answers with the number of changes when that is not N, so
// that the dashboard is loaded again; or after followTime, or when the tenant ends.
func (t *Tenant) follow(w http.ResponseWriter, r *http.Request) {
	timeout := time.NewTimer(followTime)
	defer timeout.Stop()
	version, changed := t.events.next()
	if r.FormValue("since") == strconv.Itoa(version) {
		select {
		case <-changed:
			version, _ = t.events.next()
		case <-timeout.C:
		case <-t.ended:
		case <-r.Context().Done():
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"version":%d}`, version) // fails only if the browser is gone
}

// EndWaiting ends requests that wait for events. Call it when the server shuts down, for
// example by http.Server.RegisterOnShutdown. It may be called more than once.
func (t *Tenant) EndWaiting() { t.end() }
