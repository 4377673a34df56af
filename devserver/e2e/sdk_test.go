package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// officialClients are the pages of e2e/clients, with their flags.
var officialClients = map[string][]string{
	"react": nil, "vue": nil, "oidc": nil,
	"angular": {"--csp=false"}, // what compiles it in the page evaluates strings
}

// TestOfficialClients logs in with each of the packages that Auth0 offers for pages, and with
// oidc-client-ts, calls the API, loads the page again and logs out.
func TestOfficialClients(t *testing.T) {
	t.Parallel()
	for name, flags := range officialClients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			useClient(t, clientPage(t, name, flags...))
		})
	}
}

// TestOfficialClientsAndServer does so over HTTPS, with an API on Node that trusts the authority by
// NODE_EXTRA_CA_CERTS, as the API servers of Auth0's samples do.
func TestOfficialClientsAndServer(t *testing.T) {
	t.Parallel()
	if certutil != nil {
		t.Skip("the browsers cannot be told to trust a certificate: ", certutil)
	}
	for name, flags := range officialClients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := clientPageWith(t, name, []string{"DEV_HTTPS=true", "TENANT_STATE=" + caFolder()}, flags...)
			_, out := start(t, filepath.Join(repo, "devserver/e2e/clients"), "node", []string{"NODE_EXTRA_CA_CERTS=" + s.ca},
				"node/api.mjs", s.tenant+"/", "http://localhost:3001", freePorts(t, 1)[0])
			api := out.Await(t, "ready "+localhost)
			s.retarget(t, api)
			s.devserver.Await(t, `/api → `+regexp.QuoteMeta(api))
			useClient(t, s)
		})
	}
}

func useClient(t *testing.T, s *system) {
	t.Helper()
	b := open(t, s)
	home := b.page + "/"
	b.visit(home)
	b.see(home, "Log in")
	b.press("Log in")
	b.agreeAs("ada@example.com")
	b.see(home, "Hello, Ada Lovelace")
	b.press("Call the API")
	b.see(home, `200 {"msg":"`+message)
	b.do("reload", chromedp.Reload())
	b.see(home, "Hello, Ada Lovelace")
	b.press("Log out")
	b.see(home, "Log in")
	b.absent("p")
}

const callAPI = `.then(callApi)`

func TestPopupLogin(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string][]string{"http": nil, "https": {"DEV_HTTPS=true", "TENANT_STATE=" + caFolder()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "https" && certutil != nil {
				t.Skip("the browsers cannot be told to trust a certificate: ", certutil)
			}
			logInByPopup(t, sdkPage(t, "{}", environ...))
		})
	}
}

func logInByPopup(t *testing.T, b *tab) {
	t.Helper()
	b.expect("false", `auth0.isAuthenticated()`)
	popup := b.popup(`void (window.login = auth0.loginWithPopup().then(() => 'in'))`)
	popup.see(b.tenant+"/u/login", "Pick a test user")
	popup.pick("ada@example.com")
	popup.see(b.tenant+"/u/consent", "Authorize")
	popup.click("button[value=accept]")
	b.expect("in", `login`)
	b.expect("ada@example.com", `auth0.getUser().then((u) => u.email)`)
	b.expect("200 ", `auth0.getTokenSilently()`+callAPI)

	// Errors come at once too, and not when the SDK's patience with the popup ends.
	popup = b.popup(`void (window.login = auth0.loginWithPopup({authorizationParams: {prompt: 'consent'}}).catch((e) => e.error))`)
	popup.see(b.tenant+"/u/consent", "Authorize")
	popup.click("button[value=decline]")
	b.expect("access_denied", `login`)
	for params, want := range map[string]string{
		`{audience: 'https://nowhere'}`:                  "access_denied: Service not found",
		`{redirect_uri: location.origin + '/nowhere'}`:   "invalid_request: Callback URL mismatch",
		`{response_mode: 'web_message', max_age: 'old'}`: "invalid_request: The request is malformed",
	} {
		b.expect(want, `auth0.loginWithPopup({authorizationParams: `+params+`})`)
	}
}

