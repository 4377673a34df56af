package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/prover"
)

// deployment is what docs/deploy/compose.yaml describes, on ports of this machine: two processes
// of the API, a replay store, and nginx with docs/deploy/nginx.conf and the page.
type deployment struct {
	*system           // whose tenant is the issuer
	origin  string    // of nginx
	apis    [2]string // ports
	store   string    // port
	running [2]*exec.Cmd
}

func newDeployment(t *testing.T) *deployment {
	t.Helper()
	for _, program := range []string{"nginx", "redis-server"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal("CI must have it: ", err)
			}
			t.Skip(err)
		}
	}
	ports := freePorts(t, 4)
	d := &deployment{origin: "http://localhost:" + ports[0], apis: [2]string{ports[1], ports[2]}, store: ports[3]}
	config, err := os.ReadFile(filepath.Join(repo, "devserver", "tenant", "testdata", "tenant.jsonc"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, "tenant.jsonc", strings.ReplaceAll(string(config), "$PAGE", d.origin))
	d.system = newSystemWith(t, "", []string{"TENANT_CONFIG=" + filepath.Join(dir, "tenant.jsonc")}, "--types=false")

	_, out := start(t, dir, "redis-server", nil, "--port", d.store, "--bind", "127.0.0.1", "--save", "")
	out.Await(t, "Ready to accept connections")
	for i := range d.apis {
		d.run(t, i)
	}
	d.servePage(t, dir, ports[0])
	return d
}

// run starts a process of the API, and waits until it is ready.
func (d *deployment) run(t *testing.T, i int) {
	t.Helper()
	cmd, out := start(t, d.dir, filepath.Join(bin, "api"), []string{
		"API_ADDR=127.0.0.1:" + d.apis[i], "AUTH0_DOMAIN=" + d.tenant, "API_PUBLIC_URLS=" + d.origin, "API_REPLAY_STORE=valkey://127.0.0.1:" + d.store,
		"API_REPLAY_STORE_WAIT=5s", // because the machine is busy
	}, "--drain", "1s", "--log-level", "warn")
	d.running[i] = cmd
	for {
		resp, err := http.Get("http://127.0.0.1:" + d.apis[i] + "/readyz")
		if err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond): // a load balancer asks again and again too
		case <-t.Context().Done():
			t.Fatalf("never ready:\n%s", out)
		}
	}
}

// servePage builds the page, and starts nginx.
func (d *deployment) servePage(t *testing.T, dir, port string) {
	t.Helper()
	dist := filepath.Join(dir, "page")
	build := exec.Command(filepath.Join(bin, "devserver"), "--frontend", filepath.Join(repo, "frontend"), "--build", dist)
	build.Dir = dir
	build.Env = append(machine(), "AUTH0_DOMAIN="+d.tenant, "AUTH0_CLIENT_ID=local-spa", "AUTH0_DPOP=true")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	conf, err := os.ReadFile(filepath.Join(repo, "docs", "deploy", "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(
		"/srv/frontend/dist", dist, "/tmp/", dir+"/", "access_log /dev/stdout", "access_log off", "listen 8080", "listen 127.0.0.1:"+port,
		"api-1:8080", "127.0.0.1:"+d.apis[0], "api-2:8080", "127.0.0.1:"+d.apis[1],
	).Replace(string(conf))
	if os.Getuid() == 0 { // its workers would be another user, who may not read the test's files
		text = "user root;\n" + text
	}
	write(t, dir, "nginx.conf", text)
	_, out := start(t, dir, "nginx", nil, "-c", filepath.Join(dir, "nginx.conf"), "-p", dir, "-g", "daemon off;")
	for {
		resp, err := http.Get(d.origin + "/")
		if err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond): // it says nothing when it is ready
		case <-t.Context().Done():
			t.Fatalf("nginx does not start:\n%s", out)
		}
	}
}

