package livereload_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"calling-an-api.example/devserver/internal/livereload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type state struct {
	Version  string
	Styles   int
	Problems []string
	Hints    []string
}

// page opens a stream to hub; next waits for a message and ok is false at its end.
func page(t *testing.T, hub *livereload.Hub) (next func() (s state, ok bool)) {
	t.Helper()
	srv := httptest.NewServer(hub)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+livereload.Prefix+"events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = resp.Body.Close(); srv.Close() })
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("content type %q", got)
	}
	lines := bufio.NewScanner(resp.Body)
	return func() (s state, ok bool) {
		t.Helper()
		for lines.Scan() {
			if data, found := strings.CutPrefix(lines.Text(), "data: "); found {
				if err := json.Unmarshal([]byte(data), &s); err != nil {
					t.Fatal(err)
				}
				return s, true
			}
		}
		return state{}, false
	}
}

func TestPagesFollowTheState(t *testing.T) {
	t.Parallel()
	hub := livereload.New()
	hub.Report("bundle", "src/a.ts:1:1: broken", "the last one runs")
	next := page(t, hub)
	first, _ := next()
	if len(first.Problems) != 1 || first.Problems[0] != "src/a.ts:1:1: broken" || first.Hints[0] != "the last one runs" {
		t.Errorf("a page that opens late gets %+v", first)
	}
	hub.Report("bundle", "", "")
	if s, _ := next(); len(s.Problems) != 0 || s.Version != first.Version {
		t.Errorf("after the mend: %+v", s)
	}
	hub.Reload()
	if s, _ := next(); s.Version == first.Version {
		t.Error("a build gives no new version")
	}
	before := hub.Script()
	hub.Restyle()
	if s, _ := next(); s.Styles != 1 || !strings.Contains(hub.Script(), "styles=1") || hub.Script() == before {
		t.Errorf("after other styles: %+v, %s", s, hub.Script())
	}
	hub.Close()
	if s, ok := next(); ok {
		t.Errorf("the stream continues after Close: %+v", s)
	}
}

func TestRestartIsSeen(t *testing.T) {
	t.Parallel()
	before, after := livereload.New(), livereload.New()
	a, _ := page(t, before)()
	b, _ := page(t, after)()
	if a.Version == b.Version {
		t.Error("a page can't tell that the dev server was restarted")
	}
}

func TestPageKnowsItsVersion(t *testing.T) {
	t.Parallel()
	hub := livereload.New()
	hub.Reload()
	page1 := hub.Script()
	s, _ := page(t, hub)()
	if !strings.Contains(page1, "client.js?version="+s.Version+`&amp;styles=0"`) {
		t.Errorf("the page is %s, the stream says %s", page1, s.Version)
	}
	if hub.Reload(); hub.Script() == page1 {
		t.Error("a build gives pages no new version")
	}
}

func TestStreamsAreBoundedAndComeBack(t *testing.T) {
	t.Parallel()
	hub := livereload.New()
	srv := httptest.NewServer(hub)
	defer srv.Close()
	client := srv.Client()
	open := func() *http.Response {
		t.Helper()
		resp, err := client.Get(srv.URL + livereload.Prefix + "events")
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	var streams []*http.Response
	for range 256 {
		resp := open()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("stream %d: %d", len(streams)+1, resp.StatusCode)
		}
		streams = append(streams, resp)
	}
	resp := open()
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one too many: %d", resp.StatusCode)
	}
	for _, s := range streams {
		_ = s.Body.Close()
	}
	deadline := time.Now().Add(10 * time.Second)
	for status := 0; status != http.StatusOK; { // the hub learns a moment later that they are gone
		resp := open()
		_ = resp.Body.Close()
		if status = resp.StatusCode; time.Now().After(deadline) {
			t.Fatal("closed streams are never let go")
		}
	}
}

func TestOnlyGet(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	livereload.New().ServeHTTP(w, httptest.NewRequest(http.MethodHead, livereload.Prefix+"events", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: %d", w.Code)
	}
}

func TestScript(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	livereload.New().ServeHTTP(w, httptest.NewRequest(http.MethodGet, livereload.Prefix+"client.js", nil))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), livereload.Prefix+"events") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	livereload.New().ServeHTTP(w, httptest.NewRequest(http.MethodGet, livereload.Prefix+"other", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("another path: %d", w.Code)
	}
}
