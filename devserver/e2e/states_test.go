package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	browserdomain "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tenantConfig writes the tenant's default configuration, with changes, and returns
// the flags that have a dev server use it.
func tenantConfig(t *testing.T, changes ...string) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repo, "devserver", "tenant", "testdata", "tenant.jsonc"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			t.Fatalf("the default does not hold %q", changes[i])
		}
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	file := filepath.Join(t.TempDir(), "tenant.jsonc")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--types=false", "--tenant-config", file}
}

// TestLogoutInAnotherTab has two tabs of one user.
func TestLogoutInAnotherTab(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	b.signIn("/profile", "ada@example.com")
	other := b.another(b.page + "/external-api")
	other.see(b.page+"/external-api", "Ping API")
	other.click("#profileDropDown")
	other.click("#qsLogoutBtn")
	other.see(b.page+"/", "Log in to begin")
	b.see(b.page+"/profile", "You logged out in another tab")
	b.absent("#profileDropDown")
	b.screenshots("logged-out-elsewhere")

	other.click("#qsLoginBtn")
	other.agreeAs("charles@example.com")
	other.see(b.page+"/", "Call the API")
	b.see(b.page+"/profile", "charles@example.com") // of the session that there is now
}

// TestSessionExpires ends the session at the tenant. The page notices when its token
// ends.
func TestSessionExpires(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, "", tenantConfig(t, `7200`, `4`)...))
	b.signIn("/profile", "ada@example.com")
	b.control(t, "sessions/expire", "")
	b.see(b.page+"/profile", "Your session has expired")
	b.see(b.page+"/profile", "login_required")
	b.screenshots("session-over")
	b.press("Log in again")
	b.see(b.tenant+"/u/login", "Pick a test user")
	b.pick("ada@example.com")
	b.see(b.page+"/profile", "ada@example.com")
}

// TestTokenInspector looks at the token, and takes it to a terminal.
func TestTokenInspector(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	here := b.page + "/external-api"
	b.signIn("/external-api", "ada@example.com")
	b.see(here, "Your access token")
	for term, words := range map[string]string{
		"Issued by": b.tenant + "/", "Audience": "http://localhost:3001 and " + b.tenant + "/userinfo", "User": "auth0|ada",
		"Scopes": "openid, profile, email", "Permissions": "read:messages",
	} {
		got := ask[string](b, fmt.Sprintf(`[...document.querySelectorAll('.inspector dt')].find((one) => one.textContent === %q).nextElementSibling.textContent`, term))
		if got != words {
			t.Errorf("%s: %q, want %q", term, got, words)
		}
	}
	b.await("the countdown", `/^in 1 h 5\d min$/.test(document.querySelector('.countdown').textContent)`)
	b.click(".inspector > details > summary")
	b.see(here, "how it is signed")
	b.screenshots("token")

	for _, permission := range []string{"clipboard-read", "clipboard-write"} {
		if _, err := chromedp.CallBrowser(b.ctx, browserdomain.SetPermission, browserdomain.SetPermissionParams{
			Permission: &browserdomain.PermissionDescriptor{Name: permission}, Setting: browserdomain.PermissionSettingGranted,
			Origin: b.page, BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
		}); err != nil {
			t.Fatal(err)
		}
	}
	b.press("Copy as curl")
	b.see(here, "Copied.")
	command := b.js(`navigator.clipboard.readText()`)
	m := regexp.MustCompile(`^curl -H "Authorization: (Bearer [\w.-]+)" "(http://[^"]+)"$`).FindStringSubmatch(command)
	if m == nil || !strings.HasPrefix(m[2], b.api+"/") {
		t.Fatalf("copied: %s", command)
	}
	if status, _, body := get(t, m[2], "Authorization: "+m[1]); status != http.StatusOK || !strings.Contains(body, message) {
		t.Errorf("the command gets %d %s", status, body)
	}
	if html := ask[string](b, `document.documentElement.outerHTML + location.href`); strings.Contains(html, strings.Fields(m[1])[1]) {
		t.Error("the token is in the page")
	}
}

// TestNoFlash records what a page shows while it loads: never the state that it is
// not in.
func TestNoFlash(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	b.signIn("/profile", "ada@example.com")
	b.onEveryPage(`window.steps = []; new MutationObserver(() => {
		steps.push(document.querySelector('#qsLoginBtn') !== null || document.body?.innerText.includes('Log in to begin') === true)
	}).observe(document, {childList: true, subtree: true})`)
	for _, path := range []string{"/", "/profile", "/external-api/"} {
		b.visit(b.page + path)
		b.see(b.page+strings.TrimSuffix(path, "/")+map[bool]string{true: "/"}[path == "/"], "Ada Lovelace")
		if steps := ask[[]bool](b, `steps`); len(steps) < 2 || slices.Contains(steps, true) {
			t.Errorf("%s asked to log in on its way: %v", path, steps)
		}
	}
}