// TestSilentAuthentication asks for tokens in a hidden frame. It must be quick even
// where there is no session: the page waits for it before it shows anything.
func TestSilentAuthentication(t *testing.T) {
	t.Parallel()
	b := sdkPage(t, "{}")
	const timed = `(async () => {
		let quickest = Infinity
		let result
		for (let i = 0; i < 3; i++) { // a busy machine may be slow once
			const start = performance.now()
			result = await auth0.getTokenSilently({cacheMode: 'off'}).then(() => 'token', (e) => e.error)
			quickest = Math.min(quickest, performance.now() - start)
		}
		return quickest < 1000 ? result : 'slow: ' + quickest + ' ms'
	})()`
	b.expect("login_required", timed)
	b.redirectLogin("{}")
	b.expect("token", timed)
	b.expect("consent_required", `auth0.getTokenSilently({cacheMode: 'off', authorizationParams: {scope: 'openid offline_access'}})`)
	b.expect("access_denied: Service not found", `auth0.getTokenSilently({authorizationParams: {audience: 'https://nowhere'}})`)
}

const refreshing = `{useRefreshTokens: true, cacheLocation: 'localstorage'}`

// refreshes returns how many refresh tokens the tenant has accepted and rejected.
func (s *system) refreshes(tb testing.TB) (accepted, rejected int) {
	tb.Helper()
	_, _, dashboard := get(tb, s.tenant+"/")
	return strings.Count(dashboard, "exchanged a refresh token"), strings.Count(dashboard, "A refresh token was rejected")
}

func TestRefreshTokens(t *testing.T) {
	t.Parallel()
	b := sdkPage(t, refreshing)
	b.redirectLogin(refreshing)
	b.do("reload", chromedp.Reload())
	b.make(refreshing)
	b.expect("true", `auth0.isAuthenticated()`)
	b.control(b, "fail", `{"path": "/authorize", "times": 1000}`) // so nothing but a refresh token helps
	b.expect("200 ", `auth0.getTokenSilently({cacheMode: 'off'})`+callAPI)
	b.expect("200 ", `auth0.getTokenSilently({cacheMode: 'off'})`+callAPI)

	other := b.another(b.page + "/")
	other.make(refreshing)
	const both = `void (window.racing = Promise.all([1, 2, 3].map(() => auth0.getTokenSilently({cacheMode: 'off'}))).then((all) => all.length))`
	ask[any](b, both)
	ask[any](other, both)
	b.expect("3", `racing`)
	other.expect("3", `racing`)
	b.expect("200 ", `auth0.getTokenSilently({cacheMode: 'off'})`+callAPI)
	other.expect("200 ", `auth0.getTokenSilently({cacheMode: 'off'})`+callAPI)
	if accepted, rejected := b.refreshes(b); accepted < 6 || rejected != 0 {
		t.Errorf("got %d refresh tokens accepted and %d rejected, want at least 6 and 0", accepted, rejected)
	}
}

// policies is a tenant whose app may exchange a refresh token for tokens of a second API.
const policies = `{
	"users": [{"user_id": "auth0|ada", "email": "ada@example.com", "password": "ada-local"}],
	"clients": [{"client_id": "$CLIENT_ID", "name": "App", "callbacks": ["$PAGE"], "web_origins": ["$PAGE"],
		"grant_types": ["authorization_code", "refresh_token"],
		"refresh_token": {"policies": [{"audience": "https://second", "scope": ["read:second"]}]}}],
	"apis": [
		{"audience": "$AUDIENCE", "name": "First", "scopes": {}, "token_lifetime": 60, "token_dialect": "rfc9068_profile"},
		{"audience": "https://second", "name": "Second", "scopes": {"read:second": "Read"}, "token_lifetime": 60}],
}`

