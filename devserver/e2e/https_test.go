package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/authority"
	"calling-an-api.example/devserver/internal/localnet"
)

// certutil is why no browser trusts the authority, nil if they do. NSS's certutil is the only
// way without a browser's own pages.
var certutil error

// caFolder has the authority of all systems with https: a TENANT_STATE that a user keeps.
func caFolder() string { return filepath.Join(home, "state") }

// makeAuthority makes the authority, and has Chromium trust it when it starts.
func makeAuthority() error {
	var names authority.Names
	if addresses := localnet.Addresses(); len(addresses) > 0 {
		names.IPs = addresses[:1] // for TestExposed
	}
	if _, err := authority.Load(caFolder(), names); err != nil {
		return err
	}
	certutil = trust(filepath.Join(home, ".pki", "nssdb"))
	if os.Getenv("CI") == "true" {
		return certutil
	}
	return nil
}

// trust has the browser with the NSS database in folder trust the authority, as a user does it
// in its settings.
func trust(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"-N", "--empty-password"}, {"-A", "-t", "C,,", "-n", "devserver", "-i", filepath.Join(caFolder(), "ca.pem")},
	} {
		if out, err := exec.Command("certutil", append([]string{"-d", "sql:" + folder}, args...)...).CombinedOutput(); err != nil {
			return fmt.Errorf("certutil: %w\n%s", err, out)
		}
	}
	return nil
}

// newHTTPSSystem is newSystem with https, by the authority that the browsers trust.
func newHTTPSSystem(t *testing.T, flags ...string) *system {
	t.Helper()
	if certutil != nil {
		t.Skip("the browsers cannot be told to trust a certificate: ", certutil)
	}
	return newSystemWith(t, "", []string{"DEV_HTTPS=true", "TENANT_STATE=" + caFolder()}, append(flags, "--types=false")...)
}

// TestHTTPS logs in over TLS in both browsers, without a warning: silent authentication after a
// reload, a second tab, and a logout.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		s := newHTTPSSystem(t)
		w := open(s)
		here := s.page + "/external-api"
		logIn(w, s, "/external-api", "ada@example.com", true)
		w.press("Ping API")
		w.see(here, message)
		w.reload() // the session is found in a frame of the tenant
		w.see(here, "Ada Lovelace")
		w.press("Ping API")
		w.see(here, message)
		other := w.tab(here)
		other.see(here, "Ada Lovelace")
		w.click("#profileDropDown")
		w.click("#qsLogoutBtn")
		w.see(s.page+"/", "Log in to begin")
		other.see(here, "You logged out in another tab")
		logIn(w, s, "/external-api", "ada@example.com", false)

		plain := newSystem(t, "") // after https, and with the same cookies
		logIn(w, plain, "/external-api", "ada@example.com", true)
		w.press("Ping API")
		w.see(plain.page+"/external-api", message)
	})
}

// TestExposed logs in by an address of this machine, as a phone does: page and tenant have that
// one name, and the API accepts its tokens.
func TestExposed(t *testing.T) {
	t.Parallel()
	addresses := localnet.Addresses()
	if len(addresses) == 0 {
		t.Fatal("this machine has no address but loopback's")
	}
	inEachBrowser(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		if certutil != nil {
			t.Skip("the browsers cannot be told to trust a certificate: ", certutil)
		}
		s := newSystemWith(t, "", []string{"DEV_HOST=0.0.0.0", "DEV_HTTPS=true", "TENANT_STATE=" + caFolder()}, "--types=false")
		if want := "https://" + net.JoinHostPort(addresses[0].String(), ""); !strings.HasPrefix(s.page, want) || !strings.HasPrefix(s.tenant, want) {
			t.Fatalf("the page is at %s, and the tenant at %s, not at %s", s.page, s.tenant, want)
		}
		w := open(s)
		logIn(w, s, "/external-api", "ada@example.com", true)
		w.press("Ping API")
		w.see(s.page+"/external-api", message)
		w.visit(strings.Replace(s.page, addresses[0].String(), "localhost", 1) + "/profile") // leads to the one name
		w.see(s.page+"/profile", "ada@example.com")
	})
}

// TestHTTPSClient calls the tenant and the page with a client that trusts the authority's file
// alone.
func TestHTTPSClient(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := newSystemWith(t, "", []string{"DEV_HTTPS=true", "TENANT_STATE=" + folder}, "--types=false")
	client, err := authority.Client(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	for _, url := range []string{s.page + "/auth_config.json", s.tenant + "/.well-known/openid-configuration"} {
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d, %v", url, resp.StatusCode, err)
		}
	}
}

// stateFolder is the value of TENANT_STATE in environ.
func stateFolder(environ []string) string {
	for _, setting := range environ {
		if folder, ok := strings.CutPrefix(setting, "TENANT_STATE="); ok {
			return folder
		}
	}
	return ""
}