// TestByKeyboard goes the whole way with Tab and Enter alone.
func TestByKeyboard(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	b.visit(b.page)
	b.see(b.page+"/", "Log in to begin")
	b.tabTo("Log in to begin")
	b.see(b.tenant+"/u/login", "Pick a test user")
	b.tabTo("Ada Lovelace")
	b.see(b.tenant+"/u/consent", "Authorize")
	b.tabTo("Accept")
	b.see(b.page+"/external-api", "Ping API")
	b.tabTo("Ping API")
	b.see(b.page+"/external-api", message)
	b.tabTo("Ada Lovelace")
	b.tabTo("Profile")
	b.see(b.page+"/profile", `"email": "ada@example.com"`)
}

// tabTo presses Tab until what begins with text has the focus, and shows it, and then
// Enter.
func (b *tab) tabTo(text string) {
	b.Helper()
	for range 30 {
		b.do("press Tab", chromedp.KeyEvent(kb.Tab))
		if ask[bool](b, fmt.Sprintf(`document.activeElement !== document.body && document.activeElement.innerText.trim().startsWith(%q)`, text)) {
			if outline := ask[string](b, `getComputedStyle(document.activeElement).outlineStyle`); outline == "none" {
				b.Errorf("the focus on %s is not to be seen", text)
			}
			b.do("press Enter", chromedp.KeyEvent(kb.Enter))
			return
		}
	}
	b.Fatalf("Tab does not lead to %s\n%s", text, b.describe())
}

// TestReducedMotion holds the styles to it: nothing moves.
func TestReducedMotion(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"frontend/styles.css", "devserver/tenant/pages/style.css"} {
		styles, err := os.ReadFile(filepath.Join(repo, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(transition|animation|scroll-behavior):([^;]*);`).FindAllString(string(styles), -1) {
			if !strings.Contains(m, " 0s ") {
				t.Errorf("%s moves: %s", file, m)
			}
		}
	}
}

// TestChosenColors has a user choose colors of their own, and more contrast: what only a color
// says is still there.
func TestChosenColors(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	b.signIn("/external-api", "ada@example.com")
	b.press("Ping API")
	b.see(b.page+"/external-api", message)
	b.await("the diagram", `document.querySelector('[data-step=forward].done') !== null`)
	muted := func() bool {
		return ask[bool](b, `getComputedStyle(document.querySelector('.lead')).color !== getComputedStyle(document.querySelector('h1')).color`)
	}
	if !muted() {
		t.Error("nothing is muted, so there is nothing to see here")
	}
	b.prefer("prefers-contrast", "more")
	if muted() {
		t.Error("with more contrast, text is muted")
	}
	b.accessible("more contrast")
	b.save("more-contrast")

	b.prefer("forced-colors", "active")
	if !ask[bool](b, `matchMedia('(forced-colors: active)').matches`) {
		t.Fatal("the browser forces no colors")
	}
	system := ask[string](b, `(() => { const one = document.createElement('i'); one.style.color = 'CanvasText'; document.body.append(one); const it = getComputedStyle(one).color; one.remove(); return it })()`)
	for what, got := range map[string]string{
		"the arrow of a step": ask[string](b, `getComputedStyle(document.querySelector('[data-step=call] summary'), '::before').borderLeftColor`),
		"the main button":     ask[string](b, `getComputedStyle(document.querySelector('.primary')).borderTopWidth`),
	} {
		if got != system && got != "2px" {
			t.Errorf("%s: %s", what, got)
		}
	}
	b.save("forced-colors")
}

// TestPolicy does what an injected script would.
func TestPolicy(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "")
	_, header, _ := get(t, s.page+"/profile", "Accept: text/html")
	policy := header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-src 'self' " + s.tenant, "base-uri 'self'", "frame-ancestors 'self'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy has no %s: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %s", policy)
	}
	b := open(t, s)
	b.visit(b.page)
	b.see(b.page+"/", "Log in to begin")
	refused := b.list(`new Promise((resolve) => {
		const refused = []
		addEventListener('securitypolicyviolation', (event) => {
			event.stopImmediatePropagation()
			refused.push(event.effectiveDirective)
			if (refused.length === 3) resolve(refused)
		}, true)
		const add = (name, content) => { const made = document.createElement(name); made.textContent = content; document.body.append(made) }
		add('script', 'window.injected = true')
		add('style', 'body { display: none }')
		fetch('https://evil.test/').catch(() => undefined)
	})`)
	if ask[bool](b, `'injected' in window`) || len(refused) != 3 {
		t.Errorf("refused: %v", refused)
	}
}
