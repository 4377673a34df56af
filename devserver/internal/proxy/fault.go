package proxy

import (
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"calling-an-api.example/devserver/internal/proxyconf"
)

// fault is what the browser's developer is told when an upstream doesn't answer.
// They run both ends, so it says all there is to say.
type fault struct {
	Status  int    `json:"-"`
	Code    string `json:"error"`
	Problem string `json:"error_description"`
	Rule    string `json:"rule"`
	Place   string `json:"place"`
	Target  string `json:"target,omitempty"`
	Cause   string `json:"cause"`
	Next    string `json:"next"`
}

// fault returns one of e's rule and target.
func (e *exchange) fault(status int, code, problem, cause, next string) fault {
	f := fault{Status: status, Code: code, Problem: problem, Rule: e.rule.Name, Place: e.rule.Place(), Cause: cause, Next: next}
	if e.target != nil {
		f.Target = e.target.String()
	}
	return f
}

// edit says where and how a rule is mended.
func (rt *route) edit() string { return "in " + rt.rule.Place() + " (no restart is needed)" }

func (e *exchange) noTarget() fault {
	return e.fault(http.StatusBadGateway, "no_target", "This rule has no target for this request.",
		"its router has no entry that fits, and it has no target besides", "Add one "+e.edit()+".")
}

func (e *exchange) handshakeRefused() fault {
	return e.fault(http.StatusForbidden, "websocket_refused", "This rule lets no WebSocket through.",
		`the rule has no "ws": true`, "Add that "+e.edit()+".")
}

func (e *exchange) loop() fault {
	return e.fault(http.StatusLoopDetected, "loop_detected", "This request has come through this dev server before.",
		"what the target leads to sends it back here", "Change the rule's target "+e.edit()+".")
}

func (e *exchange) badRequest(err error) fault {
	return e.fault(http.StatusBadRequest, "bad_request", "The body of this request can't be read.", err.Error(), "Mend whatever sends it.")
}

func (e *exchange) tooSlow(err error) fault {
	return e.fault(http.StatusInternalServerError, "rule_too_slow", "The dev server gave up finding out what this rule makes of this request.",
		err.Error(), "Write it simpler, without a repetition within a repetition, "+e.edit()+".")
}

// tooSlow returns a handler for requests that rt's contexts can't be compared with.
func (rt *route) tooSlow(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := &exchange{ResponseWriter: w, route: rt, in: r}
		e.answer(e.tooSlow(err))
	})
}

// answer answers f, as a page to a browser that navigates and as JSON else.
func (e *exchange) answer(f fault) {
	if e.rule.LogLevel != proxyconf.LogNothing {
		e.log.Warn("no answer from upstream", "rule", f.Rule, "target", f.Target, "cause", f.Cause, "status", f.Status)
	}
	header := e.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/json")
	var body strings.Builder
	if strings.Contains(e.in.Header.Get("Accept"), "text/html") {
		header.Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(&body, f) // of text alone, into memory: it can't fail
	} else {
		_ = json.NewEncoder(&body).Encode(f) // nor can this
	}
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	e.WriteHeader(f.Status)
	_, _ = e.Write([]byte(body.String())) // fails only if the client is gone
}

var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>No answer from {{or .Target .Rule}}</title>
<style>body { max-width: 40rem; margin: 10vh auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif } dt { font-weight: 600 }</style>
<h1>No answer from the API</h1>
<p>{{.Problem}}</p>
<dl>
<dt>Rule</dt><dd><code>{{.Rule}}</code> ({{.Place}})</dd>
{{with .Target}}<dt>Target</dt><dd><code>{{.}}</code></dd>{{end}}
<dt>Cause</dt><dd>{{.Cause}}</dd>
<dt>Next</dt><dd>{{.Next}}</dd>
</dl>
</html>
`))
