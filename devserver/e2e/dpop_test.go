package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestDPoP has the page's tokens bound to a key of the browser, by the official SDK: a login,
// calls, a reload, a nonce that is rotated under it, an API that is restarted, and
// one that requires nonces.
func TestDPoP(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", "--types=false", "--dpop")
	b := open(t, s)
	here := b.page + "/external-api"
	publicURL := []string{"--public-url", s.page}
	s.anotherAPI(t, publicURL...)
	b.signIn("/external-api", "ada@example.com")
	b.see(here, "this browser, by its key")
	b.press("Ping API")
	b.see(here, message)
	b.screenshots("dpop")
	b.press("Ping API") // with another proof
	b.see(here, message)

	b.do("reload", chromedp.Reload())
	b.see(here, "this browser, by its key")
	b.press("Ping API")
	b.see(here, message)

	s.control(t, "dpop/nonce", "{}")
	b.do("reload", chromedp.Reload())
	b.see(here, "this browser, by its key")

	s.anotherAPI(t, append(publicURL, "--dpop", "required", "--dpop-nonce", "on")...) // which knows no proof, and no nonce
	b.press("Ping API")
	b.see(here, message)

	s.anotherAPI(t, "--public-url", "https://api.acme.test") // which does not know the page's address
	b.press("Ping API")
	b.see(here, "add it to API_PUBLIC_URLS")
	b.screenshots("dpop-url")
	s.anotherAPI(t, append(publicURL, "--dpop", "off")...)
	b.press("Ping API")
	b.see(here, "scheme is not Bearer")
}

// TestDPoPAfterLogout has another key after a logout.
func TestDPoPAfterLogout(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", "--types=false", "--dpop")
	s.anotherAPI(t, "--public-url", s.page)
	b := open(t, s)
	here := b.page + "/external-api"
	key := func() string {
		return ask[string](b, `[...document.querySelectorAll('dd')].map((one) => one.textContent).find((text) => text.startsWith('this browser')) ?? ''`)
	}
	b.signIn("/external-api", "ada@example.com")
	b.see(here, "this browser, by its key")
	first := key()
	b.click("#profileDropDown")
	b.click("#qsLogoutBtn")
	b.see(b.page+"/", "Log in to begin")
	b.visit(here)
	b.see(b.tenant+"/u/login", "Log in")
	b.pick("ada@example.com")
	b.see(here, "this browser, by its key")
	if second := key(); second == first || second == "" {
		t.Errorf("after a logout, the key is %q; before %q", second, first)
	}
	b.press("Ping API")
	b.see(here, message)
}
