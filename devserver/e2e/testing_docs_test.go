package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// example returns the code block in docs/testing.md in a language that contains text.
func example(t *testing.T, language, text string) string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(repo, "docs", "testing.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(doc), -1) {
		if strings.Contains(block[1], text) {
			return block[1]
		}
	}
	t.Fatalf("docs/testing.md has no %s with %q", language, text)
	return ""
}

// TestPlaywrightExample runs the document's Playwright test, ten times, five at once.
func TestPlaywrightExample(t *testing.T) {
	t.Parallel()
	chromium := chromiumPath(t)
	s := newSystem(t, "")
	dir := t.TempDir()
	write(t, dir, "login.spec.mjs", s.localized(example(t, "js", "@playwright/test")))
	write(t, dir, "playwright.config.mjs", `export default {
  workers: 5, fullyParallel: true, repeatEach: 10, reporter: 'line', timeout: 60_000,
  use: { launchOptions: { executablePath: '`+chromium+`', args: ['--no-sandbox'] } },
}
`)
	modules := filepath.Join(repo, "devserver", "e2e", "clients", "node_modules")
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join(modules, "@playwright", "test", "cli.js"), "test")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "10 passed") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestCypressExample runs the document's Cypress test, as far as that is possible without its program.
func TestCypressExample(t *testing.T) {
	t.Parallel()
	chromium := chromiumPath(t)
	s := newSystem(t, "")
	dir := t.TempDir()
	write(t, dir, "login.cy.js", s.localized(example(t, "js", "cy.visit")))
	cmd := exec.CommandContext(t.Context(), "node", "node/cypress.mjs", filepath.Join(dir, "login.cy.js"), chromium)
	cmd.Dir = filepath.Join(repo, "devserver", "e2e", "clients")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "passed: a user with the permission") {
		t.Errorf("%v\n%s", err, out)
	}
}

// chromiumPath returns where Chromium is.
func chromiumPath(t *testing.T) string {
	t.Helper()
	if browser == nil {
		t.Skip("no browser; TestMain says so, and fails where CI is true")
	}
	for _, name := range []string{"chromium", "google-chrome"} {
		if file, err := exec.LookPath(name); err == nil {
			return file
		}
	}
	t.Skip("Playwright is not told where the browser is")
	return ""
}

// localized returns an example with the addresses of s.
func (s *system) localized(code string) string {
	return strings.NewReplacer("http://localhost:4400", s.tenant, "http://localhost:4200", s.page).Replace(code)
}

// TestGoExample runs the document's Go test in a module of its own.
func TestGoExample(t *testing.T) {
	t.Parallel()
	testModule(t, example(t, "go", "tenanttest.Start"))
}
