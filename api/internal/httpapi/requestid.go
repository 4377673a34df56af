package httpapi

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"sync/atomic"
)

// requestIDHeader names a request in answers and in the log.
const requestIDHeader = "X-Request-Id"

// withRequestID gives each request an ID: the one that a proxy before us gave it,
// if that is one, or else one of ours.
func withRequestID(next http.Handler) http.Handler {
	prefix := rand.Text()[:8] + "-" // of this process
	var count atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header[requestIDHeader]
		if len(id) != 1 || !isRequestID(id[0]) {
			id = []string{prefix + strconv.FormatUint(count.Add(1), 36)}
		}
		w.Header()[requestIDHeader] = id
		next.ServeHTTP(w, r)
	})
}

// requestID returns the ID that withRequestID gave the request of w.
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
