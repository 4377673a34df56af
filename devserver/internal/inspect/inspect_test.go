package inspect_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/inspect"
)

// traces is traces.json.
type traces struct {
	Version   int
	Skipped   int
	Exchanges []exchange
}

type exchange struct {
	ID, Flow, Trace, Party, Span, Parent, NoReplay, ReplayOf string
	Done, Aborted                                            bool
	Request, Response                                        struct {
		Method, URL, Type, Body string
		Status                  int
		Size                    int64
		Headers                 [][2]string
	}
	Token *struct {
		Scheme string
		Claims map[string]any
	}
	Rule   *inspect.Rule
	Events []inspect.Event
	Checks []inspect.Check
	Spans  []struct {
		ID, Parent, Service, Name, Kind string
		Milliseconds                    float64
		Failed                          bool
		Attributes                      map[string]string
	}
}

// recorder is a Recorder with its handler.
type recorder struct {
	*testing.T
	*inspect.Recorder
	handler func(string) (http.Handler, bool)
}

func start(t *testing.T, opts inspect.Options) recorder {
	t.Helper()
	r := inspect.New(time.Now)
	return recorder{t, r, r.Handler(opts)}
}

// send sends a request to a path of the inspector.
func (r recorder) send(method, target string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	r.Helper()
	req := httptest.NewRequest(method, target, body)
	for _, one := range header {
		name, value, _ := strings.Cut(one, ": ")
		req.Header.Set(name, value)
	}
	handler, ok := r.handler(req.URL.Path)
	if !ok {
		r.Fatalf("%s is not a path of the inspector", target)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, req)
	return w
}

func (r recorder) traces() traces {
	r.Helper()
	w := r.send(http.MethodGet, "/@dev/traces.json", nil)
	var all traces
	if err := json.Unmarshal(w.Body.Bytes(), &all); err != nil || w.Code != http.StatusOK {
		r.Fatalf("%d %v: %s", w.Code, err, w.Body)
	}
	return all
}

// record sends a request through a recorded handler that answers with answer.
func (r recorder) record(req *http.Request, answer http.HandlerFunc) {
	r.Helper()
	r.Recorder.Record(inspect.DevServer, answer).ServeHTTP(httptest.NewRecorder(), req)
}

func (r recorder) only() exchange {
	r.Helper()
	all := r.traces().Exchanges
	if len(all) != 1 {
		r.Fatalf("%d exchanges, want 1: %+v", len(all), all)
	}
	return all[0]
}

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
)

func TestExchange(t *testing.T) {
	t.Parallel()
	r := start(t, inspect.Options{})
	req := httptest.NewRequest(http.MethodPost, "http://localhost:4200/api/x?q=1", strings.NewReader(`{"name": "Ada"}`))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Traceparent", "00-"+traceID+"-"+spanID+"-01")
	r.record(req, func(w http.ResponseWriter, req *http.Request) {
		if body, err := io.ReadAll(req.Body); err != nil || string(body) != `{"name": "Ada"}` {
			t.Errorf("the handler reads %q, %v", body, err)
		}
		if got := req.Header.Get("Traceparent"); !strings.HasPrefix(got, "00-"+traceID+"-") || strings.Contains(got, spanID) || !strings.HasSuffix(got, "-01") {
			t.Errorf("the traceparent is %q", got)
		}
		x := inspect.FromContext(req.Context())
		x.SetRule(inspect.Rule{Context: "/api", Place: "proxy.conf.json:2:3", URL: "http://u:p@localhost:3001/x?token=secret"})
		x.AddEvent(inspect.Event{Text: "it happened", Rejected: true})
		if x.Link() != "/@dev/#"+traceID {
			t.Errorf("the link is %q", x.Link())
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, `{"msg": `)
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, `"hello"}`)
	})
	if req.Header.Get("Traceparent") != "00-"+traceID+"-"+spanID+"-01" {
		t.Error("the caller's header was changed")
	}
	x := r.only()
	if x.Trace != traceID || x.Parent != spanID || x.Party != "dev server" || !x.Done || x.Request.Method != http.MethodPost || x.Request.URL != "http://localhost:4200/api/x?q=1" ||
		x.Request.Body != `{"name": "Ada"}` || x.Request.Size != 15 || x.Response.Status != http.StatusTeapot || x.Response.Body != `{"msg": "hello"}` || x.Response.Size != 16 ||
		x.Token != nil || x.Rule.Place != "proxy.conf.json:2:3" || x.Rule.URL != "http://…@localhost:3001/x?token=…" || len(x.Events) != 1 || !x.Events[0].Rejected {
		t.Errorf("got %+v", x)
	}
}

