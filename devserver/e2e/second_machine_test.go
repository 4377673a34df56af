//go:build linux

package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// secondMachine is the variable with which this test binary runs as the client on the other
// machine: the page's origin, and the folder of the authority.
const secondMachine = "E2E_SECOND_MACHINE"

// TestSecondMachine logs in from another machine, which is a network namespace: page, tenant and
// API work there by this machine's address, and the controls do not.
func TestSecondMachine(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can make a network namespace")
	}
	name := fmt.Sprintf("e2e%d", os.Getpid())
	here, there := "10.197.83.1", "10.197.83.2"
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "delete", name).Run() }) // and its interfaces
	for _, command := range []string{
		"netns add " + name,
		"link add " + name + "a type veth peer name " + name + "b netns " + name,
		"address add " + here + "/30 dev " + name + "a",
		"link set " + name + "a up",
		"-n " + name + " address add " + there + "/30 dev " + name + "b",
		"-n " + name + " link set " + name + "b up",
	} {
		if out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", command, err, out)
		}
	}
	state := t.TempDir()
	s := newSystemWith(t, "", []string{"DEV_HOST=" + here, "DEV_HTTPS=true", "TENANT_STATE=" + state}, "--types=false")
	if !strings.HasPrefix(s.page, "https://"+here) || !strings.HasPrefix(s.tenant, "https://"+here) {
		t.Fatalf("the page is at %s, and the tenant at %s", s.page, s.tenant)
	}
	client := exec.CommandContext(t.Context(), "ip", "netns", "exec", name, os.Args[0], "-test.run=^TestClientOnSecondMachine$", "-test.v")
	client.Env = append(os.Environ(), secondMachine+"="+s.page+" "+state)
	out, err := client.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PASS: TestClientOnSecondMachine") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestClientOnSecondMachine is the other machine's part of TestSecondMachine.
func TestClientOnSecondMachine(t *testing.T) { //nolint:paralleltest // it is alone
	page, state, _ := strings.Cut(os.Getenv(secondMachine), " ")
	if page == "" {
		t.Skip("it is a part of TestSecondMachine")
	}
	b := newWebBrowser(t, state)
	var config struct{ Domain, ClientID, Audience string }
	if err := json.Unmarshal([]byte(b.get(page+"/auth_config.json")), &config); err != nil {
		t.Fatal(err)
	}
	const verifier = "a-code-verifier-of-at-least-forty-three-characters"
	digest := sha256.Sum256([]byte(verifier))
	login := b.get(config.Domain + "/authorize?" + url.Values{
		"client_id": {config.ClientID}, "audience": {config.Audience}, "redirect_uri": {page + "/callback"}, "response_type": {"code"}, "scope": {"openid"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(digest[:])}, "code_challenge_method": {"S256"},
	}.Encode())
	field := func(page, name string) string {
		t.Helper()
		m := regexp.MustCompile(`name="` + name + `" value="([^"]+)"`).FindStringSubmatch(page)
		if m == nil {
			t.Fatalf("no %s in %s", name, page)
		}
		return m[1]
	}
	consent := b.post(config.Domain+"/u/login", url.Values{"state": {field(login, "state")}, "pick": {"ada@example.com"}}, "")
	var code string
	b.client.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
		code = req.URL.Query().Get("code")
		return nil
	}
	b.post(config.Domain+"/u/consent", url.Values{"state": {field(consent, "state")}, "session": {field(consent, "session")}, "action": {"accept"}}, "")
	var tokens struct {
		Access string `json:"access_token"`
	}
	answer := b.post(config.Domain+"/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {config.ClientID}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {page + "/callback"},
	}, "")
	if err := json.Unmarshal([]byte(answer), &tokens); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{page + "/api/external": message, config.Domain + "/_tenant/reset": "Only programs on the tenant's machine"} {
		method := map[bool]string{true: http.MethodPost, false: http.MethodGet}[strings.Contains(target, "_tenant")]
		req, err := http.NewRequestWithContext(t.Context(), method, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+tokens.Access)
		resp, err := b.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s, %v", target, resp.StatusCode, body, err)
		}
	}
}
