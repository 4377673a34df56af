package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestCallbackRedirects logs in to a server whose callback redirects to a page of another origin, as
// that of a server for a page elsewhere does. Chromium applies a page's form-action to such redirects.
func TestCallbackRedirects(t *testing.T) {
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("You are home"))
		}))
		t.Cleanup(home.Close)
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.FormValue("code")+r.FormValue("id_token") == "" {
				http.Error(w, "There is no code.", http.StatusBadRequest)
				return
			}
			http.Redirect(w, r, home.URL+"/", http.StatusSeeOther)
		}))
		t.Cleanup(app.Close)
		dir, callback := t.TempDir(), strconv.Quote(app.URL+"/callback")
		write(t, dir, "tenant.jsonc", fmt.Sprintf(webConfig, callback, callback))
		s := newSystemWith(t, "", []string{"TENANT_CONFIG=" + filepath.Join(dir, "tenant.jsonc")}, "--types=false")
		for _, mode := range []string{"query", "form_post"} {
			w := open(s)
			query := url.Values{"client_id": {"web"}, "redirect_uri": {app.URL + "/callback"}, "response_type": {"code"}, "response_mode": {mode}, "scope": {"openid"}, "prompt": {"consent"}}
			w.visit(s.tenant + "/authorize?" + query.Encode())
			agree(w, s, "ada@example.com")
			w.see(home.URL+"/", "You are home")
		}
	})
}

// TestSilentLoginFromPlainHTTP logs in by a page over http, as other development servers serve them,
// at a tenant over https that runs alone: for a browser these are two sites. After a reload, the session is found in a
// frame. Firefox, WebKit and Chromium's private windows keep cookies of other sites from frames, as
// with a real tenant.
func TestSilentLoginFromPlainHTTP(t *testing.T) {
	t.Parallel()
	if certutil != nil {
		t.Skip("the browsers cannot be told to trust a certificate: ", certutil)
	}
	mux := http.NewServeMux()
	page := httptest.NewServer(mux)
	t.Cleanup(page.Close)
	origin := strings.Replace(page.URL, "127.0.0.1", "localhost", 1)
	_, out := start(t, t.TempDir(), filepath.Join(bin, "devserver"), []string{"DEV_HTTPS=true", "TENANT_STATE=" + caFolder()},
		"--tenant-only", "--addr", strings.TrimPrefix(origin, "http://"), "--tenant-addr", "localhost:0")
	s := &system{page: origin, tenant: out.Await(t, `tenant listening on `+localhost)}
	mux.HandleFunc("/sdk.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(repo, "frontend/node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.js"))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>App</title><p id="user">…</p><button id="login">Log in</button><script src="/sdk.js"></script>
<script type="module">
const client = new auth0.Auth0Client({domain: %q, clientId: 'local-spa', authorizationParams: {redirect_uri: location.origin + '/'}})
document.querySelector('#login').onclick = () => client.loginWithRedirect()
if (location.search.includes('code=')) {
  await client.handleRedirectCallback()
  history.replaceState(null, '', '/')
} else {
  await client.checkSession()
}
document.querySelector('#user').textContent = (await client.getUser())?.name ?? 'nobody'
</script>`, strings.TrimPrefix(s.tenant, "https://"))
	})
	w := openWith(t, s)
	w.watchPage()
	w.visit(origin + "/")
	w.see(origin+"/", "nobody")
	w.click("#login")
	agree(w, s, "ada@example.com")
	w.see(origin+"/", "Ada Lovelace")
	w.reload()
	w.see(origin+"/", "Ada Lovelace")
}

// TestDashboardIsLive shows what happens, also while its reader has opened something.
func TestDashboardIsLive(t *testing.T) {
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		s := newSystem(t, "")
		w := open(s)
		post := func(path, body string) {
			t.Helper()
			resp, err := http.Post(s.tenant+"/_tenant/"+path, "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s, %v", path, resp.Status, err)
			}
		}
		w.visit(s.tenant + "/")
		w.see(s.tenant+"/", "No user is logged in")
		post("token", `{"user": "ada@example.com"}`)
		w.see(s.tenant+"/", "minted a token for ada@example.com")
		w.click("details summary")
		post("session", `{"user": "charles@example.com"}`)
		w.await("the session, and the open claims", `document.body.innerText.includes('charles@example.com, since') && document.querySelector('details[open]') !== null`)
		w.click("details summary")
		w.see(s.tenant+"/", "A test logged charles@example.com in")
	})
}
