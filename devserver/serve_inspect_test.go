package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/config"
)

// ask sends a request and returns the status and the body.
func ask(t *testing.T, client *http.Client, method, target, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range header {
		name, value, _ := strings.Cut(one, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// TestInspectorIsForThisMachine lets neither pages of other origins nor other machines read what
// was recorded, send something again, get a token, or add spans.
func TestInspectorIsForThisMachine(t *testing.T) {
	t.Parallel()
	_, log, stop := start(t, func(_ string, cfg *config.Config) { cfg.Inspect = true })
	page := log.Await(t, `page listening on (\S+?)"`)
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	const form = "Content-Type: application/x-www-form-urlencoded"
	for path, method := range map[string]string{
		"/@dev/": "GET", "/@dev/traces.json": "GET", "/@dev/source?file=index.html": "GET",
		"/@dev/replay?id=1": "POST", "/@dev/clear": "POST", "/@dev/bad-token": "POST", "/@dev/otlp/v1/traces": "POST",
	} {
		for name, header := range map[string]string{
			"another origin": "Origin: https://evil.test", "no origin": "Origin: null", "DNS rebinding": "Host: evil.test",
			"another machine": "X-Forwarded-For: 192.0.2.1", "a proxy": "Via: 1.1 proxy",
		} {
			if status, body := ask(t, client, method, page+path, "", form, header); status != http.StatusForbidden {
				t.Errorf("%s %s, %s: %d %s", method, path, name, status, body)
			}
		}
		if status, body := ask(t, client, method, page+path, "", form, "Origin: "+page); status == http.StatusForbidden || status == http.StatusNotFound && path != "/@dev/source?file=index.html" {
			t.Errorf("%s %s, its own page: %d %s", method, path, status, body)
		}
	}

	// Of tokens, the page gets only those that the API must reject.
	token := func(subject, defect string) (int, string) {
		return ask(t, client, http.MethodPost, page+"/@dev/bad-token", url.Values{"subject": {subject}, "defect": {defect}}.Encode(), form, "Origin: "+page)
	}
	for _, defect := range []string{"audience", "expired", "key"} {
		if status, body := token("auth0|ada", defect); status != http.StatusOK || !strings.Contains(body, "eyJ") {
			t.Errorf("%s: %d %s", defect, status, body)
		}
	}
	for _, asked := range [][2]string{{"auth0|ada", ""}, {"auth0|ada", "none"}, {"auth0|nobody", "expired"}, {"", "key"}} {
		if status, body := token(asked[0], asked[1]); status != http.StatusBadRequest || strings.Contains(body, "eyJ") {
			t.Errorf("%q: %d %s", asked, status, body)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestWithoutInspector records nothing, and changes no header.
func TestWithoutInspector(t *testing.T) {
	t.Parallel()
	seen := make(chan http.Header, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header.Clone() }))
	defer upstream.Close()
	for _, isOn := range []bool{true, false} {
		_, log, stop := start(t, func(dir string, cfg *config.Config) {
			cfg.Inspect = isOn
			write(t, dir, "proxy.conf.json", `{"/api": {"target": "`+upstream.URL+`"}}`)
		})
		page := log.Await(t, `page listening on (\S+?)"`)
		client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
		if status, _ := ask(t, client, http.MethodGet, page+"/api/x", ""); status != http.StatusOK {
			t.Fatal(status)
		}
		if got := (<-seen)["Traceparent"] != nil; got != isOn {
			t.Errorf("inspect=%t: the request has a traceparent: %t", isOn, got)
		}
		status, body := ask(t, client, http.MethodGet, page+"/@dev/traces.json", "")
		var all struct {
			Exchanges []struct{ Rule struct{ URL string } }
		}
		switch {
		case !isOn && status != http.StatusNotFound:
			t.Errorf("off: %d %s", status, body)
		case isOn && (json.Unmarshal([]byte(body), &all) != nil || len(all.Exchanges) != 1 || all.Exchanges[0].Rule.URL != upstream.URL+"/api/x"):
			t.Errorf("on: %d %s", status, body)
		}
		client.CloseIdleConnections()
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}

// TestProblemLeadsToInspector links the page of a problem to its request.
func TestProblemLeadsToInspector(t *testing.T) {
	t.Parallel()
	_, log, stop := start(t, func(_ string, cfg *config.Config) { cfg.Inspect = true })
	page := log.Await(t, `page listening on (\S+?)"`)
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	status, body := ask(t, client, http.MethodGet, page+"/api/x", "", "Accept: text/html", "Traceparent: 00-"+trace+"-00f067aa0ba902b7-01")
	if status != http.StatusBadGateway || !strings.Contains(body, `href="/@dev/#`+trace+`"`) {
		t.Errorf("%d %s", status, body)
	}
	if _, all := ask(t, client, http.MethodGet, page+"/@dev/traces.json", ""); !strings.Contains(all, `"problem":"bad_gateway"`) || !strings.Contains(all, trace) {
		t.Errorf("recorded: %s", all)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
