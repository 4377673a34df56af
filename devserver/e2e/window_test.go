package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// window is a page in one of the browsers, for tests that run in each of them.
type window interface {
	testing.TB
	visit(url string)
	reload()
	see(url, text string)          // waits until the page at url, a query apart, shows text
	await(what, expression string) // waits until the JavaScript expression is true
	js(promise string) string      // what the JavaScript promise becomes
	click(selector string)         // clicks the visible element
	press(text string)             // clicks the button or link that reads text
	onEveryPage(source string)     // runs the JavaScript on each page before its own
	tab(url string) window         // a second tab with the same cookies
}

// inEachBrowser runs a test in Chromium and in Firefox.
func inEachBrowser(t *testing.T, test func(t *testing.T, open func(s *system) window)) {
	t.Helper()
	t.Run("Chromium", func(t *testing.T) {
		t.Parallel()
		test(t, func(s *system) window { return open(t, s) })
	})
	t.Run("Firefox", func(t *testing.T) {
		t.Parallel()
		test(t, func(s *system) window { return openFirefox(t, s) })
	})
}

// inAllBrowsers is inEachBrowser, and in WebKit too.
func inAllBrowsers(t *testing.T, test func(t *testing.T, open func(s *system) window)) {
	t.Helper()
	inEachBrowser(t, test)
	t.Run("WebKit", func(t *testing.T) {
		t.Parallel()
		test(t, func(s *system) window { return openWebKit(t, s) })
	})
}

// screenshots is tab.screenshots where the window is one of Chromium.
func screenshots(w window, name string) {
	w.Helper()
	if b, ok := w.(*tab); ok {
		b.screenshots(name)
	}
}

// back does what the browser's button does.
func back(w window) {
	w.Helper()
	w.js(`setTimeout(() => history.back())`)
}

// seen is the JavaScript expression for see. A click before a page's styles are there could
// miss what moves when they come.
func seen(url, text string) string {
	return fmt.Sprintf(`document.readyState === 'complete' && location.href.split('?')[0] === %q && document.body?.innerText.includes(%q)`, url, text)
}

// logIn opens a guarded page of s and goes through login, and consent if it is asked, back to
// it.
func logIn(w window, s *system, path, email string, consent bool) {
	w.Helper()
	w.visit(s.page + path)
	if consent {
		agree(w, s, email)
	} else {
		pick(w, s, email)
	}
	w.await("back at "+path, fmt.Sprintf("document.readyState === 'complete' && location.href === %q", s.page+path))
}

// pick picks a user on the login page.
func pick(w window, s *system, email string) {
	w.Helper()
	w.see(s.tenant+"/u/login", "Log in")
	w.click(fmt.Sprintf("button[value=%q]", email))
}

// agree picks a user, and agrees on the consent page.
func agree(w window, s *system, email string) {
	w.Helper()
	pick(w, s, email)
	w.see(s.tenant+"/u/consent", "Authorize")
	w.press("Accept")
}

func (b *tab) reload() {
	b.Helper()
	b.do("reload", chromedp.Reload())
}

func (b *tab) tab(url string) window {
	b.Helper()
	return b.another(url)
}
