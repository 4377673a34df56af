package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// clientPage starts a system whose page is one of e2e/clients: small pages on the
// official, unmodified packages.
func clientPage(t *testing.T, name string, flags ...string) *system {
	t.Helper()
	return clientPageWith(t, name, nil, flags...)
}

// clientPageWith is clientPage with settings of the dev server.
func clientPageWith(t *testing.T, name string, environ []string, flags ...string) *system {
	t.Helper()
	clients := filepath.Join(repo, "devserver", "e2e", "clients")
	dir := t.TempDir()
	frontendFrom(t, dir, clients)
	for _, folder := range []string{"shared", name} {
		if err := os.CopyFS(filepath.Join(dir, "frontend", "src", folder), os.DirFS(filepath.Join(clients, folder))); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, "frontend/src/index.ts", fmt.Sprintf("import './%s/app'\n", name))
	s := newSystemWith(t, dir, environ, append(flags, "--types=false")...)
	s.talks = name != "sdk"
	return s
}

// sdkPage opens a page on which nothing is but the SDK, and makes its client with
// options, a JavaScript object. environ are settings of the dev server.
func sdkPage(t *testing.T, options string, environ ...string) *tab {
	t.Helper()
	b := open(t, clientPageWith(t, "sdk", environ))
	b.visit(b.page + "/")
	b.make(options)
	return b
}

// make makes the SDK's client with options, a JavaScript object.
func (b *tab) make(options string) {
	b.Helper()
	b.see(b.page+"/", "The SDK is here")
	b.js("make(" + options + ").then(() => 'made')")
}

// js returns what the promise resolves to, or what it is rejected with: the error's
// code and words.
func (b *tab) js(promise string) string {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		fmt.Sprintf("(async () => String(await (%s)))().catch((e) => `${e.error ?? e.name}: ${e.message}`)", promise), chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v\n%s", promise, err, b.describe())
	}
	return value
}

// expect fails unless what the promise becomes begins with want.
func (b *tab) expect(want, promise string) {
	b.Helper()
	if got := b.js(promise); !strings.HasPrefix(got, want) {
		b.Errorf("%s: %q, want %q", promise, got, want)
	}
}

// redirectLogin logs Ada in by redirects, and finishes with a client that has the
// same options.
func (b *tab) redirectLogin(options string) {
	b.Helper()
	ask[any](b, `void auth0.loginWithRedirect()`)
	b.agreeAs("ada@example.com")
	b.make(options)
	b.expect("ada@example.com", `auth0.handleRedirectCallback().then(() => auth0.getUser()).then((u) => u.email)`)
}

// another opens url in a new tab of the same browser.
func (b *tab) another(url string) *tab {
	b.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.Cleanup(cancel)
	other := b.attach(ctx)
	other.watchPage()
	other.visit(url)
	return other
}

// popup runs the JavaScript, which opens a window, and returns that. An earlier one, which may be about
// to close, is no new one.
func (b *tab) popup(js string) *tab {
	b.Helper()
	opened := chromedp.WaitNewTarget(b.ctx, func(info *target.Info) bool { return info.URL != "" && !slices.Contains(b.popups, info.TargetID) })
	ask[any](b, js)
	id := <-opened
	b.popups = append(b.popups, id)
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	b.Cleanup(cancel)
	return b.attach(ctx)
}

// attach begins with the page of ctx. It lives as long as the context of its first
// action, which is therefore ctx itself.
func (b *tab) attach(ctx context.Context) *tab {
	b.Helper()
	if err := chromedp.Do(ctx); err != nil {
		b.Fatal(err)
	}
	return &tab{TB: b.TB, ctx: ctx, system: b.system}
}

// control has the tenant do what its controls can.
func (s *system) control(tb testing.TB, path, body string) string {
	tb.Helper()
	resp, err := client.Post(s.tenant+"/_tenant/"+path, "application/json", strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer := map[string]any{}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		tb.Fatalf("%s: %d, %v", path, resp.StatusCode, err)
	}
	token, _ := answer["access_token"].(string)
	return token
}
