package e2e

import (
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// documents returns every Markdown file of the repository, by its path there.
func documents(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(repo), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".")):
			return filepath.SkipDir
		case filepath.Ext(path) == ".md":
			content, err := os.ReadFile(filepath.Join(repo, path))
			found[path] = string(content)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fence    = regexp.MustCompile("(?ms)^```.*?^```$")
	inTicks  = regexp.MustCompile("`([^`\n]+)`")
	notWords = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors returns the names that a document's headings have as link targets, as
// GitHub makes them.
func anchors(document string) (names []string) {
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(document, ""), -1) {
		names = append(names, strings.ReplaceAll(notWords.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return names
}

// TestLinks follows each link that leads to a file, and looks for each file and
// folder that a document names.
func TestLinks(t *testing.T) {
	t.Parallel()
	all := documents(t)
	followed := 0
	for file, text := range all {
		text = fence.ReplaceAllString(text, "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			followed++
			path, anchor, _ := strings.Cut(m[1], "#")
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(filepath.Join(repo, target)); err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
			} else if anchor != "" && !slices.Contains(anchors(all[target]), anchor) {
				t.Errorf("%s links to %s, which has no such heading", file, m[1])
			}
		}
		for _, m := range inTicks.FindAllStringSubmatch(text, -1) {
			top, _, nested := strings.Cut(m[1], "/")
			if !nested || !slices.Contains([]string{"api", "devserver", "frontend", "docs"}, top) || strings.ContainsAny(m[1], " *…<") {
				continue
			}
			made := []string{"frontend/dist", "devserver/e2e/screenshots"}
			if _, err := os.Stat(filepath.Join(repo, m[1])); err != nil && !slices.Contains(made, m[1]) {
				t.Errorf("%s names %s: %v", file, m[1], err)
			}
		}
	}
	if followed < 40 {
		t.Errorf("only %d links were found", followed)
	}
}

// TestCommandsOfTheDocuments runs the commands in the documents, against a
// `make dev` on ports of its own.
func TestCommandsOfTheDocuments(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"make", "curl", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("the documents' commands need %s: %v", tool, err)
			}
			t.Skipf("the documents' commands need %s: %v", tool, err)
		}
	}
	d := newDevEnv(t)
	dir := sources(t)
	for _, name := range []string{"Makefile", "proxy.conf.json", ".env.example"} {
		content, err := os.ReadFile(filepath.Join(repo, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, string(content))
	}
	lock := filepath.Join(dir, "frontend", "package-lock.json") // older than what was installed by it
	if err := os.Chtimes(lock, time.Time{}, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	_, out := start(t, dir, "make", d.env, "dev")
	out.Await(t, `(?s)\n  Page .*Ctrl\+C`)
	out.Await(t, "keys are loaded")
	write(t, dir, "proxy.conf.json", `{"/api": {"target": "http://`+d.api+`"}}`)
	out.Await(t, `/api → http://`+regexp.QuoteMeta(d.api))

	ports := strings.NewReplacer("localhost:3001", d.api, "localhost:4200", d.page, "localhost:4400", d.tenant)
	run := func(dir, command string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-c", ports.Replace(command))
		cmd.Dir = dir
		cmd.Env = append(machine(), d.env...)
		text, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", command, err, text)
		}
		return string(text)
	}
	token := `(?m)^[\w-]+\.[\w-]+\.[\w-]+$`
	want := map[string]string{ // what a command prints
		`make dev`:                            "", // it runs
		`curl -i localhost:3001/api/external`: `401 Unauthorized[\s\S]*missing_token`,
		`curl -H "Authorization: Bearer $(make -s token)" localhost:3001/api/external`: message,
		`curl localhost:4200/api/public`:                                               `Anyone may read this`,
		`curl localhost:3001/api/public`:                                               `Anyone may read this`,
		`make -s token USER=ada@example.com SCOPE="openid read:messages"`:              token,
		`make call PATH=/api/private-scoped USER=ada@example.com DPOP=1`:               `grants read:messages[\s\S]*accepted: .*proof`,
		`curl -X POST localhost:4400/_tenant/keys/rotate`:                              `"done":true`,
		`make -s token USER=charles@example.com EXPIRED=1`:                             token,
	}
	// What this test is run by, what would leave this machine, servers, and what
	// TestStrangersFrontends does.
	elsewhere := []string{
		"bin/devserver --frontend devserver/e2e/frontends/entries", "bin/devserver --frontend devserver/e2e/frontends/entries --build some/dist",
		"make test", "make lint test", "make bench", "make soak", "make image build BUILDER=docker",
		"docker compose -f docs/deploy/compose.yaml up -d", "kubectl create secret generic valkey --from-file=password --from-file=ca.crt", "kubectl apply -k docs/deploy/kubernetes", "bin/devserver --host 0.0.0.0 --https", "bin/devserver --frontend some/dist",
		"bin/devserver --port 4300 --allowed-host dev.test", "bin/devserver --tenant-only --addr localhost:5173", "CGO_ENABLED=0 go build -trimpath -ldflags=-s -o calling-an-api ./api",
		`dlv attach "$(pgrep -x api)"`, "AUTH0_DOMAIN=http://localhost:4400 dlv debug ./api", "sudo install calling-an-api /usr/local/bin/",
	}
	ran := map[string]bool{}
	for file, text := range documents(t) {
		for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(block[1]) {
				command, _, _ := strings.Cut(strings.TrimSpace(line), "  #")
				command = strings.TrimSpace(regexp.MustCompile(`\s+# .*$`).ReplaceAllString(command, ""))
				pattern, known := want[command]
				switch {
				case command == "" || ran[command] || slices.Contains(elsewhere, command):
				case !known:
					t.Errorf("%s has the command %q, which this test does not know", file, command)
				case pattern != "":
					ran[command] = true
					if got := run(dir, command); !regexp.MustCompile(pattern).MatchString(got) {
						t.Errorf("%s: %s prints\n%s", file, command, got)
					}
				}
			}
		}
	}
	if len(ran) < 6 {
		t.Errorf("only %d commands were found", len(ran))
	}
	for _, target := range []string{"test", "lint", "bench", "build", "soak", "image"} {
		run(repo, "make -n "+target)
	}
	if help := run(repo, "make help"); !strings.Contains(help, "make dev") {
		t.Errorf("make help prints\n%s", help)
	}

	// The servers, on a port of their own. The tenant alone needs no folder.
	_, alone := start(t, t.TempDir(), filepath.Join(dir, "bin", "devserver"), nil, "--tenant-only", "--addr", "localhost:5173", "--tenant-addr", "localhost:0")
	if status, _, body := get(t, alone.Await(t, `local tenant listening on `+localhost)+"/"); status != http.StatusOK || !strings.Contains(body, "http://localhost:5173/callback") {
		t.Errorf("the tenant alone: %d %s", status, body)
	}
	run(dir, "bin/devserver --build some/dist")
	for _, command := range []string{"--frontend some/dist", "--port 0 --allowed-host dev.test"} {
		args := append(strings.Fields(command), "--tenant-addr", "localhost:0", "--types=false")
		if !strings.Contains(command, "--port") {
			args = append(args, "--addr", "localhost:0")
		}
		_, server := start(t, dir, filepath.Join(dir, "bin", "devserver"), nil, args...)
		page := server.Await(t, `page listening on `+localhost)
		if status, _, body := get(t, page+"/", "Accept: text/html"); status != http.StatusOK || !strings.Contains(body, "navbar") {
			t.Errorf("%s: %d %s", command, status, body)
		}
	}
}
