//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// system is everything that runs: the dev server with the page, the proxy and the local tenant;
// nginx, which the proxy forwards to; two processes of the API behind that; and the replay store.
type system struct {
	dir    string
	page   string    // origin of the dev server
	tenant string    // origin
	nginx  string    // host:port
	apis   [2]string // host:port
	store  string    // port

	mu        sync.Mutex // protects processes
	processes map[string]*process
}

// process is one that was started.
type process struct {
	cmd    *exec.Cmd
	output *bytes.Buffer // read only once it has ended
	ended  chan struct{}
}

// startSystem builds and starts everything. On error, it returns what runs.
func startSystem(ctx context.Context, dir string) (*system, error) {
	s := &system{dir: dir, processes: map[string]*process{}}
	for _, program := range []string{"nginx", "redis-server"} {
		if _, err := exec.LookPath(program); err != nil {
			return s, fmt.Errorf("%s is not installed (Debian: apt-get install %s)", program, program)
		}
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", dir+"/", "./api", "./devserver")
	build.Dir = ".." // of devserver, where make soak runs this
	if out, err := build.CombinedOutput(); err != nil {
		return s, fmt.Errorf("build: %w\n%s", err, out)
	}
	ports, err := freePorts(6)
	if err != nil {
		return s, err
	}
	s.page, s.tenant = "http://localhost:"+ports[0], "http://localhost:"+ports[1]
	s.nginx, s.apis, s.store = "127.0.0.1:"+ports[2], [2]string{"127.0.0.1:" + ports[3], "127.0.0.1:" + ports[4]}, ports[5]
	if err := s.writeFiles(build.Dir, ports[2]); err != nil {
		return s, err
	}
	if err := s.startStore(ctx); err != nil {
		return s, err
	}
	if err := s.start(ctx, "dev server", s.page+"/", filepath.Join(dir, "devserver"), "--addr", "localhost:"+ports[0], "--tenant-addr", "localhost:"+ports[1],
		"--tenant-state", "", "--types=false"); err != nil {
		return s, err
	}
	for i := range s.apis {
		if err := s.startAPI(ctx, i); err != nil {
			return s, err
		}
	}
	return s, s.start(ctx, "nginx", "http://"+s.nginx+"/api/public", "nginx", "-c", filepath.Join(dir, "nginx.conf"), "-p", dir, "-g", "daemon off;")
}

// writeFiles writes a copy of the page, and the configuration of the proxy and of nginx.
func (s *system) writeFiles(root, nginxPort string) error {
	frontend := filepath.Join(s.dir, "frontend")
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	for _, name := range []string{"index.html", "styles.css", "tsconfig.json", "package.json"} {
		content, err := os.ReadFile(filepath.Join(root, "frontend", name)) //nolint:gosec // of this checkout
		if err != nil {
			return err
		}
		if err := write(filepath.Join(frontend, name), string(content)); err != nil {
			return err
		}
	}
	if err := errors.Join(
		os.CopyFS(filepath.Join(frontend, "src"), os.DirFS(filepath.Join(root, "frontend", "src"))),
		os.Symlink(filepath.Join(root, "frontend", "node_modules"), filepath.Join(frontend, "node_modules")),
		write(filepath.Join(s.dir, "proxy.conf.json"), s.rules(s.nginx, "127.0.0.1:1")),
	); err != nil {
		return err
	}
	conf, err := os.ReadFile(filepath.Join(root, "docs", "deploy", "nginx.conf")) //nolint:gosec // of this checkout
	if err != nil {
		return err
	}
	text := strings.NewReplacer("/tmp/", s.dir+"/", "access_log /dev/stdout", "access_log off", "listen 8080", "listen 127.0.0.1:"+nginxPort, "/srv/frontend/dist", s.dir, "api-1:8080", s.apis[0], "api-2:8080", s.apis[1]).Replace(string(conf))
	if os.Getuid() == 0 { // its workers would be another user, who may not read the folder
		text = "user root;\n" + text
	}
	return write(filepath.Join(s.dir, "nginx.conf"), text)
}

// rules is a proxy.conf.json whose API is at api, and whose /reset is an upstream that breaks off.
func (s *system) rules(api, reset string) string {
	return fmt.Sprintf(`{"/api": {"target": "http://%s"}, "/reset": {"target": "http://%s"}}`, api, reset)
}

func (s *system) startStore(ctx context.Context) error {
	return s.start(ctx, "store", "tcp://127.0.0.1:"+s.store, "redis-server", "--port", s.store, "--bind", "127.0.0.1", "--save", "", "--dir", s.dir)
}

func (s *system) startAPI(ctx context.Context, i int) error {
	return s.start(ctx, apiName(i), "http://"+s.apis[i]+"/readyz", filepath.Join(s.dir, "api"), "--addr", s.apis[i], "--domain", s.tenant, "--public-url", s.page,
		"--replay-store", "valkey://127.0.0.1:"+s.store, "--jwks-fetches-per-minute", "60", "--log-level", "error")
}

func apiName(i int) string { return fmt.Sprintf("API %d", i+1) }

// start starts a process, and waits until it answers at url.
func (s *system) start(ctx context.Context, name, url, program string, args ...string) error {
	p := &process{cmd: exec.Command(program, args...), output: &bytes.Buffer{}, ended: make(chan struct{})}
	p.cmd.Dir = s.dir
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // whoever ends it knows why
		close(p.ended)
	}()
	s.mu.Lock()
	s.processes[name] = p
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !answers(url) {
		select {
		case <-p.ended:
			return fmt.Errorf("%s has ended:\n%s", name, p.output)
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer at %s", name, url)
		case <-tick.C:
		}
	}
	return nil
}

// answers reports whether a GET of url gets 200, or whether a connection to it can be made.
func answers(url string) bool {
	if address, ok := strings.CutPrefix(url, "tcp://"); ok {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		return err == nil && conn.Close() == nil
	}
	resp, err := http.Get(url) //nolint:gosec // our own process
	return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// signal sends a signal to a process, and waits for its end if that is to be expected.
func (s *system) signal(name string, sig syscall.Signal) error {
	s.mu.Lock()
	p := s.processes[name]
	s.mu.Unlock()
	if err := p.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if sig == syscall.SIGKILL {
		<-p.ended
	}
	return nil
}

// stop ends all processes.
func (s *system) stop() {
	for _, p := range s.processes {
		_ = p.cmd.Process.Signal(syscall.SIGCONT) // it may be paused, or have ended already
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
		<-p.ended
		kill.Stop()
	}
}

// freePorts returns ports that were free a moment ago.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = ln.Close() }()
		_, port, err := net.SplitHostPort(ln.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}

func write(name, content string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(content), 0o600) //nolint:gosec // in a folder of temporary files
}
