package auth

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is a refusal: what the caller is told, and apart from it what only the
// log and the metrics may say. Code, Reason and Description are fixed texts, so
// nothing that a caller sent and nothing about the inside comes back in an answer.
type Error struct {
	Status      int           // HTTP status
	Code        string        // error code of RFC 6750 §3.1, or one of ours where that has none
	Reason      string        // what was wrong, in a word, for the caller's program and metrics
	Description string        // one sentence for the caller's developer
	Scope       string        // the scope that was missing, for insufficient_scope
	RetryAfter  time.Duration // when to ask again, for 503
	Cause       error         // for the log
}

// Error returns the code with the cause, for the log.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Code
	}
	return e.Code + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// SetHeaders sets what the refusal says in headers: the challenge of RFC 6750 §3
// for 400, 401 and 403, and Retry-After (in seconds) for 503. metadata is the URL
// of the API's description (RFC 9728 §5.1), "" for none.
func (e *Error) SetHeaders(h http.Header, metadata string) {
	h.Set("Cache-Control", "no-store")
	if e.Status == http.StatusServiceUnavailable {
		seconds := max(1, int((e.RetryAfter+time.Second-1)/time.Second))
		h.Set("Retry-After", strconv.Itoa(seconds))
		return
	}
	h.Set("WWW-Authenticate", e.challenge(metadata))
}

// challenge is the value of WWW-Authenticate. A request without credentials gets
// no error code in it (RFC 6750 §3.1). All values are fixed texts without
// quotes or backslashes, so they need no escaping.
func (e *Error) challenge(metadata string) string {
	var b strings.Builder
	b.WriteString(`Bearer realm="api"`)
	if e.Code != codeNoToken {
		b.WriteString(`, error="` + e.Code + `", error_description="` + e.Description + `"`)
	}
	if e.Scope != "" {
		b.WriteString(`, scope="` + e.Scope + `"`)
	}
	if metadata != "" {
		b.WriteString(`, resource_metadata="` + metadata + `"`)
	}
	return b.String()
}

// The codes of RFC 6750 §3.1, and two for what it has no code for.
const (
	codeInvalidRequest    = "invalid_request"
	codeInvalidToken      = "invalid_token"
	codeInsufficientScope = "insufficient_scope"
	codeNoToken           = "missing_token"
	codeUnavailable       = "temporarily_unavailable"
)

// The reasons. Programs and metrics know them, so they are not to change.
const (
	reasonAudience    = "audience"
	reasonClaims      = "claims"
	reasonExpired     = "expired"
	reasonHeader      = "header"
	reasonIssuer      = "issuer"
	reasonKey         = "unknown_key"
	reasonMalformed   = "malformed"
	reasonMissing     = "missing"
	reasonNotJWT      = "not_a_jwt"
	reasonNotYet      = "not_yet_valid"
	reasonRequest     = "request"
	reasonScope       = "scope"
	reasonSignature   = "signature"
	reasonTooLarge    = "too_large"
	reasonUnavailable = "unavailable"
)

func invalidRequest(description string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: codeInvalidRequest, Reason: reasonRequest, Description: description}
}

func noToken(description string) *Error {
	return &Error{Status: http.StatusUnauthorized, Code: codeNoToken, Reason: reasonMissing, Description: description}
}

func invalidToken(reason, description string, cause error) *Error {
	return &Error{
		Status: http.StatusUnauthorized, Code: codeInvalidToken, Reason: reason, Description: description, Cause: cause,
	}
}

func unavailable(description string, retryAfter time.Duration, cause error) *Error {
	return &Error{
		Status: http.StatusServiceUnavailable, Code: codeUnavailable, Reason: reasonUnavailable,
		Description: description, RetryAfter: retryAfter, Cause: cause,
	}
}
