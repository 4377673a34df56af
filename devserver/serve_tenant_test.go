package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/config"
)

// TestTenantFollowsItsFile edits who may log in, with the page and without.
func TestTenantFollowsItsFile(t *testing.T) {
	t.Parallel()
	for name, alone := range map[string]bool{"with the page": false, "alone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			followTenantFile(t, alone)
		})
	}
}

// TestStateIsNotForGit makes the folder of the state where there is none, so that git ignores it.
func TestStateIsNotForGit(t *testing.T) {
	t.Parallel()
	for name, existing := range map[string]bool{"a new folder": false, "one's own": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := ""
			_, log, stop := start(t, func(dir string, cfg *config.Config) {
				state = filepath.Join(dir, "a", "state")
				cfg.TenantOnly, cfg.TenantState, cfg.HTTPS = true, state, true // both write there
				if existing {
					write(t, state, "mine", "")
				}
			})
			log.Await(t, `local tenant listening on`)
			if err := stop(); err != nil {
				t.Error(err)
			}
			content, err := os.ReadFile(filepath.Join(state, ".gitignore"))
			if existing != os.IsNotExist(err) || !existing && string(content) != "*\n" {
				t.Errorf("%q, %v", content, err)
			}
			if _, err := os.Stat(filepath.Join(state, "ca.pem")); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNoStateForAnotherTenant makes no folder where no local tenant runs.
func TestNoStateForAnotherTenant(t *testing.T) {
	t.Parallel()
	state := ""
	_, log, stop := start(t, func(dir string, cfg *config.Config) {
		state = filepath.Join(dir, "state")
		cfg.Domain, cfg.TenantState = "https://acme.eu.auth0.com", state
	})
	log.Await(t, `page listening on`)
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("there is a folder: %v", err)
	}
}

func followTenantFile(t *testing.T, alone bool) {
	t.Helper()
	data, err := os.ReadFile("tenant/testdata/tenant.jsonc")
	if err != nil {
		t.Fatal(err)
	}
	content := string(data)
	dir, log, stop := start(t, func(dir string, cfg *config.Config) {
		cfg.TenantOnly, cfg.TenantConfig = alone, filepath.Join(dir, "tenant.jsonc")
		write(t, dir, "tenant.jsonc", content)
	})
	local := log.Await(t, `local tenant listening on (\S+?)"`)
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	home := func(want string) {
		t.Helper()
		if got := text(t, get(t, client, local+"/")); !strings.Contains(got, want) {
			t.Errorf("the tenant knows %s, not %s", got, want)
		}
	}
	home("ada@example.com")
	write(t, dir, "tenant.jsonc", strings.Replace(content, "ada@example.com", "grace@example.com", 1))
	log.Await(t, "the local tenant uses the new")
	home("grace@example.com")
	write(t, dir, "tenant.jsonc", strings.Replace(content, `"email"`, `"mail"`, 1))
	log.Await(t, `keeps its last valid configuration.*tenant.jsonc:11:7: unknown field`)
	home("grace@example.com")
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}