func TestTraceparent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		header []string
		known  bool
	}{
		"none":               {nil, false},
		"valid":              {[]string{"00-" + traceID + "-" + spanID + "-00"}, true},
		"a future version":   {[]string{"cc-" + traceID + "-" + spanID + "-01-what-else"}, true},
		"more in version 00": {[]string{"00-" + traceID + "-" + spanID + "-01-x"}, false},
		"version ff":         {[]string{"ff-" + traceID + "-" + spanID + "-01"}, false},
		"zeros":              {[]string{"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01"}, false},
		"a span of zeros":    {[]string{"00-" + traceID + "-0000000000000000-01"}, false},
		"capitals":           {[]string{"00-" + strings.ToUpper(traceID) + "-" + spanID + "-01"}, false},
		"short":              {[]string{"00-" + traceID[1:] + "-" + spanID + "-01"}, false},
		"two":                {[]string{"00-" + traceID + "-" + spanID + "-01", "00-" + traceID + "-" + spanID + "-01"}, false},
		"nothing":            {[]string{""}, false},
	} {
		r := start(t, inspect.Options{})
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header["Traceparent"] = tc.header
		r.record(req, func(http.ResponseWriter, *http.Request) {})
		if x := r.only(); (x.Trace == traceID) != tc.known || (x.Parent == spanID) != tc.known || len(x.Trace) != 32 || len(x.Span) != 16 {
			t.Errorf("%s: trace %s, parent %q", name, x.Trace, x.Parent)
		}
	}
}

// encodedToken returns a JWT with a signature that must not be kept.
func encodedToken(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","kid":"k1"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte(strings.Repeat("SIGNATURE", 20)))
}

