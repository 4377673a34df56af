package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/internal/storetest"
)

// builder is buildah with a storage of its own. It needs no daemon.
type builder struct {
	*testing.T
	env []string
}

func newBuilder(t *testing.T) *builder {
	t.Helper()
	if _, err := exec.LookPath("buildah"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no buildah, which CI must have: ", err)
		}
		t.Skip("no buildah: ", err)
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "storage.conf")
	text := fmt.Sprintf("[storage]\ndriver = \"vfs\"\ngraphroot = %q\nrunroot = %q\n", filepath.Join(dir, "root"), filepath.Join(dir, "run"))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &builder{t, append(os.Environ(), "CONTAINERS_STORAGE_CONF="+conf)}
}

// run runs a program in dir until it ends, and returns its output.
func (b *builder) run(dir, name string, args ...string) string {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, b.env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s %v: %v\n%s\n%s", name, args, err, out, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// TestImage builds the image and runs it: as another user than root, with nothing that it could
// write to. It is the same if it is built from another checkout.
func TestImage(t *testing.T) { //nolint:paralleltest // it uses both cores for a while, and bin/image
	b := newBuilder(t)
	b.run("..", "make", "image", "IMAGE=test")
	container := b.run("", "buildah", "from", "test")

	iss := gatetest.New(t)
	addr := freeAddr(t)
	in := []string{"run", "--isolation", "chroot", "--env", "API_ADDR=" + addr, "--env", "AUTH0_DOMAIN=" + iss.URL, container, "--"}
	ctx, stop := context.WithCancel(t.Context())
	server := exec.CommandContext(ctx, "buildah", append(in, "/api", "--log-format", "json", "--audience", gatetest.Audience)...)
	server.Env = b.env
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	server.WaitDelay = 10 * time.Second
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = server.Wait() // it was interrupted
	})
	storetest.Await(t, "the API in the image", func() bool {
		resp, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	if status, body := get(t, "http://"+addr+"/healthz", ""); status != http.StatusOK {
		t.Errorf("/healthz: %d %s", status, body)
	}
	if status, body := get(t, "http://"+addr+"/api/external", iss.Mint(nil)); status != http.StatusOK {
		t.Errorf("/api/external: %d %s", status, body)
	}
	b.run("", "buildah", append(in, "/api", "--health")...)

	var image struct {
		OCIv1 struct {
			Config struct {
				User       string
				Entrypoint []string
			} `json:"config"`
		}
	}
	if err := json.Unmarshal([]byte(b.run("", "buildah", "inspect", "--type", "image", "test")), &image); err != nil {
		t.Fatal(err)
	}
	if config := image.OCIv1.Config; config.User != "65532:65532" || fmt.Sprint(config.Entrypoint) != "[/api --log-format json]" {
		t.Errorf("the image is %+v", image)
	}
	files := b.run("", "find", "../bin/image", "-type", "f", "-printf", "%m %P\n")
	for _, want := range []string{"755 api", "644 sbom.cdx.json", "644 licenses/LICENSE", "644 licenses/github.com/golang-jwt/jwt/v5/LICENSE"} {
		if !slices.Contains(strings.Split(files, "\n"), want) {
			t.Errorf("the image has no file %s:\n%s", want, files)
		}
	}

	if b.run("..", "git", "status", "--porcelain") != "" {
		t.Log("the checkout has changes, so an image of another checkout would be another one")
		return
	}
	other := filepath.Join(t.TempDir(), "another folder")
	b.run("", "git", "clone", "--quiet", "..", other)
	b.run(other, "make", "image", "IMAGE=another")
	one, two := b.run("", "buildah", "images", "--quiet", "--no-trunc", "test"), b.run("", "buildah", "images", "--quiet", "--no-trunc", "another")
	if one != two {
		t.Errorf("two checkouts make two images: %s and %s", one, two)
	}
}
