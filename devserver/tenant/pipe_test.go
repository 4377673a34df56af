//go:build unix

package tenant_test

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"calling-an-api.example/devserver/internal/outputtest"
	"calling-an-api.example/devserver/tenant"
)

// TestStateFileIsAPipe starts without state, instead of waiting for a writer.
func TestStateFileIsAPipe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	log := outputtest.New()
	local, err := tenant.New(tenant.Options{
		Issuer: "http://localhost:4400/", ClientID: "spa", AppOrigin: "http://localhost:4200", Audience: "https://api.test",
		StateFile: file, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	local.Close()
	log.Await(t, "is a named pipe, not a regular file")
	if info, err := os.Stat(file + ".bad"); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		t.Errorf("the pipe is not kept: %v, %v", info, err)
	}
}