// TestNothingSecretIsKept sends secrets in every place that is kept, and greps for them.
func TestNothingSecretIsKept(t *testing.T) {
	t.Parallel()
	token := encodedToken(`{"iss": "https://i/", "sub": "auth0|ada", "scope": "read:messages"}`)
	const secret = "S3cr3t-5tuff-0f-4da"
	signature := token[strings.LastIndexByte(token, '.')+1:]
	jwe := "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA" + secret + ".BBBB" + secret + ".CCCC" + secret
	r := start(t, inspect.Options{})
	forms := url.Values{
		"client_secret": {secret}, "password": {secret}, "code": {secret}, "code_verifier": {secret}, "refresh_token": {secret}, "assertion": {token}, "anything": {token},
	}
	bodies := map[string]string{
		"application/x-www-form-urlencoded": forms.Encode(),
		"application/json": `{"access_token": "` + token + `", "refresh_token":"` + secret + `", "nested": {"id_token": "` + jwe + `", "list": ["` + token + `"]},
			"pass\u0077ord": "` + secret + `", "otp": 12345678901234567890, "tokens": ["` + secret + `"], "session": {"id": "` + secret + `"}, "code": "` + secret + `", "x": "Bearer ` + secret + `",
			"cut_off_token": "` + secret,
		"application/problem+json": `{"detail": "The token ` + token + ` is bad"}`,
		"text/plain":               "Authorization: Bearer " + secret + " and " + token,
		"text/html":                `<input name="code" value="` + secret + `">`,
		"application/octet-stream": secret,
		"":                         secret,
	}
	for media, body := range bodies {
		for _, scheme := range []string{"Bearer " + token, "DPoP " + token, "Basic " + secret, secret, "bearer  " + token} {
			req := httptest.NewRequest(http.MethodPost, "http://localhost:4200/callback?code="+secret+"&state="+secret+"&x="+token+"#access_token="+secret, strings.NewReader(body))
			req.RequestURI = "/callback/" + token + "?code=" + secret + "&st%61te=" + secret + "&x=" + token + "&" + token
			req.Header.Set("Content-Type", media)
			req.Header.Set("Authorization", scheme)
			req.Header.Set("Cookie", "a="+secret+"; b="+secret)
			req.Header.Set("Dpop", token)
			req.Header.Set("X-Api-Key", secret)
			req.Header.Set("X-Auth-Token", secret)
			req.Header.Set("Referer", "http://localhost:4200/callback?code="+secret)
			req.Header.Set("X-Other", "it is "+token)
			r.record(req, func(w http.ResponseWriter, req *http.Request) {
				if _, err := io.Copy(io.Discard, req.Body); err != nil {
					t.Error(err)
				}
				w.Header().Set("Content-Type", media)
				w.Header().Add("Set-Cookie", "session="+secret+"; Path=/; HttpOnly")
				w.Header().Add("Location", "http://user:"+secret+"@localhost:4200/callback?code="+secret+"#id_token="+token)
				inspect.FromContext(req.Context()).SetRule(inspect.Rule{URL: "http://localhost:3001/?access_token=" + secret})
				inspect.FromContext(req.Context()).AddEvent(inspect.Event{Text: "A token " + token + " was issued"})
				_, _ = io.WriteString(w, body)
			})
		}
	}
	span := `{"traceId": "` + traceID + `", "spanId": "` + spanID + `", "name": "GET", "startTimeUnixNano": "1", "endTimeUnixNano": "2", "attributes": [
		{"key": "http.request.header.authorization", "value": {"stringValue": "Bearer ` + secret + `"}},
		{"key": "url.query", "value": {"stringValue": "code=` + secret + `&a=b"}}, {"key": "note", "value": {"stringValue": "` + token + `"}}]}`
	if w := r.send(http.MethodPost, "/@dev/otlp/v1/traces", strings.NewReader(`{"resourceSpans": [{"scopeSpans": [{"spans": [`+span+`]}]}]}`), "Content-Type: application/json"); w.Code != http.StatusOK {
		t.Fatalf("the export: %d %s", w.Code, w.Body)
	}
	all := r.send(http.MethodGet, "/@dev/traces.json", nil).Body.String()
	for _, word := range []string{secret, signature, signature[:20], "12345678901234567890", token} {
		if at := strings.Index(all, word); at >= 0 {
			t.Errorf("kept: …%s…", all[max(0, at-200):at+60])
		}
	}
	for _, word := range []string{"auth0|ada", "Bearer …", "a=…; b=…", "session=…; Path=/; HttpOnly", "application/problem+json", "http://…@localhost:4200/callback?code=…#id_token=…"} {
		if !strings.Contains(all, word) {
			t.Errorf("%q is not there", word)
		}
	}
}

