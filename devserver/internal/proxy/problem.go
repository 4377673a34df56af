package proxy

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"calling-an-api.example/devserver/internal/proxyconf"
)

// problem is the proxy's own response, if it has none to forward. It has all details,
// because its reader runs both the page and the upstream.
type problem struct {
	Status  int    `json:"-"`
	Title   string `json:"-"` // heading of the page
	Code    string `json:"error"`
	Summary string `json:"error_description"`
	Rule    string `json:"rule"`
	Place   string `json:"place"`
	Target  string `json:"target,omitempty"`
	Cause   string `json:"cause"`
	Next    string `json:"next"`
}

// newProblem returns a problem of a request under rule. p has no target if the rule has
// none for the request.
func newProblem(rule *proxyconf.Rule, p plan, status int, code, summary, cause, next string) *problem {
	made := &problem{Status: status, Code: code, Title: strings.TrimSuffix(summary, "."), Summary: summary, Rule: rule.Name, Place: rule.Place(), Cause: cause, Next: next}
	if p.target != nil {
		made.Target = proxyconf.Display(p.target)
	}
	return made
}

// inFile returns the words that say where to edit rule.
func inFile(rule *proxyconf.Rule) string { return "in " + rule.Place() + " (no restart is needed)" }

func noTarget(rule *proxyconf.Rule) *problem {
	return newProblem(rule, plan{}, http.StatusBadGateway, "no_target", "This rule has no target for this request.",
		"its router has no entry that matches, and it has no target", "Add one "+inFile(rule)+".")
}

func connectRejected(rule *proxyconf.Rule, p plan) *problem {
	return newProblem(rule, p, http.StatusMethodNotAllowed, "method_not_allowed", "The dev server does not forward CONNECT.",
		"its answer would make a tunnel of a connection to the upstream that others use", "Use another method.")
}

func websocketRejected(rule *proxyconf.Rule, p plan) *problem {
	return newProblem(rule, p, http.StatusForbidden, "websocket_refused", "This rule does not forward WebSockets.",
		`the rule has no "ws": true`, "Add it "+inFile(rule)+".")
}

func foreignOrigin(rule *proxyconf.Rule, p plan) *problem {
	return newProblem(rule, p, http.StatusForbidden, "foreign_origin", "Only pages of this dev server may open WebSockets here.",
		"the request's Origin is another one", "Open it from a page of this server.")
}

func loop(rule *proxyconf.Rule, p plan) *problem {
	return newProblem(rule, p, http.StatusLoopDetected, "loop_detected", "This request has come through this dev server before.",
		"the target leads back to this dev server", "Change the rule's target "+inFile(rule)+".")
}

func badRequest(rule *proxyconf.Rule, p plan, err error) *problem {
	return newProblem(rule, p, http.StatusBadRequest, "bad_request", "The body of this request cannot be read.", err.Error(),
		"Fix the client that sends it.")
}

func tooSlow(rule *proxyconf.Rule, err error) *problem {
	return newProblem(rule, plan{}, http.StatusInternalServerError, "rule_too_slow", "The regular expression of this rule took too long for this request.",
		err.Error(), "Simplify it, without nested quantifiers, "+inFile(rule)+".")
}

// answer writes the response for p: HTML if the client accepts it, otherwise JSON.
func (x *exchange) answer(p *problem) {
	if x.rule.LogLevel != proxyconf.LogNothing {
		message := "not forwarded"
		if p.Code == "bad_gateway" || p.Code == "gateway_timeout" {
			message = "no answer from upstream"
		}
		x.log.Warn(message, "rule", p.Rule, "place", p.Place, "target", p.Target, "cause", p.Cause, "status", p.Status)
	}
	link := ""
	if x.observer != nil {
		x.tell(p.Code)
		link = x.observer.Link()
	}
	header := x.w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Type", "application/json")
	if p.Status == http.StatusMethodNotAllowed {
		header.Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	}
	var body strings.Builder
	if strings.Contains(x.in.Header.Get("Accept"), "text/html") {
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Content-Security-Policy", pagePolicy)
		_ = page.Execute(&body, pageData{p, pageStyle, link}) // cannot fail: strings, into memory
	} else {
		_ = json.NewEncoder(&body).Encode(p) // cannot fail either
	}
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	x.w.WriteHeader(p.Status)
	_, _ = x.w.Write([]byte(body.String())) // fails only if the client is gone
}

//go:embed problem.html
var pageSource string

//go:embed problem.css
var pageStyle template.CSS

// pageData is what the page shows.
type pageData struct {
	*problem
	Style template.CSS
	Link  string // of the page about the request, "" for none
}

var page = template.Must(template.New("").Parse(pageSource))

// pagePolicy allows the page its style and nothing else, so that no text of a rule or a
// request could ever become active.
var pagePolicy = fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
	digest("\n"+string(pageStyle)))

// digest returns the SHA-256 digest of text as Content-Security-Policy writes it.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}
