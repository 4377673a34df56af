package httpapi

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"sync/atomic"
)

// requestIDHeader names a request in answers and in the log.
const requestIDHeader = "X-Request-Id"

// requestIDs makes the IDs of requests.
type requestIDs struct {
	prefix string // of this process
	count  *atomic.Uint64
}

func newRequestIDs() requestIDs { return requestIDs{rand.Text()[:8] + "-", &atomic.Uint64{}} }

// set gives the answer w to r an ID: the one that a proxy before us gave the
// request, if that is one, or else one of ours. It must come before the status.
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

// requestID returns the ID that set gave w, "" if it has none.
func requestID(w http.ResponseWriter) string { return w.Header().Get(requestIDHeader) }

// isRequestID reports whether id may go into a log and a header as it is.
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
