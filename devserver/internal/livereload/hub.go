// Package livereload keeps open pages up to date: they reload after a build and show
// problems.
//
// A page's stream carries state, not events: a version and the current problems. What a
// page misses while it is hidden or the dev server restarts is in the next message, and
// no page needs a queue (docs/decisions/0004).
package livereload

import (
	"crypto/rand"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Prefix is the prefix of the paths that open pages use.
const Prefix = "/@dev/"

//go:embed client.js shared.js
var scripts embed.FS

// maxStreams is how many pages may be connected at the same time.
const maxStreams = 256

// Hub is what open pages are connected to. Its methods may be called from any goroutine.
type Hub struct {
	instance string // unique to this process

	mu       sync.Mutex // protects the fields below
	builds   int
	styles   int                // how often only styles have changed
	problems map[string]problem // by source
	streams  int
	changed  chan struct{} // closed and replaced at each change
	closed   bool
}

// New returns a Hub.
func New() *Hub {
	return &Hub{
		instance: rand.Text(),
		problems: map[string]problem{},
		changed:  make(chan struct{}),
	}
}

// Script returns the script element for index.html. It contains the page's version, so
// that a build between the page and its stream is not missed.
func (h *Hub) Script() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return fmt.Sprintf(`<script type="module" src="%sclient.js?version=%s&amp;styles=%d"></script>`, Prefix, h.version(), h.styles)
}

// Version identifies the current build.
func (h *Hub) Version() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.version()
}

// version is Version for callers that hold mu.
func (h *Hub) version() string { return h.instance + "-" + strconv.Itoa(h.builds) }

// Reload makes every open page reload.
func (h *Hub) Reload() { h.update(func() { h.builds++ }) }

// Restyle makes every open page reload its stylesheets only.
func (h *Hub) Restyle() { h.update(func() { h.styles++ }) }

// problem is something that pages show, and what it means for them.
type problem struct{ text, hint string }

// Report makes every page show text as the problem of source, replacing the source's
// last problem; "" removes it. hint says what the page runs until the problem is fixed.
func (h *Hub) Report(source, text, hint string) {
	h.update(func() {
		if text == "" {
			delete(h.problems, source)
		} else {
			h.problems[source] = problem{text, hint}
		}
	})
}

// Close ends all streams. Pages keep trying to reconnect.
func (h *Hub) Close() { h.update(func() { h.closed = true }) }

// update makes a change of the state, and wakes the streams of all open pages.
func (h *Hub) update(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
	close(h.changed)
	h.changed = make(chan struct{})
}

// state returns the message for pages and a channel that is closed at the next change.
func (h *Hub) state() (message string, changed <-chan struct{}, closed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	problems, hints := []string{}, []string{}
	for _, source := range slices.Sorted(maps.Keys(h.problems)) {
		problems, hints = append(problems, h.problems[source].text), append(hints, h.problems[source].hint)
	}
	data, err := json.Marshal(map[string]any{
		"version": h.version(), "styles": h.styles, "problems": problems, "hints": hints,
	})
	if err != nil {
		panic(err) // impossible for strings and numbers
	}
	return string(data), h.changed, h.closed
}

// ServeHTTP implements http.Handler for the paths under Prefix.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "Only GET is allowed here.", http.StatusMethodNotAllowed)
		return
	}
	switch name := strings.TrimPrefix(r.URL.Path, Prefix); name {
	case "client.js", "shared.js":
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, scripts, name) //nolint:gosec // one of these two names
	case "events":
		h.stream(w, r)
	default:
		http.NotFound(w, r)
	}
}

// stream sends the state now and at each change.
func (h *Hub) stream(w http.ResponseWriter, r *http.Request) {
	if !h.enter() {
		http.Error(w, "Too many pages are open.", http.StatusServiceUnavailable)
		return
	}
	defer h.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	rc := http.NewResponseController(w)
	if _, err := fmt.Fprint(w, "retry: 500\n\n"); err != nil { // milliseconds until a page reconnects
		return
	}
	last := ""
	for {
		message, changed, closed := h.state()
		if closed {
			return
		}
		if message != last {
			last = message
			if _, err := fmt.Fprintf(w, "data: %s\n\n", message); err != nil {
				return // the page is gone
			}
			if err := rc.Flush(); err != nil {
				return
			}
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (h *Hub) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams >= maxStreams {
		return false
	}
	h.streams++
	return true
}

func (h *Hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streams--
}
