package site

import (
	"encoding/json"
	"net/http"

	"calling-an-api.example/devserver/internal/hostcheck"
	"calling-an-api.example/devserver/internal/inspect"
	"calling-an-api.example/devserver/internal/livereload"
	"calling-an-api.example/devserver/internal/proxy"
)

// inspector returns the handler of the inspector's paths, and of what the page teaches with. They
// show what users have sent, so they are for the page's own origin, on this machine. ok is false
// for other paths.
func (s *Site) inspector() func(path string) (handler http.Handler, ok bool) {
	if s.Recorder == nil {
		return func(string) (http.Handler, bool) { return nil, false }
	}
	issuer := ""
	if s.LocalTenant {
		issuer = s.Config.Domain + "/"
	}
	of := s.Recorder.Handler(inspect.Options{Forward: http.HandlerFunc(s.forward), Token: s.Token, Issuer: issuer})
	return func(path string) (http.Handler, bool) {
		handler, ok := of(path)
		switch path {
		case livereload.Prefix + "bad-token":
			handler, ok = http.HandlerFunc(s.serveBadToken), true
		case livereload.Prefix + "source":
			handler, ok = http.HandlerFunc(s.serveSource), true
		}
		return withCORP(hostcheck.SameOrigin(fromThisMachine(handler))), ok
	}
}

// fromThisMachine answers 403 to requests from other machines.
func fromThisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !hostcheck.FromThisMachine(r) {
			http.Error(w, "Only this machine may use this path.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// forward handles a request by the proxy rules.
func (s *Site) forward(w http.ResponseWriter, r *http.Request) {
	upstream := s.proxy.Load().Handler(r)
	if upstream == nil {
		http.NotFound(w, r)
		return
	}
	upstream.ServeHTTP(w, r)
}

// observe lets the recorder know what the proxy does with r.
func (s *Site) observe(r *http.Request) proxy.Observer {
	if x := inspect.FromContext(r.Context()); x != nil {
		return observer{x}
	}
	return nil
}

// observer is an exchange as the proxy knows it.
type observer struct{ *inspect.Exchange }

// Forwarding implements proxy.Observer.
func (o observer) Forwarding(f proxy.Forwarding) {
	o.SetRule(inspect.Rule{Context: f.Rule, Place: f.Place, URL: f.URL, Problem: f.Problem})
}

// serveBadToken responds with a token that every API must reject, so that the page can show why.
func (s *Site) serveBadToken(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Only POST is allowed here.", http.StatusMethodNotAllowed)
		return
	case s.BadToken == nil:
		http.Error(w, "Only the local tenant makes such tokens.", http.StatusNotFound)
		return
	}
	token, err := s.BadToken(r.PostFormValue("subject"), r.PostFormValue("defect"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]string{"access_token": token}) // fails only if the browser is gone
}
