package inspect

import (
	"context"
	"embed"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Paths of the inspector.
const (
	Path        = "/@dev/"
	TracesPath  = Path + "traces.json"
	spansPath   = Path + "otlp/v1/traces"
	metricsPath = Path + "otlp/v1/metrics"
	logsPath    = Path + "otlp/v1/logs"
	replayPath  = Path + "replay"
	clearPath   = Path + "clear"
	pagePath    = Path + "inspector/" // the page's script and styles
)

// maxWait is how long a request for the traces waits for something new.
const maxWait = 25 * time.Second

//go:embed page
var page embed.FS

// policy allows the page its own script and style, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Options are what the inspector's handler needs of the dev server.
type Options struct {
	// Forward handles requests that are sent again.
	Forward http.Handler
	// Token returns an access token of the local tenant for the user with the ID subject, or an
	// error if there is no such user. nil means that no tenant makes tokens here.
	Token func(subject, scope string) (string, error)
	// Issuer is the local tenant's, "" if there is none.
	Issuer string
}

// Handler returns the handler of the inspector's paths. ok is false for other paths. It has no
// check of its own: the caller lets only pages of its own origin and programs of this machine use
// it.
func (r *Recorder) Handler(opts Options) func(path string) (handler http.Handler, ok bool) {
	replay := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.replay(opts, w, req) })
	traces := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.serveTraces(opts, w, req) })
	return func(path string) (http.Handler, bool) {
		switch path {
		case Path:
			return http.HandlerFunc(servePage), true
		case TracesPath:
			return traces, true
		case spansPath:
			return http.HandlerFunc(r.receive), true
		case replayPath:
			return requirePost(replay), true
		case metricsPath, logsPath: // the endpoint is for these too; they are not kept
			return requirePost(http.HandlerFunc(discardExport)), true
		case clearPath:
			return requirePost(http.HandlerFunc(r.clear)), true
		}
		return http.HandlerFunc(servePage), strings.HasPrefix(path, pagePath)
	}
}

// servePage serves the page and its files.
func servePage(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, pagePath)
	switch name {
	case Path:
		name = "index.html"
	case "inspector.js", "view.js", "style.css":
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.ServeFileFS(w, r, page, "page/"+name) //nolint:gosec // one of these names
}

// discardExport accepts an export that nobody reads: SDKs send metrics and logs to the same endpoint.
func discardExport(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		_, _ = io.WriteString(w, "{}") // the empty message in protobuf has no bytes
	}
}

func requirePost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "Only POST is allowed here.", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// listed is an exchange as traces.json has it.
type listed struct {
	*exchange
	Span   string  `json:"span"`               // ID of the exchange's own span
	Parent string  `json:"parent,omitempty"`   // of the caller's
	Spans  []span  `json:"spans"`              // of other parties, in the order of their start
	Checks []Check `json:"checks,omitempty"`   // of the API
	Replay string  `json:"noReplay,omitempty"` // why it cannot be sent again
}

// serveTraces responds with everything that is kept. With ?wait=V it waits until that is not
// version V.
func (r *Recorder) serveTraces(opts Options, w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "Only GET is allowed here.", http.StatusMethodNotAllowed)
		return
	}
	if known, err := strconv.Atoi(req.FormValue("wait")); err == nil {
		ctx, cancel := context.WithTimeout(req.Context(), maxWait)
		r.wait(ctx, known)
		cancel()
	}
	data, err := r.json(opts)
	if err != nil {
		http.Error(w, "The traces cannot be written: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(data) // fails only if the client is gone
}

// json returns traces.json. It copies under the lock and writes afterwards, so that requests do
// not wait for it.
func (r *Recorder) json(opts Options) ([]byte, error) {
	out := struct {
		Version   int      `json:"version"`
		Skipped   int      `json:"skipped"` // requests that came too fast to be recorded
		Exchanges []listed `json:"exchanges"`
	}{Exchanges: []listed{}}
	out.Skipped, _ = r.rate.state()
	r.mu.Lock()
	out.Version = r.version
	count := map[string]int{} // requests of each trace
	for _, x := range r.exchanges {
		count[x.traceID]++
	}
	for _, x := range r.exchanges {
		copied := *x
		copied.Events = slices.Clone(x.Events)
		one := listed{exchange: &copied, Span: x.spanID, Parent: x.parentID, Spans: []span{}}
		if t := r.traces[x.traceID]; t != nil {
			one.Spans = spansOf(x, t.spans, count[x.traceID] == 1)
		}
		out.Exchanges = append(out.Exchanges, one)
	}
	past := map[string][]span{} // traces that went past the dev server, as from curl to the API
	for id, t := range r.traces {
		if count[id] == 0 {
			past[id] = slices.Clone(t.spans)
		}
	}
	r.mu.Unlock()
	for i := range out.Exchanges {
		one := &out.Exchanges[i]
		one.Spans, one.Replay = sorted(one.Spans), one.noReplay(opts)
		one.Checks = checks(one.exchange, one.Spans)
	}
	for id, spans := range past {
		out.Exchanges = append(out.Exchanges, ofSpans(id, sorted(spans)))
	}
	sortByStart(out.Exchanges)
	return json.Marshal(out)
}

// spansOf returns the spans of a trace that belong to x: those that descend from it, and its
// caller's; all if it is the only request of the trace.
func spansOf(x *exchange, spans []span, isOnly bool) []span {
	if isOnly {
		return slices.Clone(spans)
	}
	own := map[string]bool{x.spanID: true}
	for range spans { // children may come before their parents
		for _, one := range spans {
			if own[one.Parent] {
				own[one.ID] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(spans), func(one span) bool { return !own[one.ID] && one.ID != x.parentID })
}

// clear removes everything that is kept.
func (r *Recorder) clear(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reset()
	r.wake()
	w.WriteHeader(http.StatusNoContent)
}