// TestMaskedJSONStaysReadable masks no more than it must.
func TestMaskedJSONStaysReadable(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string][2]string{
		"an error's code":      {`{"code": "not_found", "token_type": "Bearer", "list": [1, {"a": null}]}`, ""},
		"discovery":            {`{"token_endpoint": "https://x/oauth/token", "token_endpoint_auth_methods_supported": ["none"]}`, ""},
		"text with braces":     {`{"a": "}\"{", "password": "x", "b": 1}`, `{"a": "}\"{", "password": "…", "b": 1}`},
		"an object":            {`{"session": {"a": [1, "]"]}, "b": true}`, `{"session": "…", "b": true}`},
		"a list at the top":    {`[{"secret": 1}, {"b": 2}]`, `[{"secret": "…"}, {"b": 2}]`},
		"a number, then end":   {`{"pin":1}`, `{"pin":"…"}`},
		"spaces":               {"{\n  \"secret\" :\n \"x\" }", "{\n  \"secret\" :\n \"…\" }"},
		"a colon within texts": {`{"a": "b\": \"c", "d": "secret: x"}`, ""},
	} {
		r := start(t, inspect.Options{})
		r.record(httptest.NewRequest(http.MethodGet, "/", nil), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, tc[0])
		})
		want := tc[1]
		if want == "" {
			want = tc[0]
		}
		if got := r.only().Response.Body; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(zip, `{"msg": "zipped"}`)
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("x", 100<<10)
	for name, tc := range map[string]struct {
		media, encoding, body, want string
	}{
		"gzip":           {"application/json", "gzip", zipped.String(), `{"msg": "zipped"}`},
		"gzip, cut off":  {"application/json", "gzip", zipped.String()[:20], `{"msg": "`},
		"no gzip at all": {"application/json", "gzip", "plain", ""},
		"br":             {"application/json", "br", "plain", ""},
		"HTML":           {"text/html", "", "<p>", ""},
		"large":          {"text/plain", "", large, large[:16<<10]},
		"invalid UTF-8":  {"text/plain", "", "a\xffb", "ab"},
		"a binary":       {"image/png", "", "PNG", ""},
	} {
		r := start(t, inspect.Options{})
		r.record(httptest.NewRequest(http.MethodGet, "/", nil), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", tc.media)
			if tc.encoding != "" {
				w.Header().Set("Content-Encoding", tc.encoding)
			}
			_, _ = io.WriteString(w, tc.body)
		})
		if got := r.only().Response; got.Body != tc.want || got.Size != int64(len(tc.body)) {
			t.Errorf("%s: %d bytes, of %d: %.60q", name, len(got.Body), got.Size, got.Body)
		}
	}
}

// TestFlow joins the requests of a login by what one hands to the next.
func TestFlow(t *testing.T) {
	t.Parallel()
	r := start(t, inspect.Options{})
	get := func(target string, answer http.HandlerFunc, header ...string) {
		req := httptest.NewRequest(http.MethodGet, target, nil)
		for _, one := range header {
			name, value, _ := strings.Cut(one, ": ")
			req.Header.Set(name, value)
		}
		r.record(req, answer)
	}
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, to, http.StatusSeeOther) }
	}
	token := encodedToken(`{"sub": "a"}`)
	get("/before", func(http.ResponseWriter, *http.Request) {})
	get("/authorize?state=aB3aB3aB3aB3aB3aB3", redirect("/u/login?state=bC4bC4bC4bC4bC4bC4"))
	get("/u/login?state=bC4bC4bC4bC4bC4bC4", redirect("/cb?code=cD5cD5cD5cD5cD5cD5&state=aB3aB3aB3aB3aB3aB3"))
	get("/oauth/token?code=cD5cD5cD5cD5cD5cD5", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"access_token": token})
	})
	get("/api", func(http.ResponseWriter, *http.Request) {}, "Authorization: Bearer "+token)
	get("/authorize?state=dE6dE6dE6dE6dE6dE6%3D%3D", func(w http.ResponseWriter, _ *http.Request) { // web_message
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `post({"code":"eF7eF7eF7eF7eF7eF7","state":"dE6dE6dE6dE6dE6dE6=="})`)
	})
	get("/oauth/token?code=eF7eF7eF7eF7eF7eF7", func(http.ResponseWriter, *http.Request) {})
	var flows []string
	for _, x := range r.traces().Exchanges {
		flows = append(flows, x.Flow)
	}
	if got := strings.Join(flows, " "); got != "1 2 2 2 2 6 6" {
		t.Errorf("the flows are %s", got)
	}
}

