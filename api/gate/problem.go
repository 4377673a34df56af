package gate

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Problem is why a request was rejected. It is shared between requests and must not be
// modified.
//
// Code, Reason, Description and Scope are sent to the client. They contain no data of the
// request and no internal details. Cause is for the log only.
type Problem struct {
	Status      int           // HTTP status: 400, 401, 403 or 503
	Code        string        // one of the Code constants
	Reason      string        // one of the Reason constants
	Description string        // one sentence for the developer of the client
	Scope       string        // scopes that are required, for CodeInsufficientScope
	Issuer      string        // URL in the Policy of the issuer that the token names, "" if it names none of those or was not read; for metrics and the log
	DPoP        bool          // the request used the scheme DPoP, so the challenge of that scheme says what is wrong
	Nonce       string        // value of the header DPoP-Nonce, for CodeUseNonce
	RetryAfter  time.Duration // how long the client should wait, for status 503
	Cause       error         // internal detail without claim values but iss; nil if there is none
}

// Values of [Problem].Code. RFC 6750 §3.1 defines the first three, and RFC 9449 §7.1 and §9
// the next two; the others are this package's. They are stable.
const (
	CodeInvalidRequest    = "invalid_request"
	CodeInvalidToken      = "invalid_token"
	CodeInsufficientScope = "insufficient_scope"
	CodeInvalidProof      = "invalid_dpop_proof"
	CodeUseNonce          = "use_dpop_nonce"
	CodeMissingToken      = "missing_token"
	CodeUnavailable       = "temporarily_unavailable"
)

// Values of [Problem].Reason: a word for programs and metrics. They are stable. Those for
// DPoP proofs are in package dpop.
const (
	ReasonAudience    = "audience"      // issued for another audience
	ReasonBinding     = "binding"       // bound to a key, but sent as a bearer token, or the other way round
	ReasonClaim       = "claim"         // valid, but a claim does not have the required value
	ReasonClaims      = "claims"        // a required claim is missing, or a value is rejected
	ReasonExpired     = "expired"       // exp has passed
	ReasonHeader      = "header"        // invalid JSON, or not the header of an accepted access token
	ReasonIssuer      = "issuer"        // issued by another issuer
	ReasonKey         = "unknown_key"   // the issuer does not publish the key
	ReasonMalformed   = "malformed"     // not base64url, invalid JSON, or a claim of the wrong type
	ReasonMissing     = "missing"       // no bearer token in the request
	ReasonNotJWT      = "not_a_jwt"     // opaque or encrypted
	ReasonNotYet      = "not_yet_valid" // nbf or iat is in the future
	ReasonRequest     = "request"       // Authorization is malformed or repeated, or the query has a token too
	ReasonScope       = "scope"         // valid, but does not grant a required scope
	ReasonSignature   = "signature"     // the signature does not match
	ReasonTooLarge    = "too_large"     // more than 8 KiB
	ReasonUnavailable = "unavailable"   // the token could not be verified, for example without keys
)

// Error returns the code with the cause, for the log. Do not send it to clients.
func (p *Problem) Error() string {
	if p.Cause == nil {
		return p.Code
	}
	return p.Code + ": " + p.Cause.Error()
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// WriteProblem writes the response for p: the status, the headers of [Gate.SetHeaders], and a
// JSON object with the members error, error_description and reason.
func (g *Gate) WriteProblem(w http.ResponseWriter, p *Problem) {
	g.SetHeaders(w.Header(), p)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(struct { // fails only if the client is gone
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Reason      string `json:"reason"`
	}{p.Code, p.Description, p.Reason})
}

// SetHeaders sets the headers that the response for p must have, whatever its body is: the
// challenge of RFC 6750 §3 and RFC 9449 §7.1 (400, 401, 403) or Retry-After (503), DPoP-Nonce
// if there is one, and Cache-Control.
func (g *Gate) SetHeaders(h http.Header, p *Problem) {
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable {
		seconds := max(1, int((p.RetryAfter+time.Second-1)/time.Second))
		h.Set("Retry-After", strconv.Itoa(seconds))
	} else {
		h.Set("Www-Authenticate", g.challenges(p))
	}
	if p.Nonce != "" {
		h.Set(nonceHeader, p.Nonce)
	}
}

// challenges is the value of WWW-Authenticate, with a challenge for each scheme that the gate
// accepts (RFC 9449 §7.1). That of the scheme that the request has used says what is wrong.
//
// They are one header field, because scripts in Firefox cannot read the header if there are
// two: Headers.get returns null then. The SDK would not find use_dpop_nonce.
func (g *Gate) challenges(p *Problem) string {
	var all []string
	if !g.RequireDPoP {
		all = append(all, g.challenge("Bearer", p, !p.DPoP))
	}
	if g.DPoP != nil {
		all = append(all, g.challenge("DPoP", p, p.DPoP || g.RequireDPoP))
	}
	return strings.Join(all, ", ")
}

// challenge is the challenge of one scheme. For a request without a token it has no error
// attribute (RFC 6750 §3.1).
func (g *Gate) challenge(scheme string, p *Problem, isUsed bool) string {
	var b strings.Builder
	b.WriteString(scheme + " realm=")
	if g.Realm == "" {
		b.WriteString(`"api"`)
	} else {
		b.WriteString(quoted(g.Realm))
	}
	attribute := func(name, value string) {
		if value != "" {
			b.WriteString(", " + name + "=" + quoted(value))
		}
	}
	if isUsed && p.Code != CodeMissingToken {
		attribute("error", p.Code)
		attribute("error_description", p.Description)
	}
	if isUsed {
		attribute("scope", p.Scope)
	}
	attribute("resource_metadata", g.ResourceMetadata)
	if scheme == "DPoP" {
		attribute("algs", strings.Join(g.DPoP.Algorithms(), " "))
	}
	return b.String()
}

// quoted returns value as a quoted-string (RFC 9110 §5.6.4). Control characters are
// removed, because it must not contain them.
func quoted(value string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(value) {
		switch {
		case c < ' ' || c == 0x7f:
			continue
		case c == '"' || c == '\\':
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String()
}

// invalidRequest is a malformed or ambiguous request: 400 (RFC 6750 §3.1).
func invalidRequest(description string) *Problem {
	return &Problem{Status: http.StatusBadRequest, Code: CodeInvalidRequest, Reason: ReasonRequest, Description: description}
}

// missingToken is a request without a bearer token: 401 without an error code.
func missingToken(description string) *Problem {
	return &Problem{Status: http.StatusUnauthorized, Code: CodeMissingToken, Reason: ReasonMissing, Description: description}
}

// invalidToken is a token that is not accepted: 401. cause is for the log, and may be nil.
func invalidToken(reason, description string, cause error) *Problem {
	return &Problem{
		Status: http.StatusUnauthorized, Code: CodeInvalidToken, Reason: reason, Description: description, Cause: cause,
	}
}

// unavailable is a token that cannot be judged now: 503 with a Retry-After.
func unavailable(description string, retryAfter time.Duration, cause error) *Problem {
	return &Problem{
		Status: http.StatusServiceUnavailable, Code: CodeUnavailable, Reason: ReasonUnavailable,
		Description: description, RetryAfter: retryAfter, Cause: cause,
	}
}
