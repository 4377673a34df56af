package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTamper sends each token that the API must reject, and compares what the page says of the
// checks with what the inspector says, which has it from the API's own span.
func TestTamper(t *testing.T) {
	t.Parallel()
	inAllBrowsers(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		s := newSystem(t, "")
		w := open(s)
		logIn(w, s, "/external-api", "ada@example.com", true)
		here := s.page + "/external-api"
		w.press("Ping API")
		w.see(here, message)
		w.see(here, "(Ada’s, read:messages, 1 h 59 min left)")
		w.click(".tampering summary")
		for _, tc := range []struct{ text, failed, says string }{
			{"Send no token", "The request has one token", "The request has no access token"},
			{"Change one letter", "Key and signature", "signature is invalid"},
			{"Remove the signature", "It is a signed JWT", "not three parts"},
			{"Sign with another key", "Key and signature", "signature is invalid"},
			{"Use another API’s token", "Audience", "for another audience"},
			{"Use an expired token", "Time and kind", "has expired"},
			{"Send the ID token", "Audience", "for another audience"},
		} {
			w.await("the button is on", fmt.Sprintf(`[...document.querySelectorAll('.tampering button')].some((one) => one.innerText === %q && !one.disabled && one.ariaDisabled !== 'true')`, tc.text))
			w.press(tc.text)
			w.await(tc.text, fmt.Sprintf(`document.querySelector('[aria-live]').innerText.includes('Rejected, as it must be.') && document.querySelector('[aria-live]').innerText.includes(%q)`, tc.says))
			shown := strings.Split(w.js(`[...document.querySelectorAll('[aria-live] + div .checks .result')].map((one) => one.innerText).join('\n')`), "\n")
			if !slices.Contains(shown, tc.failed+": failed") {
				t.Errorf("%s: the page shows %q", tc.text, shown)
			}
			var told []string
			traces := s.traces(t)
			for _, check := range traces[len(traces)-1].Checks {
				told = append(told, check.Name+": "+check.Result)
			}
			if !slices.Equal(shown, told) {
				t.Errorf("%s: the page shows %q, and the inspector %q", tc.text, shown, told)
			}
		}
		w.see(here, "Earlier calls")
		screenshots(w, "tamper")
	})
}

// TestDiagram lights the steps of a login and a call, with their times, and leads to each in the
// inspector and to the sources.
func TestDiagram(t *testing.T) {
	t.Parallel()
	inAllBrowsers(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		s := newSystem(t, "")
		w := open(s)
		logIn(w, s, "/external-api", "ada@example.com", true)
		lit := func(steps ...string) {
			t.Helper()
			for _, step := range steps {
				w.await("the step "+step, fmt.Sprintf(`document.querySelector('[data-step=%s].done .time')?.innerText.match(/start|after|at /)`, step)+` !== undefined && `+
					fmt.Sprintf(`document.querySelector('[data-step=%s].done') !== null`, step))
			}
		}
		lit("authorize", "code", "token", "tokens", "keys")
		if w.js(`document.querySelector('[data-step=call].done') !== null`) != "false" {
			t.Error("a call is lit before there was one")
		}
		w.press("Ping API")
		lit("call", "forward", "answer")
		w.await("the API's part", `/after .*ms/.test(document.querySelector('[data-step=forward] .time').innerText)`)
		screenshots(w, "diagram")
		if b, ok := w.(*tab); ok {
			b.readmePicture("readme-diagram", ".diagram", 880)
		}
		w.click("[data-step=token] summary")
		w.await("a link", `document.querySelector('[data-step=token] a')?.href.includes('/@dev/#')`)
		w.click("[data-step=token] .how summary")
		w.await("the source", `document.querySelector('[data-step=token] pre')?.innerText.includes('handleRedirectCallback')`)
		w.await("its path", `/frontend\/src\/auth\/auth-service\.ts:\d+/.test(document.querySelector('[data-step=token] .how').innerText)`)
		w.click("[data-step=forward] summary")
		w.click("[data-step=forward] .how summary")
		w.await("the rules", `document.querySelector('[data-step=forward] pre')?.innerText.includes('"target"')`)
		verifier, err := os.ReadFile(filepath.Join(repo, "api/gate/verifier.go")) // where make dev has it
		if err := errors.Join(err, os.MkdirAll(filepath.Join(s.dir, "api/gate"), 0o750)); err != nil {
			t.Fatal(err)
		}
		write(t, s.dir, "api/gate/verifier.go", string(verifier))
		w.click("[data-step=answer] > details > summary")
		w.click("[data-step=answer] .how summary")
		w.await("the API's source", `document.querySelector('[data-step=answer] pre')?.innerText.includes('checkSpelling')`)
		accessible(w, "the diagram, opened")
	})
}

// TestTokensSideBySide shows both tokens on the profile page, masked until the user wants them.
func TestTokensSideBySide(t *testing.T) {
	t.Parallel()
	inAllBrowsers(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		s := newSystem(t, "")
		w := open(s)
		logIn(w, s, "/profile", "ada@example.com", true)
		w.see(s.page+"/profile", "so an API must reject it")
		w.await("both", `document.querySelectorAll('.side-by-side .claims').length === 2`)
		if text := w.js(`document.querySelector('.encoded').innerText`); strings.Contains(text, "eyJ") {
			t.Errorf("the token is shown: %s", text)
		}
		w.click(".side-by-side section:last-child .token button")
		w.await("the token", `document.querySelector('.side-by-side section:last-child .encoded').innerText.startsWith('eyJ')`)
		screenshots(w, "tokens")
	})
}

// TestSources serves the page's sources, and nothing else.
func TestSources(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "")
	for name, want := range map[string]int{
		"src/index.ts": 200, "index.html": 200, "styles.css": 200, "proxy.conf.json": 200,
		"": 404, "package.json": 404, "../go.work": 404, "../api/main.go": 404, "src/../../.env": 404, "node_modules/@auth0/auth0-spa-js/package.json": 404,
		"node_modules/x.js": 404, "/etc/passwd": 404, ".env": 404, "src": 404, "src/none.ts": 404, "src\\index.ts": 404,
	} {
		status, header, _ := get(t, s.page+"/@dev/source?file="+strings.ReplaceAll(name, `\`, "%5C"))
		if status != want || (header.Get("X-Source-Path") != "") != (want == http.StatusOK) {
			t.Errorf("%q: %d, path %q", name, status, header.Get("X-Source-Path"))
		}
	}
}