// TestDeployment logs in and calls the API on the page that nginx serves, with DPoP, and looks at
// what nginx lets through.
func TestDeployment(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	b := openUnwatched(t, d.system) // a browser reports the 401 with the first nonce as an error
	b.visit(d.origin + "/profile")
	b.agreeAs("ada@example.com")
	b.see(d.origin+"/profile", "ada@example.com")
	b.press("External API")
	b.see(d.origin+"/external-api", "this browser, by its key")
	for range 4 { // both processes
		b.press("Ping API")
		b.see(d.origin+"/external-api", message)
		b.await("the end of the call", `document.querySelector('.calls [aria-busy=true]') === null`)
	}
	b.screenshots("deployed")

	for path, want := range map[string]int{
		"/metrics": 404, "/readyz": 404, "/healthz": 404, "/.devserver-build": 404, "/none": 200, "/auth_config.json": 200, "/assets/none.js": 404, "/api/external": 401, "/api/none": 404, "/.well-known/oauth-protected-resource": 200,
	} {
		status, header, body := get(t, d.origin+path)
		if status != want {
			t.Errorf("%s: %d", path, status)
		}
		if isPage := strings.Contains(header.Get("Content-Type"), "text/html"); isPage != (path == "/none") && want != 404 {
			t.Errorf("%s is the page: %t\n%s", path, isPage, body)
		}
	}
	_, header, _ := get(t, d.origin+"/")
	if header.Get("Content-Security-Policy") != "frame-ancestors 'none'" || header.Get("Cache-Control") != "no-cache" {
		t.Errorf("the page's header: %v", header)
	}
}

// TestRollingDeployment replaces both processes, one after the other, under load through nginx:
// bearer tokens, and DPoP proofs that are all new. No request is lost, and none is sent by the
// client twice, except for a nonce.
func TestRollingDeployment(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	bearer := d.control(t, "token", `{"user": "ada@example.com"}`)
	key, err := prover.New()
	if err != nil {
		t.Fatal(err)
	}
	thumbprint, err := key.Thumbprint()
	if err != nil {
		t.Fatal(err)
	}
	bound := d.control(t, "token", fmt.Sprintf(`{"user": "ada@example.com", "jkt": %q}`, thumbprint))

	ctx, stop := context.WithCancel(t.Context())
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	ask := func(set func(http.Header)) (status int, nonce string, err error) {
		req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, d.origin+"/api/external", nil)
		if err != nil {
			return 0, "", err
		}
		set(req.Header)
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return 0, "", err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, resp.Header.Get("DPoP-Nonce"), errors.Join(err, resp.Body.Close())
	}
	var bearers, proofs, challenges atomic.Int64
	var clients sync.WaitGroup
	for range 3 {
		clients.Go(func() {
			for ctx.Err() == nil {
				status, _, err := ask(func(h http.Header) { h.Set("Authorization", "Bearer "+bearer) })
				if err != nil || status != http.StatusOK {
					t.Errorf("a bearer token: %d, %v", status, err)
				}
				bearers.Add(1)
			}
		})
		clients.Go(func() {
			for nonce := ""; ctx.Err() == nil; {
				proof, err := key.Proof(http.MethodGet, d.origin+"/api/external", bound, nonce)
				if err != nil {
					t.Error(err)
					return
				}
				status, next, err := ask(func(h http.Header) {
					h.Set("Authorization", "DPoP "+bound)
					h.Set("DPoP", proof)
				})
				switch {
				case status == http.StatusUnauthorized && next != "" && next != nonce:
					nonce = next
					challenges.Add(1)
				case err != nil || status != http.StatusOK:
					t.Errorf("a proof: %d, %v", status, err)
				}
				proofs.Add(1)
			}
		})
	}
	for i, cmd := range d.running {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if _, err := cmd.Process.Wait(); err != nil {
			t.Error(err)
		}
		d.run(t, i)
	}
	stop()
	clients.Wait()
	t.Logf("%d bearer tokens, %d proofs, %d challenges", bearers.Load(), proofs.Load(), challenges.Load())
	if bearers.Load() < 100 || proofs.Load() < 50 || challenges.Load() > 12 {
		t.Error("too few requests, or too many challenges")
	}
}
