package e2e

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

const message = "Your access token was successfully validated!"

// TestTutorial is the tutorial's path: a page that needs a login, the login, the
// consent, and the API's answer.
func TestTutorial(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))

	b.visit(b.page)
	b.see(b.page+"/", "Log in to begin")
	b.absent(`a[href="/external-api"]`)
	b.absent("#profileDropDown")
	b.screenshots("home")

	b.visit(b.page + "/external-api") // signed out: leads through the login
	b.see(b.tenant+"/u/login", "Pick a test user")
	b.screenshots("login")
	b.enter("ada@example.com", "ada-local")
	b.see(b.tenant+"/u/consent", "External API")
	b.screenshots("consent")
	b.press("Accept")

	b.see(b.page+"/external-api", "Ping API") // and back to where it began
	if strings.Contains(b.url(), "code=") {
		t.Errorf("the code stays in the address: %s", b.url())
	}
	b.press("Ping API")
	b.see(b.page+"/external-api", message)
	if line := ask[string](b, `document.querySelector('.answer').innerText`); !regexp.MustCompile(`^GET /api/external → 200 OK in [\d.]+ ms$`).MatchString(line) {
		t.Errorf("the call's line: %q", line)
	}
	var answer map[string]string
	shown := ask[string](b, `document.querySelector("pre > code").textContent`)
	if err := json.Unmarshal([]byte(shown), &answer); err != nil || answer["msg"] != message {
		t.Errorf("shown: %s, %v", shown, err)
	}
	b.screenshots("external-api")
	b.readmePicture("readme", "header", 940)

	b.do("reload", chromedp.Reload()) // the session is found again without a login
	b.see(b.page+"/external-api", "Ping API")
	b.press("Ping API")
	b.see(b.page+"/external-api", message)

	b.click("#profileDropDown")
	b.press("Profile")
	b.see(b.page+"/profile", `"email": "ada@example.com"`)
	b.await("her picture", `document.querySelector('main img').naturalWidth > 0`)
	b.screenshots("profile")
	b.press("Home")
	b.see(b.page+"/", "Call the API")
	b.screenshots("home-signed-in")

	b.visit(b.tenant + "/")
	b.see(b.tenant+"/", "ada@example.com logged in")
	b.click("details summary")
	b.screenshots("dashboard")
}

func TestNavbar(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	b.visit(b.page + "/no/such/page")
	b.see(b.page+"/no/such/page", "Page not found")
	b.screenshots("not-found")
	b.click("#qsLoginBtn")
	b.agreeAs("charles@example.com")
	b.see(b.page+"/no/such/page", "Charles Babbage")

	b.press("External API")
	b.see(b.page+"/external-api", "Ping API")
	b.press("Home")
	b.see(b.page+"/", "Calling an API")
	ask[any](b, `setTimeout(() => history.back())`)
	b.see(b.page+"/external-api", "Ping API")
	b.await("title and focus", `document.title === 'External API · Calling an API' && document.activeElement.textContent === 'External API'`)
	ask[any](b, `setTimeout(() => history.forward())`)
	b.see(b.page+"/", "Call the API")
	b.await("title and focus", `document.title === 'Home · Calling an API' && document.activeElement.textContent === 'Calling an API'`)

	b.click("#profileDropDown")
	b.screenshots("menu")
	b.click("#qsLogoutBtn")
	b.see(b.page+"/", "Log in to begin")
	b.absent("#profileDropDown")

	b.visit(b.page + "/profile") // the tenant's session has ended too
	b.see(b.tenant+"/u/login", "Pick a test user")
	b.pick("charles@example.com")
	b.see(b.page+"/profile", "charles@example.com") // consent is asked at the first login only
}

