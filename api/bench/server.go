package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// server is a process under test.
type server struct {
	name  string
	addr  string
	open  bool // has no gate
	front bool // is nginx, whose own memory is not of interest
	ours  bool
	wide  bool // accepts three issuers and RS256, ES256 and EdDSA
	dpop  proofs
	cmd   *exec.Cmd
}

// proofs says for which loads a server is measured.
type proofs int

const (
	noProofs   proofs = iota // only those without DPoP proofs
	alsoProofs               // all
	onlyProofs               // only those with DPoP proofs
)

// takes reports whether s is measured under l.
func (s *server) takes(l load) bool {
	switch {
	case s.open:
		return true
	case l.bound:
		return s.dpop != noProofs
	}
	return s.dpop != onlyProofs && (s.wide || !l.wide)
}

func numCPU() int { return runtime.NumCPU() }

// prepareServers builds, installs and starts all servers. The first is the bare handler
// that the others are compared with.
func prepareServers(ctx context.Context, dir string, issuers []*issuer) (servers []*server, err error) {
	iss := issuers[0]
	defer func() {
		if err != nil {
			stopAll(servers)
		}
	}()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	api, err := buildAPI(ctx, dir)
	if err != nil {
		return nil, err
	}
	express, expressVersions, err := installExpress(ctx, dir)
	if err != nil {
		return nil, err
	}
	for _, s := range []struct {
		server
		command []string
	}{
		{server{name: "bare net/http handler", open: true}, []string{self, "serve", "bare"}},
		{server{name: "this API, `--log-level warn`", ours: true, dpop: alsoProofs}, []string{api, "--log-level", "warn", "--domain", iss.url, "--audience", audience}},
		{server{name: "this API, access log on"}, []string{api, "--domain", iss.url, "--audience", audience}},
		{server{name: "this API, three issuers and algorithms", wide: true}, []string{
			api, "--log-level", "warn", "--audience", audience, "--algorithms", "RS256,ES256,EdDSA",
			"--domain", issuers[0].url + "," + issuers[1].url + "," + issuers[2].url,
		}},
		{server{name: "mux " + version("gorilla/mux") + ", keyfunc " + version("keyfunc/v3") + ", jwt " + version("jwt/v5")}, []string{self, "serve", "stock", iss.url}},
		{server{name: "go-jwt-middleware " + version("go-jwt-middleware/v3"), dpop: alsoProofs}, []string{self, "serve", "auth0", iss.url}},
		{server{name: "Express " + expressVersions["express"] + ", express-jwt " + expressVersions["express-jwt"] + ", jwks-rsa " + expressVersions["jwks-rsa"]}, []string{"node", express, iss.url}},
		{server{name: "Express " + expressVersions["express"] + ", express-oauth2-jwt-bearer " + expressVersions["express-oauth2-jwt-bearer"], dpop: onlyProofs}, []string{
			"node", filepath.Join(filepath.Dir(express), "auth0.mjs"), iss.url,
		}},
	} {
		if err := s.start(ctx, s.command); err != nil {
			return servers, err
		}
		servers = append(servers, &s.server)
	}
	return servers, nil
}

// buildAPI builds the API and returns its path.
func buildAPI(ctx context.Context, dir string) (string, error) {
	api := filepath.Join(dir, "api")
	build := exec.CommandContext(ctx, "go", "build", "-o", api, ".")
	build.Dir = root()
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the API: %w\n%s", err, out)
	}
	return api, nil
}

// start runs command on a free port and waits until it answers.
func (s *server) start(ctx context.Context, command []string) (err error) {
	if s.addr, err = freeAddr(); err != nil {
		return err
	}
	return s.launch(ctx, command)
}

// resident is the memory that the process holds, in megabytes.
func (s *server) resident() (float64, error) {
	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(s.cmd.Process.Pid)).Output()
	if err != nil {
		return 0, fmt.Errorf("ps: %w", err)
	}
	kilobytes, err := strconv.Atoi(strings.TrimSpace(string(bytes.TrimSpace(out))))
	return float64(kilobytes) / 1000, err
}

func stopAll(servers []*server) {
	for _, s := range servers {
		if s.front { // or its workers would stay
			_ = s.cmd.Process.Signal(os.Interrupt) // it may have ended already
		} else {
			_ = s.cmd.Process.Kill()
		}
		_ = s.cmd.Wait()
	}
}

// version is the version of the module whose path ends with suffix, in this binary.
func version(suffix string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if strings.HasSuffix(module.Path, suffix) {
				return strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return "of an unknown version"
}

// installExpress installs the Node peer in dir and returns its script and the versions
// of its packages.
func installExpress(ctx context.Context, dir string) (script string, versions map[string]string, err error) {
	dir = filepath.Join(dir, "express")
	if err := os.CopyFS(dir, os.DirFS("express")); err != nil {
		return "", nil, err
	}
	install := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("install Express: %w\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "package.json")) //nolint:gosec // our own copy
	if err != nil {
		return "", nil, err
	}
	var manifest struct{ Dependencies map[string]string }
	if err := json.Unmarshal(data, &manifest); err != nil {
		return "", nil, err
	}
	return filepath.Join(dir, "server.mjs"), manifest.Dependencies, nil
}
