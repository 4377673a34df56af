package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// server is a process under test.
type server struct {
	name string
	url  string
	dir  string // for files of its own
	cmd  *exec.Cmd

	output bytes.Buffer
}

// startServers builds, installs and starts all servers. The first is the upstream that
// the others forward requests to. On error it returns those that run.
func startServers(ctx context.Context, dir string) (servers []*server, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	devserver, peers := filepath.Join(dir, "devserver"), filepath.Join(dir, "peers")
	if err := command(ctx, "..", "go", "build", "-o", devserver, "."); err != nil {
		return nil, err
	}
	if err := os.CopyFS(peers, os.DirFS("peers")); err != nil {
		return nil, err
	}
	if err := command(ctx, peers, "npm", "ci"); err != nil {
		return nil, err
	}
	versions, err := packageVersions(filepath.Join(peers, "package.json"))
	if err != nil {
		return nil, err
	}
	nginx, err := nginxVersion(ctx)
	if err != nil {
		return nil, err
	}
	upstream, err := start(ctx, dir, "no proxy", func(addr string) []string { return []string{self, "-upstream", addr} })
	if err != nil {
		return nil, err
	}
	servers = append(servers, upstream)
	target := strings.TrimPrefix(upstream.url, "http://")
	for name, content := range map[string]string{
		"proxy.conf.json":   fmt.Sprintf(`{"/api": {"target": %q}}`, upstream.url),
		"page/index.html":   `<!doctype html><script type="module" src="/src/index.ts"></script>`,
		"page/src/index.ts": `console.log("a page")`,
	} {
		if err := write(filepath.Join(dir, name), content); err != nil {
			return servers, err
		}
	}
	for _, peer := range []struct {
		name    string
		command func(addr string) []string
	}{
		{"this dev server", ownServer(dir, devserver)},
		{"this dev server, `--inspect=false`", ownServer(dir, devserver, "--inspect=false")},
		{bareName(), func(addr string) []string { return []string{self, "-bare", upstream.url, "-bare-addr", addr} }},
		{nginx, func(addr string) []string {
			conf := filepath.Join(dir, "nginx.conf")
			if err := write(conf, fmt.Sprintf(nginxConf, dir, target, addr)); err != nil {
				return []string{"false"}
			}
			return []string{"nginx", "-e", "stderr", "-p", dir, "-c", conf}
		}},
		{"Vite " + versions["vite"], func(addr string) []string {
			return []string{"node", filepath.Join(peers, "vite.mjs"), addr, upstream.url, filepath.Join(dir, "page")}
		}},
		{"http-proxy-middleware " + versions["http-proxy-middleware"], func(addr string) []string {
			return []string{"node", filepath.Join(peers, "hpm.mjs"), addr, upstream.url}
		}},
	} {
		s, err := start(ctx, dir, peer.name, peer.command)
		if err != nil {
			return servers, err
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// ownServer returns the command of the dev server with a small page and the rule for the upstream.
func ownServer(dir, program string, flags ...string) func(addr string) []string {
	return func(addr string) []string {
		return append([]string{program, "--addr", addr, "--tenant-addr", "localhost:0", "--tenant-state", "",
			"--frontend", filepath.Join(dir, "page"), "--proxy-config", filepath.Join(dir, "proxy.conf.json")}, flags...)
	}
}

// bareName names the server that the others are compared with.
func bareName() string { return "bare tuned ReverseProxy, " + runtime.Version() }

// packageVersions returns the versions in a package.json.
func packageVersions(file string) (map[string]string, error) {
	data, err := os.ReadFile(file) //nolint:gosec // our own copy
	if err != nil {
		return nil, err
	}
	var manifest struct{ Dependencies map[string]string }
	err = json.Unmarshal(data, &manifest)
	return manifest.Dependencies, err
}

// nginxVersion returns "nginx" with its version, which it prints to standard error.
func nginxVersion(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "nginx", "-v").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("nginx -v: %w", err)
	}
	_, version, _ := strings.Cut(strings.TrimSpace(string(out)), "/")
	return "nginx " + version, nil
}

// nginxConf makes nginx keep its connections, as the others do, and write no log.
const nginxConf = `
daemon off;
worker_processes auto;
pid %[1]s/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  upstream api { server %[2]s; keepalive 256; }
  server {
    listen %[3]s;
    location /api {
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_buffering off;
    }
  }
}
`

func write(name, content string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(content), 0o600) //nolint:gosec // in a folder of temporary files
}

// command runs a program to its end in the folder dir.
func command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// start runs the command that line returns for a free port, and waits until it answers.
func start(ctx context.Context, dir, name string, line func(addr string) []string) (*server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		return nil, err
	}
	s, err := launch(name, dir, addr, line(addr))
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := http.Get(s.url + "/api/json")
		if err == nil {
			_ = resp.Body.Close() // its status is all that counts
			if resp.StatusCode == http.StatusOK {
				return s, nil
			}
		}
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-tick.C:
			if time.Now().Before(deadline) {
				continue
			}
		}
		stopAll([]*server{s})
		return nil, fmt.Errorf("%s never answers: %w\n%s", name, err, s.output.String())
	}
}

// launch runs args, which listens on addr.
func launch(name, dir, addr string, args []string) (*server, error) {
	s := &server{name: name, url: "http://" + addr, dir: dir, cmd: exec.Command(args[0], args[1:]...)}
	s.cmd.Dir = dir // whatever a server writes stays out of the checkout
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return s, nil
}

// resident is the resident memory of the process and its children, in megabytes.
func (s *server) resident() (float64, error) {
	pid := strconv.Itoa(s.cmd.Process.Pid)
	out, err := exec.Command("ps", "-o", "rss=", "--pid", pid, "--ppid", pid).Output()
	if err != nil {
		return 0, fmt.Errorf("ps: %w", err)
	}
	total := 0
	for line := range strings.Lines(string(out)) {
		kilobytes, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			return 0, err
		}
		total += kilobytes
	}
	return float64(total) / 1000, nil
}

// stopAll stops servers, which stop their children.
func stopAll(servers []*server) {
	for _, s := range servers {
		_ = s.cmd.Process.Signal(os.Interrupt) // it may have ended already
		kill := time.AfterFunc(5*time.Second, func() { _ = s.cmd.Process.Kill() })
		_ = s.cmd.Wait()
		kill.Stop()
	}
}

// processor is the name of this machine's processor.
func processor() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "an unknown processor"
	}
	_, after, _ := strings.Cut(string(data), "model name")
	line, _, _ := strings.Cut(after, "\n")
	return strings.Trim(line, "\t :")
}