// TestRefreshForSeveralAPIs has the SDK exchange one refresh token for tokens of two APIs (MRRT).
// The first one's have the profile of RFC 9068, which the API accepts.
func TestRefreshForSeveralAPIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "tenant.jsonc", policies)
	const options = `{useRefreshTokens: true, useMrrt: true, cacheLocation: 'localstorage'}`
	b := sdkPage(t, options, "TENANT_CONFIG="+filepath.Join(dir, "tenant.jsonc"))
	b.redirectLogin(options)
	b.control(b, "fail", `{"path": "/authorize", "times": 1000}`) // so nothing but a refresh token helps
	b.expect("200 ", `auth0.getTokenSilently()`+callAPI)
	const parts = `.then((token) => token.split('.').slice(0, 2).map((part) => JSON.parse(atob(part.replaceAll('-', '+').replaceAll('_', '/')))))`
	b.expect("at+jwt", `auth0.getTokenSilently()`+parts+`.then(([header]) => header.typ)`)
	b.expect("https://second read:second", `auth0.getTokenSilently({authorizationParams: {audience: 'https://second', scope: 'read:second'}})`+
		parts+`.then(([, {aud, scope}]) => aud[0] + ' ' + scope.split(' ').at(-1))`)
	b.expect("200 ", `auth0.getTokenSilently({cacheMode: 'off'})`+callAPI)
	b.expect("invalid_request: This refresh token is for the audience", `auth0.getTokenSilently({authorizationParams: {audience: 'https://third'}})`)
}

// TestStolenRefreshToken uses a refresh token that the page has used already.
func TestStolenRefreshToken(t *testing.T) {
	t.Parallel()
	b := sdkPage(t, refreshing)
	b.redirectLogin(refreshing)
	stolen := b.js(`JSON.parse(Object.entries(localStorage).find(([, v]) => v.includes('refresh_token'))[1]).body.refresh_token`)
	b.expect("200 ", `auth0.getTokenSilently({cacheMode: 'off'})`+callAPI)
	b.control(b, "clock", `{"ahead": "10s"}`) // out of the overlap for racing tabs
	b.expect("403", fmt.Sprintf(`fetch(%q, {method: 'POST', body: new URLSearchParams({
		grant_type: 'refresh_token', client_id: auth0.getConfiguration().clientId, refresh_token: %q})}).then((r) => r.status)`, b.tenant+"/oauth/token", stolen))
	b.control(b, "fail", `{"path": "/authorize", "times": 1}`)
	b.expect("invalid_grant", `auth0.getTokenSilently({cacheMode: 'off'})`) // the thief's use has ended the page's as well
	if _, rejected := b.refreshes(b); rejected < 2 {
		t.Errorf("got %d refresh tokens rejected, want at least 2", rejected)
	}
}

func TestLogoutEndsTheSession(t *testing.T) {
	t.Parallel()
	b := sdkPage(t, refreshing)
	b.redirectLogin(refreshing)
	b.expect("undefined", `auth0.revokeRefreshToken()`)
	b.expect("missing_refresh_token", `auth0.getTokenSilently({cacheMode: 'off'})`)
	b.see(b.page+"/", "The SDK is here")
	if _, _, dashboard := get(t, b.tenant+"/"); strings.Contains(dashboard, "last used") {
		t.Error("the refresh token lives on at the tenant")
	}
	ask[any](b, `void auth0.logout({logoutParams: {returnTo: location.origin}})`)
	b.await("leave", `typeof auth0 === 'undefined' && typeof make !== 'undefined'`)
	b.make("{}")
	b.expect("login_required", `auth0.getTokenSilently({cacheMode: 'off'})`)
}

func TestBlockedUser(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, "", tenantConfig(t, `// "blocked"`, `"blocked"`)...))
	b.visit(b.page + "/profile")
	b.see(b.tenant+"/u/login", "ada@example.com · blocked")
	b.enter("ada@example.com", "ada-local")
	b.see(b.page+"/callback", "unauthorized: user is blocked")
	b.screenshots("blocked")
	b.press("Try again")
	b.see(b.tenant+"/u/login", "Pick a test user")
	b.pick("charles@example.com")
	b.see(b.tenant+"/u/consent", "Authorize")
}

// TestKeyRotation rotates the tenant's keys under a login, as Auth0 lets its
// customers do: the API takes tokens of the new key at once, and those of the old
// one until it is revoked.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	b := sdkPage(t, "{}")
	b.redirectLogin("{}")
	const kid = `.then((token) => JSON.parse(atob(token.split('.')[0])).kid)`
	before := b.js(`auth0.getTokenSilently()` + kid)
	b.control(b, "keys/rotate", "")
	b.expect("200 ", `auth0.getTokenSilently()`+callAPI)
	b.expect("200 ", `auth0.getTokenSilently({cacheMode: 'off'})`+callAPI)
	if after := b.js(`auth0.getTokenSilently()` + kid); after == before || after == "" {
		t.Errorf("the key is %q still", after)
	}
}
