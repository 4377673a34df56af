package inspect

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// keepForReplay notes whether nothing but the token and the cookies is missing to send the request
// again. The caller holds the recorder's mu.
func (x *exchange) keepForReplay(body []byte, isWhole bool) {
	x.whole = isWhole && !strings.Contains(x.Request.URL, masked) && x.Request.Size == int64(len(body)) && x.Request.Body == string(body) &&
		len(x.Request.Headers) < maxHeaders && !slices.ContainsFunc(x.Request.Headers, func(header [2]string) bool {
		return strings.Contains(header[1], masked) && !slices.Contains(dropped, header[0]) || header[0] == "Authorization" && x.Token == nil || header[0] == "Upgrade"
	})
}

// noReplay returns why the exchange cannot be sent again, "" if it can. The caller holds the
// recorder's mu.
func (x *exchange) noReplay(opts Options) string {
	var claims struct {
		Issuer  string          `json:"iss"`
		Subject string          `json:"sub"`
		Bound   json.RawMessage `json:"cnf"`
	}
	switch {
	case x.Party != DevServer:
		return "Only requests that the dev server forwards can be sent again."
	case !x.Done:
		return "The request has not ended."
	case !x.whole:
		return "A part of the request was masked or is too large, so it was not kept."
	case x.Token == nil:
		return ""
	case json.Unmarshal(x.Token.Claims, &claims) != nil || opts.Token == nil || claims.Issuer != opts.Issuer:
		return "Its token was not kept, and the local tenant cannot make another one. Copy the request as curl, and add a token."
	case claims.Bound != nil || x.bound:
		return "Its token is bound to a key of the browser. Send it again there, or with make call."
	}
	return ""
}

// replay sends an exchange again, with the cookies of the page that asks for it and a new token
// for the same user. It responds with the trace, before it sends the request.
func (r *Recorder) replay(opts Options, w http.ResponseWriter, req *http.Request) {
	again, subject, scope, why := r.again(opts, req)
	if why != "" {
		http.Error(w, why, http.StatusConflict)
		return
	}
	if subject != "" {
		token, err := opts.Token(subject, scope)
		if err != nil {
			http.Error(w, "The local tenant cannot make a token: "+err.Error(), http.StatusConflict)
			return
		}
		again.Header.Set("Authorization", "Bearer "+token)
	}
	trace := newID(16)
	again.Header.Set("Traceparent", "00-"+trace+"-"+newSpanID()+"-01")
	answer := `{"trace":"` + trace + `"}`
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(answer))) // so that the page need not wait for the end, which an event stream has not
	_, _ = io.WriteString(w, answer)
	if http.NewResponseController(w).Flush() != nil {
		return // the page is gone
	}
	r.serve(DevServer, req.FormValue("id"), opts.Forward, &discard{header: http.Header{}}, again)
}

// dropped are headers that belong to the connection or to the first request.
var dropped = []string{"Authorization", "Cookie", "Dpop", "Traceparent", "Tracestate", "Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Expect"}

// again returns the request of the exchange that req names, and for whom it needs a token; "" if
// for nobody. why is not "" if there is no such exchange.
func (r *Recorder) again(opts Options, req *http.Request) (again *http.Request, subject, scope, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.exchanges, func(x *exchange) bool { return x.ID == req.FormValue("id") })
	if i < 0 {
		return nil, "", "", "This request is not kept any more."
	}
	x := r.exchanges[i]
	if why := x.noReplay(opts); why != "" {
		return nil, "", "", why
	}
	target, err := url.Parse(x.Request.URL)
	if err != nil {
		return nil, "", "", "Its URL is not one that can be requested again."
	}
	var body = strings.NewReader(x.Request.Body)
	again, err = http.NewRequestWithContext(req.Context(), x.Request.Method, target.RequestURI(), body)
	if err != nil {
		return nil, "", "", "It is not a request that can be sent again."
	}
	again.RequestURI, again.Host, again.RemoteAddr, again.TLS = target.RequestURI(), target.Host, req.RemoteAddr, req.TLS
	for _, header := range x.Request.Headers {
		if !slices.Contains(dropped, header[0]) && !strings.Contains(header[1], masked) {
			again.Header.Add(header[0], header[1])
		}
	}
	if cookies := req.Header["Cookie"]; cookies != nil {
		again.Header["Cookie"] = cookies
	}
	if x.Token != nil {
		var claims struct {
			Subject string `json:"sub"`
			Scope   string `json:"scope"`
		}
		if json.Unmarshal(x.Token.Claims, &claims) != nil {
			return nil, "", "", "Its token cannot be read."
		}
		return again, cmp.Or(claims.Subject, "-"), claims.Scope, ""
	}
	return again, "", "", ""
}

// discard is the response to a request that is sent again: the recorder has what is shown of it.
type discard struct{ header http.Header }

// Header, Write and WriteHeader implement http.ResponseWriter.
func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}
