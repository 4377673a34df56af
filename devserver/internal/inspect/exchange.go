package inspect

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// exchange is one request and its response. Its exported fields are its JSON.
type exchange struct {
	ID       string    `json:"id"`
	Flow     string    `json:"flow"` // the ID of the first exchange that belongs to the same login
	Trace    string    `json:"trace"`
	Party    Party     `json:"party"`
	Start    time.Time `json:"start"`
	Duration float64   `json:"milliseconds"` // until the end of the response
	Done     bool      `json:"done"`
	Aborted  bool      `json:"aborted,omitempty"` // the response broke off
	ReplayOf string    `json:"replayOf,omitempty"`

	Request  message    `json:"request"`
	Token    *TokenSent `json:"token,omitempty"` // that the request has
	Response message    `json:"response"`
	Rule     *Rule      `json:"rule,omitempty"` // by which the proxy has forwarded it
	Events   []Event    `json:"events,omitempty"`

	recorder *Recorder
	traceID  string
	spanID   string
	parentID string
	bytes    int
	gone     bool // it was removed
	links    []uint64
	bound    bool        // it has a DPoP proof
	whole    bool        // nothing of the request was cut off or masked but the token and cookies
	header   http.Header // of the request while it is in flight, with its secrets
}

// message is a request or a response, as far as it is kept.
type message struct {
	Method  string      `json:"method,omitempty"`
	URL     string      `json:"url,omitempty"` // absolute
	Status  int         `json:"status,omitempty"`
	Headers [][2]string `json:"headers,omitempty"`
	Type    string      `json:"type,omitempty"` // of the body
	Size    int64       `json:"size"`           // of the body, in bytes
	Body    string      `json:"body,omitempty"` // the start of it, if it is text

	rawURL string // while the request is in flight
}

// Rule says what the proxy has done with a request.
type Rule struct {
	Context string `json:"context"`
	Place   string `json:"place"`             // file:line:column
	URL     string `json:"url"`               // that was requested instead
	Problem string `json:"problem,omitempty"` // code of the proxy's own answer
}

// Event is something that a party says about a request.
type Event struct {
	Text     string `json:"text"`
	Rejected bool   `json:"rejected,omitempty"`
}

// newRequest returns what is kept of the head of r.
func newRequest(r *http.Request) message {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	uri := r.RequestURI
	if !strings.HasPrefix(uri, "/") {
		uri = r.URL.RequestURI()
	}
	return message{
		rawURL: limited(uri), Method: limited(r.Method), URL: maskURL(limited(scheme + "://" + r.Host + uri)), Headers: headers(r.Header), Type: mediaType(r.Header), Size: max(0, r.ContentLength),
	}
}

// headers returns the header fields, by name, without secrets.
func headers(header http.Header) (list [][2]string) {
	for _, name := range sortedNames(header) {
		for _, value := range header[name] {
			if len(list) == maxHeaders {
				return list
			}
			list = append(list, [2]string{name, maskHeader(name, limited(value))})
		}
	}
	return list
}

func sortedNames(header http.Header) []string {
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// limited returns the start of text. It comes before masking, which is slow for long text and
// recognizes what is cut off.
func limited(text string) string {
	if len(text) <= maxValue {
		return text
	}
	return strings.ToValidUTF8(text[:maxValue], "") + "…"
}

func mediaType(header http.Header) string {
	media, _, err := mime.ParseMediaType(field(header, "Content-Type"))
	if err != nil {
		return ""
	}
	return media
}

// field is Get for headers whose names may have kept their case.
func field(header http.Header, name string) string {
	if value := header.Get(name); value != "" {
		return value
	}
	for other, values := range header {
		if len(values) > 0 && strings.EqualFold(other, name) {
			return values[0]
		}
	}
	return ""
}

// size is about what the exchange takes, in bytes.
func (x *exchange) size() int {
	size := 600
	for _, m := range []message{x.Request, x.Response} {
		size += len(m.URL) + len(m.Body)
		for _, header := range m.Headers {
			size += len(header[0]) + len(header[1])
		}
	}
	if x.Token != nil {
		size += len(x.Token.Header) + len(x.Token.Claims)
	}
	for _, e := range x.Events {
		size += len(e.Text)
	}
	return size
}

// readableTypes are the media types of bodies that are kept. HTML has forms with secrets, and the
// rest is for programs.
func isReadable(media string) bool {
	return media == "application/x-www-form-urlencoded" || media == "text/plain" || media == "application/json" || strings.HasSuffix(media, "+json")
}

// readable returns the text of a body, "" if that cannot be read.
func readable(encoding string, data []byte) string {
	switch encoding {
	case "gzip":
		unzipped, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return ""
		}
		data, _ = io.ReadAll(io.LimitReader(unzipped, maxBody)) // it may be cut off
	case "", "identity":
	default:
		return ""
	}
	return strings.ToValidUTF8(string(data), "")
}

// maskBody masks a body by what it looks like: many programs send JSON as text or as a form.
func maskBody(text string) string {
	trimmed := strings.TrimSpace(text)
	switch {
	case trimmed == "":
		return text
	case strings.IndexByte(`{["`, trimmed[0]) >= 0:
		return MaskJSON(text)
	case !strings.ContainsAny(trimmed, " \n\t") && strings.Contains(trimmed, "="):
		return maskForm(text)
	}
	lines := strings.SplitAfter(text, "\n") // text/plain forms have a field a line
	for i, line := range lines {
		lines[i] = maskText(line)
	}
	return strings.Join(lines, "")
}

// contextKey is the key of the exchange in the context of its request.
type contextKey struct{}

// FromContext returns the exchange that is recorded for a request, nil if there is none. Its
// methods accept nil.
func FromContext(ctx context.Context) *Exchange {
	x, _ := ctx.Value(contextKey{}).(*Exchange)
	return x
}

// Exchange is a request that is being recorded.
type Exchange struct{ x *exchange }

// Link is the path of the inspector's page that shows the exchange, "" if there is none.
func (e *Exchange) Link() string {
	if e == nil {
		return ""
	}
	return Path + "#" + e.x.traceID
}

// SetRule records what the proxy does with the request.
func (e *Exchange) SetRule(rule Rule) {
	if e == nil {
		return
	}
	rule.URL = maskURL(limited(rule.URL))
	e.x.recorder.mu.Lock()
	defer e.x.recorder.mu.Unlock()
	e.x.Rule = &rule
}

// AddEvent records something that was said about the request.
func (e *Exchange) AddEvent(one Event) {
	if e == nil {
		return
	}
	e.x.recorder.mu.Lock()
	defer e.x.recorder.mu.Unlock()
	if len(e.x.Events) < 20 {
		e.x.Events = append(e.x.Events, Event{maskText(limited(one.Text)), one.Rejected})
	}
}
