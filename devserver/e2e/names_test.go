package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestLongNames logs in where every name has 150 letters and no space: no page scrolls sideways
// on a phone.
func TestLongNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("Nebukadnezar", 13)[:150]
	dir := t.TempDir()
	write(t, dir, "tenant.jsonc", fmt.Sprintf(`{
		"users": [{"user_id": "auth0|%[1]s", "email": "%[1]s@example.com", "password": "x", "given_name": "%[1]s", "nickname": "%[1]s",
			"permissions": ["read:%[1]s"]}],
		"clients": [{"client_id": "$CLIENT_ID", "name": "%[1]s", "callbacks": ["$PAGE/callback"], "web_origins": ["$PAGE"], "grant_types": ["authorization_code"]}],
		"apis": [{"audience": "$AUDIENCE", "name": "%[1]s", "scopes": {"read:messages": "%[1]s", "read:%[1]s": "%[1]s"}, "token_lifetime": 60}],
	}`, long))
	b := open(t, newSystemWith(t, "", []string{"TENANT_CONFIG=" + filepath.Join(dir, "tenant.jsonc")}, "--types=false"))
	b.do("set the screen", chromedp.EmulateViewport(390, 800))
	fits := func(what string) {
		t.Helper()
		if width := ask[int](b, `document.documentElement.scrollWidth`); width > 390 {
			t.Errorf("%s is %d px wide", what, width)
		}
	}
	b.visit(b.page + "/profile")
	b.see(b.tenant+"/u/login", "Pick a test user")
	fits("the login page")
	b.pick(long + "@example.com")
	b.see(b.tenant+"/u/consent", "Authorize")
	fits("the consent page")
	b.click("button[value=accept]")
	b.see(b.page+"/profile", long)
	fits("the profile page")
	b.screenshots("long-name")
	b.do("set the screen again", chromedp.EmulateViewport(390, 800))
	b.visit(b.page + "/")
	b.see(b.page+"/", "Call the API")
	fits("the home page")
	b.visit(b.tenant + "/")
	b.see(b.tenant+"/", long)
	fits("the dashboard")
}