// TestLoginFromAnOddPath logs in on a page whose path reads like another host.
func TestLoginFromAnOddPath(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	b.visit(b.page + "//evil.test/x")
	b.see(b.page+"//evil.test/x", "Page not found")
	b.click("#qsLoginBtn")
	b.agreeAs("ada@example.com")
	b.see(b.page+"/evil.test/x", "Page not found")
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	b.visit(b.page + "/profile")
	b.see(b.tenant+"/u/login", "Log in")
	b.enter("ada@example.com", "wrong")
	b.see(b.tenant+"/u/login", "Wrong email or password")
	b.screenshots("login-wrong-password")
	b.enter("ada@example.com", "ada-local")
	b.see(b.tenant+"/u/consent", "Authorize")
	b.press("Accept")
	b.see(b.page+"/profile", "Ada Lovelace")
}

func TestConsentDeclined(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	b.decline()
	b.see(b.page+"/callback", "declined")
	if strings.Contains(b.url(), "?") {
		t.Errorf("the error stays in the address: %s", b.url())
	}
	b.press("Try again") // continues to the page that the login was for
	b.see(b.tenant+"/u/consent", "Authorize")
	b.press("Accept")
	b.see(b.page+"/profile", "Ada Lovelace")
}

func TestAnotherAccountAfterAFailure(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	b.decline()
	b.press("Use another account")
	b.see(b.page+"/", "Log in to begin")
	b.click("#qsLoginBtn")
	b.see(b.tenant+"/u/login", "Pick a test user")
}

// TestBackFromTheLogin goes back from a login that a guard led to: not to the
// guarded page, which would lead to the login again.
func TestBackFromTheLogin(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	b.visit(b.page)
	b.see(b.page+"/", "Log in to begin")
	b.visit(b.page + "/profile")
	b.see(b.tenant+"/u/login", "Log in")
	ask[any](b, `setTimeout(() => history.back())`)
	b.see(b.page+"/", "Log in to begin")
}

func TestCallbackErrors(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	const foreign = "no login of this tab"
	for _, tc := range []struct{ name, query, want string }{
		{"unknown-audience", "error=access_denied&error_description=" + url.QueryEscape("Service not found: https://x"), "AUTH0_AUDIENCE"},
		{"mismatch", "error=invalid_request&error_description=Callback+URL+mismatch", b.page + "/callback"},
		{"denied", "error=access_denied", "declined"},
		{"blocked", "error=unauthorized&error_description=user+is+blocked", "blocked"},
		{"words of others", "error=x&error_description=Call+0800+1234", foreign},
		{"markup", "error=x&error_description=" + url.QueryEscape("<img src=x onerror=alert(1)>"), foreign},
		{"used-code", "code=abc&state=def", "a login of this tab"},
		{"nothing", "", "none is in progress"},
	} {
		b.visit(b.page + "/callback?" + tc.query)
		b.see(b.page+"/callback", tc.want)
		if strings.Contains(b.url(), "?") || ask[bool](b, `document.body.innerText.includes('0800') || document.querySelector('main img') !== null`) {
			t.Errorf("%s: %s", tc.name, b.describe())
		}
		if tc.want != foreign {
			b.screenshots("callback-" + tc.name)
		}
	}
}

// TestGoneBeforeTheLoginEnds goes home while the login is being finished.
func TestGoneBeforeTheLoginEnds(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	b.visit(b.page + "/profile")
	b.see(b.tenant+"/u/login", "Log in")
	b.onEveryPage(`const fetched = window.fetch; window.fetch = async (url, ...rest) => {
		if (String(url).endsWith('/oauth/token')) await new Promise((resolve) => { window.goOn = resolve })
		return fetched(url, ...rest)
	}`)
	b.pick("ada@example.com")
	b.see(b.tenant+"/u/consent", "Authorize")
	b.press("Accept")
	b.await("the token request", `typeof goOn === 'function'`)
	b.press("Home")
	b.see(b.page+"/", "Calling an API")
	ask[any](b, `goOn()`)
	b.see(b.page+"/", "Call the API")
}
