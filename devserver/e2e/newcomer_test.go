package e2e

import (
	"fmt"
	"testing"
)

// TestNewcomer goes the way of somebody who opens the page for the first time, in three browsers:
// home, login, consent, a call with what was checked and a diagram, a token that is rejected, the
// profile, the inspector, and logout. axe finds nothing on any of the pages.
func TestNewcomer(t *testing.T) {
	t.Parallel()
	inAllBrowsers(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		s := newSystem(t, "")
		w := open(s)
		w.visit(s.page + "/")
		w.see(s.page+"/", "What is running")
		accessible(w, "home")
		w.press("Log in to begin")
		w.see(s.tenant+"/u/login", "Pick a test user")
		accessible(w, "login")
		w.click(`button[value="ada@example.com"]`)
		w.see(s.tenant+"/u/consent", "Authorize")
		accessible(w, "consent")
		w.press("Accept")
		here := s.page + "/external-api"
		w.see(here, "Your access token")
		w.press("Ping API")
		w.see(here, message)
		w.see(here, "Key and signature: passed")
		for _, step := range []string{"authorize", "code", "token", "tokens", "call", "forward", "answer"} {
			w.await("the step "+step, fmt.Sprintf(`document.querySelector("[data-step=%s].done") !== null`, step))
		}
		w.click(".tampering summary")
		w.await("the dev server's tokens", `[...document.querySelectorAll('.tampering button')].every((one) => !one.disabled)`)
		w.press("Use another API’s token")
		w.see(here, "Rejected, as it must be.")
		accessible(w, "External API")
		w.click("#profileDropDown")
		w.press("Profile")
		w.see(s.page+"/profile", "ada@example.com")
		w.await("both tokens", `document.querySelectorAll('.side-by-side .claims').length === 2`)
		accessible(w, "profile")
		w.visit(s.page + "/@dev/")
		w.await("the call", `[...document.querySelectorAll('#list a')].some((one) => one.innerText.includes('GET /api/external'))`)
		w.click("#list a")
		w.await("its checks", `document.querySelector('.checks .failed')?.innerText.includes('Audience')`)
		accessible(w, "inspector")
		w.visit(s.page + "/")
		w.see(s.page+"/", "Call the API")
		w.click("#profileDropDown")
		w.click("#qsLogoutBtn")
		w.see(s.page+"/", "Log in to begin")
	})
}

// accessible fails the test for each of axe-core's rules that the page breaks.
func accessible(w window, what string) {
	w.Helper()
	source, err := axe()
	if err != nil {
		w.Fatal(err)
	}
	found := w.js(`(async () => {
		if (typeof axe === 'undefined') (function () {` + source + `
}).call(window)
		const {violations} = await axe.run(document, {resultTypes: ['violations']})
		return violations.flatMap(({id, help, nodes}) => nodes.map((node) => id + ': ' + help + '\n' + node.html)).join('\n')
	})()`)
	if found != "" {
		w.Errorf("%s: %s", what, found)
	}
}
