package proxy

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"calling-an-api.example/devserver/internal/proxyconf"
)

// fault is what the browser's developer is told when an upstream doesn't answer.
// They run both ends, so it says all there is to say.
type fault struct {
	Code    string `json:"error"`
	Problem string `json:"error_description"`
	Rule    string `json:"rule"`
	Target  string `json:"target"`
	Cause   string `json:"cause"`
	Next    string `json:"next"`
}

// answerFault answers a request that the upstream of rule failed, as a page or
// as JSON by what r accepts: 504 if it took too long, else 502.
func answerFault(w http.ResponseWriter, r *http.Request, rule *proxyconf.Rule, err error, log *slog.Logger) {
	status, cause, next := explain(rule, err)
	f := fault{
		Code: "bad_gateway", Problem: "The dev server could not get an answer from " + rule.Target.Host + ".",
		Rule: rule.Context, Target: rule.Target.String(), Cause: cause, Next: next,
	}
	if status == http.StatusGatewayTimeout {
		f.Code = "gateway_timeout"
	}
	log.Warn("no answer from upstream", "rule", rule.Context, "target", f.Target, "cause", cause, "status", status)
	write(w, r, status, f)
}

// answerUpgradeRefused answers a WebSocket handshake under a rule that has none.
func answerUpgradeRefused(w http.ResponseWriter, rule *proxyconf.Rule) {
	writeJSON(w, http.StatusForbidden, fault{
		Code: "upgrade_refused", Problem: "This rule lets no WebSocket through.",
		Rule: rule.Context, Target: rule.Target.String(), Cause: `the rule has "ws": false`,
		Next: "Remove that from proxy.conf.json; no restart is needed.",
	})
}

// explain says in words what err means and what to do next.
func explain(rule *proxyconf.Rule, err error) (status int, cause, next string) {
	var (
		dns     *net.DNSError
		timeout net.Error
		cert    *tls.CertificateVerificationError
		record  tls.RecordHeaderError
	)
	const edit = " in proxy.conf.json (no restart is needed)"
	switch {
	case errors.As(err, &cert):
		return http.StatusBadGateway, "its certificate is not trusted: " + cert.Err.Error(),
			`If that is meant so, set "secure": false for the rule` + edit + "."
	case errors.As(err, &record):
		return http.StatusBadGateway, "it does not speak TLS", "Write the target with http://" + edit + "."
	case errors.As(err, &dns):
		return http.StatusBadGateway, "the name " + dns.Name + " can't be resolved", "Check the rule's target" + edit + "."
	case errors.Is(err, syscall.ECONNREFUSED):
		return http.StatusBadGateway, "connection refused: nothing listens there",
			"Is the API running? `make api` starts it. Or point the rule's target elsewhere" + edit + "."
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return http.StatusGatewayTimeout, "it took too long", "Is the upstream at " + rule.Target.Host + " healthy?"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return http.StatusBadGateway, "it closed the connection", "Did the upstream crash? Its log may say why."
	}
	return http.StatusBadGateway, err.Error(), "Check the upstream's log, and the rule's target" + edit + "."
}

// write answers f as a page to a browser that navigates, and as JSON else.
func write(w http.ResponseWriter, r *http.Request, status int, f fault) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		writeJSON(w, status, f)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = page.Execute(w, f) // fails only if the browser is gone
}

func writeJSON(w http.ResponseWriter, status int, f fault) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(f) // fails only if the client is gone
}

var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>No answer from {{.Target}}</title>
<style>body { max-width: 40rem; margin: 10vh auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif } dt { font-weight: 600 }</style>
<h1>No answer from the API</h1>
<p>{{.Problem}}</p>
<dl>
<dt>Rule</dt><dd><code>{{.Rule}}</code></dd>
<dt>Target</dt><dd><code>{{.Target}}</code></dd>
<dt>Cause</dt><dd>{{.Cause}}</dd>
<dt>Next</dt><dd>{{.Next}}</dd>
</dl>
</html>
`))