// TestBounds sends more than is kept.
func TestBounds(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	recorded := inspect.New(func() time.Time { return clock })
	r := recorder{t, recorded, recorded.Handler(inspect.Options{})}
	body := strings.Repeat("x", 64<<10)
	send := func() {
		r.record(httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			for i := range 70 {
				w.Header().Set("X-"+strings.Repeat("h", i), strings.Repeat("v", 8<<10))
			}
			_, _ = io.WriteString(w, body)
		})
	}
	for range 300 {
		send()
	}
	if all := r.traces(); all.Skipped != 100 {
		t.Errorf("%d were skipped, want 100 of 300 at once", all.Skipped)
	}
	for range 150 {
		clock = clock.Add(50 * time.Millisecond)
		send()
	}
	all := r.send(http.MethodGet, "/@dev/traces.json", nil).Body
	if all.Len() > 12<<20 || all.Len() < 1<<20 {
		t.Errorf("traces.json has %d bytes", all.Len())
	}
	if n := len(r.traces().Exchanges); n > 200 || n < 20 {
		t.Errorf("%d exchanges are kept", n)
	}
	if w := r.send(http.MethodPost, "/@dev/clear", nil); w.Code != http.StatusNoContent || len(r.traces().Exchanges) > 0 {
		t.Errorf("clear: %d", w.Code)
	}
}

// TestWait gets the traces as soon as there is something new.
func TestWait(t *testing.T) {
	t.Parallel()
	r := start(t, inspect.Options{})
	before := r.traces().Version
	got := make(chan *httptest.ResponseRecorder)
	handler, _ := r.handler("/@dev/traces.json")
	wait := func(version string) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/@dev/traces.json?wait="+version, nil))
		got <- w
	}
	go wait("0")
	select {
	case <-got:
		t.Fatalf("it does not wait for something newer than %d", before)
	case <-time.After(50 * time.Millisecond): // a shorter wait could only miss the failure
	}
	r.record(httptest.NewRequest(http.MethodGet, "/", nil), func(http.ResponseWriter, *http.Request) {})
	if w := <-got; !strings.Contains(w.Body.String(), `"exchanges":[{`) {
		t.Errorf("got %s", w.Body)
	}
	go wait("") // not a number: no wait
	<-got
	go func() { wait("2") }()
	r.Close()
	<-got
}

