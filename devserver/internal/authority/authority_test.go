package authority_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"calling-an-api.example/devserver/internal/authority"
)

var network = net.IPv4(192, 0, 2, 7)

func load(t *testing.T, folder string, names authority.Names) *authority.Authority {
	t.Helper()
	a, err := authority.Load(folder, names)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// verify returns the error of a client that trusts the authority alone.
func verify(t *testing.T, a *authority.Authority, names authority.Names, host string) error {
	t.Helper()
	cert, err := a.Issue(names)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: a.Pool(), DNSName: host})
	return err
}

func TestNames(t *testing.T) {
	t.Parallel()
	names := authority.Names{DNS: []string{"dev.test"}, IPs: []net.IP{network}}
	for name, tc := range map[string]struct {
		may, asked authority.Names
		host       string
		want       bool
	}{
		"localhost":                      {host: "localhost", want: true},
		"a name below localhost":         {asked: authority.Names{DNS: []string{"app.localhost"}}, host: "app.localhost", want: true},
		"IPv4":                           {host: "127.0.0.1", want: true},
		"IPv6":                           {host: "::1", want: true},
		"an allowed name":                {names, names, "dev.test", true},
		"an address of this machine":     {names, names, "192.0.2.7", true},
		"a name that it may not have":    {authority.Names{}, names, "dev.test", false},
		"an address that it may not use": {authority.Names{}, names, "192.0.2.7", false},
		"another name":                   {names, names, "example.com", false},
	} {
		if err := verify(t, load(t, "", tc.may), tc.asked, tc.host); (err == nil) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIsKept(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "state")
	first := load(t, folder, authority.Names{})
	again := load(t, folder, authority.Names{})
	if !first.IsNew() || again.IsNew() || !first.Pool().Equal(again.Pool()) {
		t.Error("the second is another one")
	}
	for file, wantKey := range map[string]bool{"ca.pem": false, "ca-key.pem": true} {
		name := filepath.Join(folder, file)
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]os.FileMode{true: 0o600, false: 0o644}[wantKey]; info.Mode().Perm() != want || strings.Contains(string(content), "PRIVATE") != wantKey {
			t.Errorf("%s has mode %v:\n%s", file, info.Mode(), content)
		}
	}
	if first.File() != filepath.Join(folder, "ca.pem") {
		t.Errorf("the file is %q", first.File())
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	wider := load(t, folder, authority.Names{IPs: []net.IP{network}})
	if !wider.IsNew() || wider.Pool().Equal(first.Pool()) {
		t.Error("one that may not issue for an address was kept")
	}
	if kept := load(t, folder, authority.Names{}); kept.IsNew() || !kept.Pool().Equal(wider.Pool()) {
		t.Error("one that may issue for more was not kept")
	}
	if err := verify(t, wider, authority.Names{IPs: []net.IP{network}}, network.String()); err != nil {
		t.Error(err)
	}
	other := authority.Names{DNS: []string{"dev.test"}}
	both := load(t, folder, other)
	if !both.IsOther() || wider.IsOther() != true || first.IsOther() {
		t.Error("it is not said that programs must trust another one")
	}
	if again := load(t, folder, authority.Names{IPs: []net.IP{network}}); again.IsNew() || !again.Pool().Equal(both.Pool()) {
		t.Error("back in the first network, there is another one")
	}
	if err := verify(t, both, other, "dev.test"); err != nil {
		t.Error(err)
	}
}

// TestModeOfKey loads an authority whose key others could read, because it was copied.
func TestModeOfKey(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes")
	}
	folder := t.TempDir()
	first, name := load(t, folder, authority.Names{}), filepath.Join(folder, "ca-key.pem")
	if err := os.Chmod(name, 0o644); err != nil {
		t.Fatal(err)
	}
	if again := load(t, folder, authority.Names{}); !again.Pool().Equal(first.Pool()) {
		t.Error("it is another one")
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
}

// TestRace has several processes make the authority at the same time: they use the same one.
func TestRace(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var all [8]*authority.Authority
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			var err error
			if all[i], err = authority.Load(folder, authority.Names{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, a := range all[1:] {
		if a == nil || !a.Pool().Equal(all[0].Pool()) {
			t.Fatal("two processes have two authorities")
		}
	}
}

// TestRaceForNames has processes make authorities for several names at the same time: each gets one
// that may issue certificates for its own.
func TestRaceForNames(t *testing.T) {
	t.Parallel()
	for range 10 {
		folder := t.TempDir()
		var wg sync.WaitGroup
		for i := range 4 {
			names := authority.Names{DNS: []string{fmt.Sprintf("app%d.test", i)}}
			wg.Go(func() {
				a, err := authority.Load(folder, names)
				if err != nil {
					t.Error(err)
				} else if err := verify(t, a, names, names.DNS[0]); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

func TestBrokenFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "ca-key.pem"), []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := authority.Load(folder, authority.Names{}); err == nil || !strings.Contains(err.Error(), "remove the file") || !strings.Contains(err.Error(), folder) {
		t.Errorf("got %v", err)
	}
}

// TestServe is a TLS connection with a client that trusts the authority's file.
func TestServe(t *testing.T) {
	t.Parallel()
	a := load(t, t.TempDir(), authority.Names{})
	config, err := a.ServerConfig(authority.Names{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.TLS = config
	srv.StartTLS()
	defer srv.Close()
	content, err := os.ReadFile(a.File())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		t.Fatal("the file has no certificate")
	}
	for i, name := range []string{"localhost", "127.0.0.1", "app.localhost", "app.localhost", "a.b.localhost", "example.com"} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12, ServerName: name}}}
		resp, err := client.Get(srv.URL)
		if (err == nil) != (name != "example.com") {
			t.Errorf("%d, %s: %v", i, name, err)
		}
		if err == nil {
			_ = resp.Body.Close() // nothing is read
		}
		client.CloseIdleConnections()
	}
	for n := range 200 { // as many names as somebody likes
		if _, err := config.GetCertificate(&tls.ClientHelloInfo{ServerName: fmt.Sprint(n, ".localhost")}); err != nil {
			t.Fatal(err)
		}
	}
}
