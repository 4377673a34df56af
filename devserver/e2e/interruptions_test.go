package e2e

import (
	"fmt"
	"testing"
)

// TestBackAfterLogin goes back to the tenant's pages, which say that the login is complete.
func TestBackAfterLogin(t *testing.T) {
	t.Parallel()
	inAllBrowsers(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		s := newSystem(t, "")
		w := open(s)
		w.visit(s.page + "/")
		w.see(s.page+"/", "Log in to begin")
		w.press("Log in to begin")
		agree(w, s, "ada@example.com")
		w.see(s.page+"/external-api", "Ping API")
		back(w)
		w.await("a page of the tenant", fmt.Sprintf(`document.readyState === 'complete' && location.origin === %q`, s.tenant))
		if w.js(`document.body.innerText.includes('Authorize')`) == "true" {
			w.press("Accept") // WebKit shows the form as it was
		}
		w.see(s.tenant+"/u/consent", "You are logged in")
		w.press("Go to the app")
		w.see(s.page+"/", "Call the API")
	})
}

// TestInterruptedLogin loads the callback page again while the login is being completed: 'Try
// again' still leads to the page that the user wanted.
func TestInterruptedLogin(t *testing.T) {
	t.Parallel()
	inAllBrowsers(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		s := workspace(t)
		w := open(s)
		w.onEveryPage(`if (location.pathname === '/callback' && location.search && !sessionStorage.held) { // the first time
			sessionStorage.held = 'yes'
			const fetched = window.fetch
			window.fetch = (url, ...rest) => (String(url).endsWith('/oauth/token') ? new Promise(() => {}) : fetched(url, ...rest))
		}`)
		w.visit(s.page + "/profile?from=here#part")
		agree(w, s, "ada@example.com")
		w.see(s.page+"/callback", "Logging you in")
		w.await("the code is gone from the address", `location.search === ''`)
		w.reload()
		w.see(s.page+"/callback", "The login was interrupted")
		w.press("Try again")
		w.await("the wanted page", `location.pathname + location.search + location.hash === '/profile?from=here#part'`)
	})
}

// TestWithoutBroadcastChannel logs in and calls the API where tabs cannot tell each other anything.
func TestWithoutBroadcastChannel(t *testing.T) {
	t.Parallel()
	inAllBrowsers(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		s := workspace(t)
		w := open(s)
		w.onEveryPage(`delete window.BroadcastChannel`)
		logIn(w, s, "/external-api", "ada@example.com", true)
		w.await("it is missing", `!('BroadcastChannel' in window)`)
		w.press("Ping API")
		w.see(s.page+"/external-api", message)
	})
}

// TestNoStorage says so where the browser stores nothing for the page.
func TestNoStorage(t *testing.T) {
	t.Parallel()
	inAllBrowsers(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		s := workspace(t)
		w := open(s)
		w.onEveryPage(`Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }
			Object.defineProperty(document, 'cookie', {get: () => '', set: () => { throw new DOMException('blocked', 'SecurityError') }})`)
		w.visit(s.page + "/")
		w.see(s.page+"/", "Log in to begin")
		w.press("Log in to begin")
		w.see(s.page+"/", "does not let this page store anything")
	})
}
