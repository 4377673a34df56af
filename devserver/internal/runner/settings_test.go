package runner

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestExampleNamesWhatIsRead compares .env.example with the known variables.
func TestExampleNamesWhatIsRead(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("../../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{"NO_COLOR": true} // not ours
	for _, m := range regexp.MustCompile(`(?m)^#([A-Z0-9_]+)=`).FindAllStringSubmatch(string(example), -1) {
		if shown[m[1]] = true; strings.HasPrefix(m[1], pagePrefix) {
			continue
		}
		if _, known := variables[m[1]]; !known {
			t.Errorf(".env.example shows %s, which nothing reads", m[1])
		}
	}
	for name := range variables {
		if !shown[name] {
			t.Errorf(".env.example does not show %s", name)
		}
	}
}

// TestOddSettings has .env tell what is probably a mistake.
func TestOddSettings(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		env  string
		want []string
	}{
		"nothing odd":           {"AUTH0_AUDIENCE=https://api.test\nVITE_GREETING=hello\n", nil},
		"typo":                  {"AUTH0_DOMAN=acme.eu.auth0.com\n", []string{".env sets AUTH0_DOMAN, which nothing reads; did you mean AUTH0_DOMAIN?"}},
		"unknown":               {"EDITOR=vi\n", []string{".env sets EDITOR, which nothing reads"}},
		"client without tenant": {"AUTH0_CLIENT_ID=abc\n", []string{"AUTH0_CLIENT_ID is set, but AUTH0_DOMAIN is not, so the local tenant is used, with that client ID; for a real tenant, set AUTH0_DOMAIN too"}},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(tc.env), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := load(dir, nil)
		if err != nil || !slices.Equal(s.warnings, tc.want) {
			t.Errorf("%s: %v, %q", name, err, s.warnings)
		}
	}
}

// TestSettingsOfTheAPI has what the runner tells the API that .env does not.
func TestSettingsOfTheAPI(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ env, domain, urls string }{
		"defaults":                 {"", "http://localhost:4400", "http://localhost:3001,http://localhost:4200"},
		"other addresses":          {"TENANT_ADDR=localhost:4500\nDEV_ADDR=localhost:4300\nAPI_ADDR=localhost:3002\n", "http://localhost:4500", "http://localhost:3002,http://localhost:4300"},
		"the local tenant, last":   {"AUTH0_DOMAIN=acme.auth0.com,http://127.0.0.1:4400\nAUTH0_CLIENT_ID=a\n", "acme.auth0.com,http://localhost:4400", "http://localhost:3001,http://localhost:4200"},
		"no local tenant":          {"AUTH0_DOMAIN=acme.auth0.com,id.acme.com/t\nAUTH0_CLIENT_ID=a\n", "acme.auth0.com,id.acme.com/t", "http://localhost:3001,http://localhost:4200"},
		"public URLs of one's own": {"API_PUBLIC_URLS=https://api.acme.dev\n", "http://localhost:4400", "https://api.acme.dev"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(tc.env), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := load(dir, nil)
		if err != nil || s.value("AUTH0_DOMAIN") != tc.domain || s.value("API_PUBLIC_URLS") != tc.urls {
			t.Errorf("%s: %v, AUTH0_DOMAIN=%s API_PUBLIC_URLS=%s", name, err, s.value("AUTH0_DOMAIN"), s.value("API_PUBLIC_URLS"))
		}
	}
}

// TestHTTPSSettings tells the API of the authority that the page's certificate is by.
func TestHTTPSSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := load(dir, []string{"DEV_HTTPS=true"})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, ".tenant", "ca.pem")
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	if s.value("AUTH0_DOMAIN") != "https://localhost:4400" || s.value("API_PUBLIC_URLS") != "http://localhost:3001,https://localhost:4200" ||
		s.value("API_CA_FILE") != file || s.ca != file {
		t.Errorf("got %q", s.env)
	}
	if s, err := load(dir, []string{"DEV_HTTPS=true", "API_CA_FILE=mine.pem", "AUTH0_DOMAIN=http://localhost:4400"}); err != nil || s.value("API_CA_FILE") != "mine.pem" || s.value("AUTH0_DOMAIN") != "https://localhost:4400" {
		t.Errorf("with one's own authorities: %v, %q", err, s.env)
	}
	if _, err := load(dir, []string{"DEV_HTTPS=true", "TENANT_STATE="}); err == nil || !strings.Contains(err.Error(), "TENANT_STATE") {
		t.Errorf("without a folder: %v", err)
	}
}

// TestSpansOfTheAPI sends them to the dev server, unless the user's variables send them elsewhere.
func TestSpansOfTheAPI(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ env, endpoint, certificate string }{
		"defaults":      {"", "http://localhost:4200/@dev/otlp", ""},
		"https":         {"DEV_HTTPS=true\nDEV_ADDR=localhost:4300\n", "https://localhost:4300/@dev/otlp", ".tenant/ca.pem"},
		"no inspector":  {"DEV_INSPECT=false\n", "", ""},
		"a collector":   {"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318\n", "http://localhost:4318", ""},
		"no OTel":       {"OTEL_SDK_DISABLED=true\n", "", ""},
		"another value": {"OTEL_TRACES_SAMPLER=always_off\n", "", ""},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(tc.env), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := load(dir, nil)
		if err != nil || s.value("OTEL_EXPORTER_OTLP_ENDPOINT") != tc.endpoint || len(s.warnings) > 0 ||
			!strings.HasSuffix(s.value("OTEL_EXPORTER_OTLP_CERTIFICATE"), tc.certificate) || (s.value("OTEL_EXPORTER_OTLP_CERTIFICATE") == "") != (tc.certificate == "") {
			t.Errorf("%s: %v, %q, %q", name, err, s.env, s.warnings)
		}
	}
}

// TestPageVariables restarts the dev server alone for a variable of the page.
func TestPageVariables(t *testing.T) {
	t.Parallel()
	before, after := &settings{env: []string{"VITE_A=1"}}, &settings{env: []string{"VITE_A=2"}}
	if got := after.affected(before, Names); !slices.Equal(got, []string{"devserver"}) {
		t.Errorf("restarts %q", got)
	}
}