func TestReplay(t *testing.T) { //nolint:tparallel // the cases share what the upstream has seen
	t.Parallel()
	var seen []*http.Request
	var bodies []string
	upstream := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		seen, bodies = append(seen, req), append(bodies, string(body))
		w.WriteHeader(http.StatusAccepted)
	})
	r := start(t, inspect.Options{Forward: upstream, Issuer: "http://localhost:4400/", Token: func(subject, scope string) (string, error) {
		if subject == "auth0|gone" {
			return "", io.ErrUnexpectedEOF
		}
		return "made-for-" + subject + "-" + scope, nil
	}})
	token := func(claims string) string { return "Authorization: Bearer " + encodedToken(claims) }
	for name, tc := range map[string]struct {
		target, body string
		header       []string
		want         string // the new Authorization, or a part of why it cannot be sent again
		refused      bool
	}{
		"nothing special":       {"/api/x?a=b", `{"a": 1}`, []string{"X-Mine: 1"}, "", false},
		"a token of the tenant": {"/api/x", "", []string{token(`{"iss": "http://localhost:4400/", "sub": "auth0|ada", "scope": "read:messages"}`)}, "Bearer made-for-auth0|ada-read:messages", false},
		"a user who is gone":    {"/api/x", "", []string{token(`{"iss": "http://localhost:4400/", "sub": "auth0|gone"}`)}, "cannot make a token", true},
		"another issuer":        {"/api/x", "", []string{token(`{"iss": "https://other/", "sub": "x"}`)}, "Its token was not kept", true},
		"an opaque token":       {"/api/x", "", []string{"Authorization: Bearer opaque"}, "Its token was not kept", true},
		"a bound token":         {"/api/x", "", []string{token(`{"iss": "http://localhost:4400/", "sub": "auth0|ada", "cnf": {"jkt": "x"}}`)}, "bound to a key", true},
		"a masked body":         {"/api/x", `{"password": "x"}`, nil, "masked", true},
		"a masked query":        {"/api/x?code=aaaaaaaa", "", nil, "masked", true},
		"a large body":          {"/api/x", `{"a": "` + strings.Repeat("x", 20<<10) + `"}`, nil, "too large", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := recorder{t, r.Recorder, r.handler}
			r.send(http.MethodPost, "/@dev/clear", nil)
			req := httptest.NewRequest(http.MethodPut, "http://localhost:4200"+tc.target, strings.NewReader(tc.body))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Cookie", "a=old")
			for _, one := range tc.header {
				name, value, _ := strings.Cut(one, ": ")
				req.Header.Set(name, value)
			}
			r.Recorder.Record(inspect.DevServer, upstream).ServeHTTP(httptest.NewRecorder(), req)
			seen, bodies = nil, nil
			w := r.send(http.MethodPost, "/@dev/replay?id="+r.only().ID, nil, "Cookie: a=new")
			if tc.refused {
				if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), tc.want) || len(seen) > 0 {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				return
			}
			var answer struct{ Trace string }
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK || len(seen) != 1 {
				t.Fatalf("%d %s %v", w.Code, w.Body, err)
			}
			again := seen[0]
			if again.Method != http.MethodPut || again.RequestURI != tc.target || bodies[0] != tc.body || again.Header.Get("Cookie") != "a=new" ||
				again.Header.Get("Authorization") != tc.want || again.Header.Get("Content-Type") != "application/json" || again.Host != "localhost:4200" {
				t.Errorf("got %+v with %q", again, bodies[0])
			}
			all := r.traces().Exchanges
			if len(all) != 2 || all[1].ReplayOf != all[0].ID || all[1].Trace != answer.Trace || all[1].Response.Status != http.StatusAccepted {
				t.Errorf("recorded: %+v", all)
			}
		})
	}
	if w := r.send(http.MethodPost, "/@dev/replay?id=none", nil); w.Code != http.StatusConflict {
		t.Errorf("an unknown one: %d", w.Code)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	r := start(t, inspect.Options{})
	for target, method := range map[string]string{
		"/@dev/traces.json": http.MethodPost, "/@dev/replay": http.MethodGet, "/@dev/clear": http.MethodGet, "/@dev/otlp/v1/traces": http.MethodGet,
	} {
		if w := r.send(method, target, nil); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: %d", method, target, w.Code)
		}
	}
	for _, path := range []string{"/@dev/", "/@dev/inspector/inspector.js", "/@dev/inspector/view.js", "/@dev/inspector/style.css"} {
		if w := r.send(http.MethodGet, path, nil); w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	if w := r.send(http.MethodGet, "/@dev/inspector/serve.go", nil); w.Code != http.StatusNotFound {
		t.Errorf("a file that is not the page's: %d", w.Code)
	}
	if _, ok := r.handler("/@dev/events"); ok {
		t.Error("it takes a path of live reload")
	}
}

// TestReasons requires that every reason of the API's gate belongs to a check.
func TestReasons(t *testing.T) {
	t.Parallel()
	reason := regexp.MustCompile(`(?m)^\s*Reason\w+\s*=\s*"(\w+)"`)
	gate := filepath.Join("..", "..", "..", "api", "gate")
	found := 0
	for _, pattern := range []string{"*.go", "dpop/*.go"} {
		files, err := filepath.Glob(filepath.Join(gate, pattern))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range reason.FindAllStringSubmatch(string(data), -1) {
				found++
				r := start(t, inspect.Options{})
				r.record(httptest.NewRequest(http.MethodGet, "/", nil), func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusUnauthorized)
					_, _ = io.WriteString(w, `{"error": "invalid_token", "reason": "`+m[1]+`"}`)
				})
				failed := 0
				for _, check := range r.only().Checks {
					if check.Result == "failed" && check.Reason == m[1] {
						failed++
					}
				}
				if failed != 1 {
					t.Errorf("%s is the reason of %d checks", m[1], failed)
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d reasons were found", found)
	}
}

