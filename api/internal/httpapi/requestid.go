package httpapi

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"sync/atomic"
)

// requestIDHeader identifies a request in answers and in the log.
const requestIDHeader = "X-Request-Id"

// requestIDs generates request IDs: a random prefix for this process and a counter.
type requestIDs struct {
	prefix string
	count  *atomic.Uint64
}

func newRequestIDs() requestIDs { return requestIDs{rand.Text()[:8] + "-", &atomic.Uint64{}} }

// set sets the ID of r in its answer w: the one that a proxy in front has set, if it
// is valid, or a new one. It must be called before the status is written.
func (ids requestIDs) set(w http.ResponseWriter, r *http.Request) {
	if requestID(w) != "" {
		return
	}
	id := r.Header[requestIDHeader]
	if len(id) != 1 || !isRequestID(id[0]) {
		id = []string{ids.prefix + strconv.FormatUint(ids.count.Add(1), 36)}
	}
	w.Header()[requestIDHeader] = id
}

// requestID returns the ID that set has set, or "".
func requestID(w http.ResponseWriter) string { return w.Header().Get(requestIDHeader) }

// isRequestID reports whether id is safe in a log and a header: 1 to 64 letters,
// digits and the characters - _ .
func isRequestID(id string) bool {
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return 0 < len(id) && len(id) <= 64
}
