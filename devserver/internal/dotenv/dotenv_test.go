package dotenv_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/dotenv"
)

func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLoad(t *testing.T) {
	t.Parallel()
	file := write(t, "# a comment\nAUTH0_DOMAIN=acme.eu.auth0.com\n\nexport API_ADDR=\"localhost:1\" # another\nEMPTY=\n")
	env, names, err := dotenv.Load(file, []string{"API_ADDR=localhost:2", "LANG=C"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"API_ADDR", "AUTH0_DOMAIN", "EMPTY"}; !slices.Equal(names, want) {
		t.Errorf("names %v, want %v", names, want)
	}
	for name, want := range map[string]string{
		"AUTH0_DOMAIN": "acme.eu.auth0.com", "API_ADDR": "localhost:2", "LANG": "C", "EMPTY": "",
	} {
		if got, ok := dotenv.Lookup(env)(name); !ok || got != want {
			t.Errorf("%s is %q, %t; want %q", name, got, ok, want)
		}
	}
	if _, ok := dotenv.Lookup(env)("NONE"); ok {
		t.Error("a name that is not set is found")
	}
}

func TestNoFile(t *testing.T) {
	t.Parallel()
	env, names, err := dotenv.Load(filepath.Join(t.TempDir(), ".env"), []string{"A=1"})
	if err != nil || len(names) != 0 || !slices.Equal(env, []string{"A=1"}) {
		t.Errorf("got %v, %v, %v", env, names, err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ content, line string }{
		"no equals sign":  {"A=1\nhidden\nB=2\n", ":2:"},
		"first line":      {"hidden", ":1:"},
		"bad name":        {"A=1\n\nhid den=3\n", ":3:"},
		"quote left open": {"A=1\nB=\"hidden\nC=3\n", ":2:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := dotenv.Load(write(t, tc.content), nil)
			if err == nil || !strings.Contains(err.Error(), ".env"+tc.line) {
				t.Fatalf("got %v, want line %s", err, tc.line)
			}
			if strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "hid den") {
				t.Errorf("the content is in the message: %v", err)
			}
		})
	}
}