// TestOneTraceTwoRequests keeps the checks of requests apart that have one trace, as those of a
// DPoP nonce have.
func TestOneTraceTwoRequests(t *testing.T) {
	t.Parallel()
	r := start(t, inspect.Options{})
	var spans []string
	for _, reason := range []string{"proof_nonce", ""} {
		req := httptest.NewRequest(http.MethodGet, "/api", nil)
		req.Header.Set("Traceparent", "00-"+traceID+"-"+spanID+"-01")
		r.record(req, func(_ http.ResponseWriter, req *http.Request) {
			spans = append(spans, req.Header.Get("Traceparent")[36:52])
		})
		decision := map[bool]string{true: "accepted", false: "rejected"}[reason == ""]
		body := fmt.Sprintf(`{"resourceSpans": [{"scopeSpans": [{"spans": [
			{"traceId": %[1]q, "spanId": "1%[2]s", "parentSpanId": "2%[2]s", "name": "gate", "startTimeUnixNano": "1", "endTimeUnixNano": "2", "attributes": [
				{"key": "gate.decision", "value": {"stringValue": %[3]q}}, {"key": "gate.reason", "value": {"stringValue": %[4]q}}]},
			{"traceId": %[1]q, "spanId": "2%[2]s", "parentSpanId": %[5]q, "name": "GET", "kind": 2, "startTimeUnixNano": "1"}]}]}]}`,
			traceID, spans[len(spans)-1][1:], decision, reason, spans[len(spans)-1])
		if w := r.send(http.MethodPost, otlp, strings.NewReader(body), "Content-Type: application/json"); w.Code != http.StatusOK {
			t.Fatal(w.Code, w.Body)
		}
	}
	for i, want := range []string{"failed", "passed"} {
		x := r.traces().Exchanges[i]
		if len(x.Spans) != 2 || !slices.ContainsFunc(x.Checks, func(c inspect.Check) bool { return c.Result == want }) ||
			want == "passed" && slices.ContainsFunc(x.Checks, func(c inspect.Check) bool { return c.Result == "failed" }) {
			t.Errorf("request %d: %d spans, %+v", i+1, len(x.Spans), x.Checks)
		}
	}
}

// TestAborted records that a response broke off, and lets it break off.
func TestAborted(t *testing.T) {
	t.Parallel()
	r := start(t, inspect.Options{})
	func() {
		defer func() {
			if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
				t.Error("the panic is lost")
			}
		}()
		r.record(httptest.NewRequest(http.MethodGet, "/", nil), func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			panic(http.ErrAbortHandler)
		})
	}()
	if x := r.only(); !x.Aborted || x.Response.Status != http.StatusOK {
		t.Errorf("got %+v", x)
	}
}

// TestSpansOfTheForgotten come after their requests were removed: they are not those of requests
// past the dev server.
func TestSpansOfTheForgotten(t *testing.T) {
	t.Parallel()
	r := start(t, inspect.Options{})
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.Header.Set("Traceparent", "00-"+traceID+"-"+spanID+"-01")
	r.record(req, func(http.ResponseWriter, *http.Request) {})
	r.send(http.MethodPost, "/@dev/clear", nil)
	r.send(http.MethodPost, otlp, strings.NewReader(jsonExport), "Content-Type: application/json")
	if all := r.traces().Exchanges; len(all) > 0 {
		t.Errorf("got %+v", all)
	}
}

// TestWebSocket records the handshake.
func TestWebSocket(t *testing.T) {
	t.Parallel()
	r := start(t, inspect.Options{})
	srv := httptest.NewServer(r.Record(inspect.DevServer, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		_ = conn.Close()
	})))
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
	srv.Close() // waits for the handler
	if x := r.only(); x.Response.Status != http.StatusSwitchingProtocols || x.NoReplay == "" {
		t.Errorf("got %+v", x)
	}
}
