package inspect

import (
	"encoding/json"
	"slices"
)

// Check is one of the checks of the API's gate, in the order in which it does them.
type Check struct {
	Name   string `json:"name"`
	Result string `json:"result"`           // "passed", "failed", or "not checked" after one that failed
	Reason string `json:"reason,omitempty"` // the gate's word for what failed
	Doc    string `json:"doc"`              // which document has the rules
}

// The results of a Check.
const (
	passed     = "passed"
	failed     = "failed"
	notChecked = "not checked"
)

const rules = "docs/token-validation.md"

type gateCheck struct {
	name, doc string
	reasons   []string // that it can fail for
	bound     bool     // only for tokens that are bound to a key
}

// gateChecks are the checks with the reasons that each can fail for. Audience and times are
// checked before the key is looked up, so that no key is fetched for a token that cannot be valid.
var gateChecks = []gateCheck{
	{"The request has one token", rules + ", The request", []string{"missing", "request"}, false},
	{"It is a signed JWT", rules + ", The serialization", []string{"not_a_jwt", "too_large", "malformed", "header"}, false},
	{"Issuer", rules + ", The claims", []string{"issuer"}, false},
	{"Audience", rules + ", The claims", []string{"audience"}, false},
	{"Time and kind", rules + ", The claims", []string{"expired", "not_yet_valid", "claims"}, false},
	{"Key and signature", rules + ", Key and signature", []string{"unknown_key", "signature", "unavailable"}, false},
	{"Proof of the key", "docs/dpop.md", []string{
		"binding", "proof_missing", "proof_form", "proof_key", "proof_method", "proof_url", "proof_time", "proof_token", "proof_nonce", "proof_replayed",
	}, true},
	{"Scope", rules + ", Scopes and other requirements", []string{"scope", "claim"}, false},
}

// checks returns what the API's gate has checked, as its span says it, or else its answer; nil if
// neither does.
func checks(x *exchange, spans []span) []Check {
	i := slices.IndexFunc(spans, func(s span) bool { return s.Attributes["gate.decision"] != "" })
	switch {
	case x.Party != DevServer || !x.Done:
		return nil
	case i >= 0 && spans[i].Attributes["gate.decision"] == "accepted":
		return checksFor("", isBound(x))
	case i >= 0:
		return checksFor(spans[i].Attributes["gate.reason"], isBound(x))
	}
	var problem struct {
		Code   string `json:"error"`
		Reason string `json:"reason"`
	}
	if json.Unmarshal([]byte(x.Response.Body), &problem) != nil || !slices.Contains(gateCodes, problem.Code) || problem.Reason == "" {
		return nil
	}
	return checksFor(problem.Reason, isBound(x))
}

// gateCodes are the codes of the gate's problems, in its answers.
var gateCodes = []string{
	"invalid_request", "invalid_token", "insufficient_scope", "invalid_dpop_proof", "use_dpop_nonce", "missing_token", "temporarily_unavailable",
}

func isBound(x *exchange) bool { return x.Token != nil && x.Token.Scheme == "DPoP" }

// checksFor returns the checks of a request that was rejected for reason, or accepted if that is
// ""; nil for a reason that is not the gate's.
func checksFor(reason string, bound bool) []Check {
	at := len(gateChecks)
	if reason != "" {
		at = slices.IndexFunc(gateChecks, func(c gateCheck) bool { return slices.Contains(c.reasons, reason) })
	}
	if at < 0 {
		return nil
	}
	var list []Check
	for i, one := range gateChecks {
		if one.bound && !bound && i != at {
			continue
		}
		check := Check{Name: one.name, Doc: one.doc, Result: passed}
		switch {
		case i == at:
			check.Result, check.Reason = failed, reason
		case i > at && (reason != "proof_replayed" || one.name != "Scope"), // the proof is used up last
			i > 2 && reason == "unavailable": // without keys, the claims are not checked
			check.Result = notChecked
		}
		list = append(list, check)
	}
	return list
}

// sorted returns the spans by their start.
func sorted(spans []span) []span {
	spans = slices.Clone(spans)
	slices.SortStableFunc(spans, func(a, b span) int { return a.Start.Compare(b.Start) })
	return spans
}

func sortByStart(list []listed) {
	slices.SortStableFunc(list, func(a, b listed) int { return a.Start.Compare(b.Start) })
}

// ofSpans returns a trace without a recorded request as one: that of its first server span, or of
// its first.
func ofSpans(id string, spans []span) listed {
	first := spans[max(0, slices.IndexFunc(spans, func(s span) bool { return s.Kind == "server" }))]
	x := &exchange{
		ID: id, Flow: id, Trace: id, Party: Party(first.Service), Start: first.Start, Duration: first.Duration, Done: true,
		Request: message{Method: first.Attributes["http.request.method"], URL: first.Attributes["url.path"]},
	}
	if x.Request.Method == "" {
		x.Request.Method, x.Request.URL = "", first.Name
	}
	_ = json.Unmarshal([]byte(first.Attributes["http.response.status_code"]), &x.Response.Status) // or it stays 0
	one := listed{exchange: x, Span: first.ID, Spans: spans, Replay: "It went past the dev server, so only its spans are known."}
	for _, s := range spans {
		switch s.Attributes["gate.decision"] {
		case "accepted":
			one.Checks = checksFor("", false)
		case "rejected":
			one.Checks = checksFor(s.Attributes["gate.reason"], false)
		}
	}
	return one
}
