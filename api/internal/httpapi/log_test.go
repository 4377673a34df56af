package httpapi_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/internal/httpapi"
)

// logged returns an API that logs to the buffer at level. Requests must come one
// after the other.
func logged(t *testing.T, iss *gatetest.Issuer, level slog.Level, changes ...func(*settings)) (http.Handler, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	h := newAPI(t, iss, append(changes, func(s *settings) {
		s.http.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))
	})...)
	return h, &log
}

func TestLogSaysWhyAndNothingSecret(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	h, log := logged(t, iss, slog.LevelInfo)
	for name, tc := range map[string]struct {
		path, token string
		want        []string
	}{
		"accepted":          {"/api/external", iss.Mint(nil), []string{"GET /api/external", "status=200", "took=", "id="}},
		"refused":           {"/api/external", iss.Mint(gatetest.Claims{"sub": "auth0|hidden", "exp": 1}), []string{"status=401", "reason=expired"}},
		"without its slash": {"/api/external", iss.Mint(gatetest.Claims{"iss": strings.TrimSuffix(iss.URL, "/")}), []string{"reason=issuer", "trailing slash", "expected " + iss.URL}},
		"another issuer":    {"/api/external", iss.Mint(gatetest.Claims{"iss": "https://hidden.test/"}), []string{"reason=issuer"}},
		"a header's key":    {"/api/external", iss.MintHeader(map[string]any{"jku": "https://hidden.test/"}, nil), []string{"reason=header", "the parameter jku is not allowed"}},
		"no expiry":         {"/api/external", iss.Mint(gatetest.Claims{"exp": nil}), []string{"reason=claims", "exp"}},
		"token in a query":  {"/api/public?access_token=hidden", "", []string{"GET /api/public", "status=200"}},
		"scope":             {"/api/private-scoped", iss.Mint(gatetest.Claims{"scope": "hidden"}), []string{"status=403", "reason=scope"}},
	} {
		log.Reset()
		do(h, http.MethodGet, tc.path, bearer(tc.token))
		line := log.String()
		if strings.Count(line, "\n") != 1 {
			t.Errorf("%s: more or less than a line: %q", name, line)
		}
		for _, want := range tc.want {
			if !strings.Contains(line, want) {
				t.Errorf("%s: %q does not say %q", name, line, want)
			}
		}
		if strings.Contains(line, "hidden") || tc.token != "" && strings.Contains(line, tc.token[:20]) {
			t.Errorf("%s: a secret is logged: %q", name, line)
		}
	}
}

// TestProbesAreNotLogged requests what load balancers request all the time, before and
// after the keys are loaded.
func TestProbesAreNotLogged(t *testing.T) {
	t.Parallel()
	down := newIssuer(t)
	down.HandleKeys(badAnswers["500"])
	for name, iss := range map[string]*gatetest.Issuer{"with keys": newIssuer(t), "without keys": down} {
		h, log := logged(t, iss, slog.LevelInfo)
		for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
			do(h, http.MethodGet, path)
		}
		if log.Len() != 0 {
			t.Errorf("%s: logged %s, want nothing", name, log)
		}
	}
}

func TestLogLevelWarn(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	h, log := logged(t, iss, slog.LevelWarn)
	do(h, http.MethodGet, "/api/external", bearer(iss.Mint(nil)))
	do(h, http.MethodGet, "/api/external", bearer("garbage"))
	if log.Len() != 0 {
		t.Errorf("logged %s", log)
	}
	down := newIssuer(t)
	down.HandleKeys(badAnswers["500"])
	h, log = logged(t, down, slog.LevelWarn)
	got := do(h, http.MethodGet, "/api/external", bearer(down.Mint(nil)))
	if id := got.Header.Get("X-Request-Id"); id == "" || !strings.Contains(log.String(), "status=503 id="+id) {
		t.Errorf("the request %q is not in the log: %s", id, log)
	}
}

// brokenKeys panic when they are asked for the first time.
type brokenKeys struct {
	httpapi.Keys
	asked *atomic.Bool
}

func (k brokenKeys) Ready() bool {
	if k.asked.CompareAndSwap(false, true) {
		panic("inner detail")
	}
	return false
}
func (brokenKeys) Fetches() (ok, failed int64) { return 0, 0 }
func (brokenKeys) Age() (time.Duration, bool)  { return 0, false }

func TestPanicSaysNothing(t *testing.T) {
	t.Parallel()
	h, log := logged(t, newIssuer(t), slog.LevelInfo, func(s *settings) {
		s.http.Issuers = []httpapi.Issuer{{URL: "https://issuer.test/", Keys: brokenKeys{asked: new(atomic.Bool)}}}
	})
	got := do(h, http.MethodGet, "/readyz")
	if got.StatusCode != http.StatusInternalServerError || got.problem(t).Error != "internal_error" || strings.Contains(got.body, "detail") {
		t.Errorf("got %d %s", got.StatusCode, got.body)
	}
	if !strings.Contains(log.String(), "inner detail") || !strings.Contains(log.String(), got.Header.Get("X-Request-Id")) {
		t.Errorf("the log does not tell: %s", log)
	}
	// The place is that of the panic, not of what recovers it, and all is one line.
	if text := log.String(); !strings.Contains(text, "log_test.go:104: inner detail") || strings.Contains(text, "goroutine") || strings.Contains(text, "runtime.") ||
		!strings.Contains(text, "httpapi_test.brokenKeys.Ready (api/internal/httpapi_test/log_test.go:104) < httpapi.") {
		t.Errorf("the log does not show where: %s", text)
	}
	if n := metric(h, `api_requests_total{code="500",route="/readyz"}`); n != "1" {
		t.Errorf("counted %q times", n)
	}
}
