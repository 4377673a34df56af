package inspect

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
)

// flagsAt is where the flags are in a traceparent: after the version, the trace and the parent.
const flagsAt = len("00-") + 32 + len("-") + 16 + len("-")

// traceparent returns the trace of a request and the span that has sent it (W3C Trace Context
// §3.2), or a new trace without a parent if the header is missing or invalid.
func traceparent(header http.Header) (traceID, parentID string) {
	values := header["Traceparent"]
	if len(values) == 1 {
		parts := strings.Split(values[0], "-")
		if len(parts) >= 4 && (parts[0] != "00" || len(parts) == 4) && isID(parts[0], 2) && parts[0] != "ff" && isID(parts[3], 2) &&
			isID(parts[1], 32) && strings.Trim(parts[1], "0") != "" && isID(parts[2], 16) && strings.Trim(parts[2], "0") != "" {
			return parts[1], parts[2]
		}
	}
	return newID(16), ""
}

// isID reports whether s has length lower-case hexadecimal digits.
func isID(s string, length int) bool {
	return len(s) == length && strings.Trim(s, "0123456789abcdef") == ""
}

func newSpanID() string { return newID(8) }

// newID returns a random ID of n bytes.
func newID(n int) string {
	id := make([]byte, n)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}
