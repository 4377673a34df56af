package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// measureScale prints what several processes behind nginx serve, and what the shared store of used
// proofs costs.
func measureScale(ctx context.Context, dir string, iss *issuer, loads []load, seconds, rounds int) error {
	api, err := buildAPI(ctx, dir)
	if err != nil {
		return err
	}
	storeAddr, stopStore, err := startStore(ctx)
	if err != nil {
		return err
	}
	defer stopStore()
	base := []string{api, "--log-level", "warn", "--domain", iss.url, "--audience", audience}
	shared := slices.Concat(base, []string{"--replay-store", "valkey://" + storeAddr})

	var servers []*server
	defer func() { stopAll(servers) }()
	start := func(s *server, command ...string) error {
		if err := s.start(ctx, command); err != nil {
			return err
		}
		servers = append(servers, s)
		return nil
	}
	alone, withStore := &server{name: "1 process"}, &server{name: "1 process, shared store"}
	if err := start(alone, base...); err != nil {
		return err
	}
	if err := start(withStore, shared...); err != nil {
		return err
	}
	behind := []*server{}
	for _, n := range []int{1, 2, 4} {
		addr, err := freeAddr()
		if err != nil {
			return err
		}
		var upstreams strings.Builder
		for i := range n {
			one := &server{name: fmt.Sprintf("process %d of %d", i+1, n)}
			if err := start(one, slices.Concat(shared, []string{"--public-url", "http://" + addr})...); err != nil {
				return err
			}
			fmt.Fprintf(&upstreams, "server %s max_fails=0; ", one.addr)
		}
		conf := filepath.Join(dir, fmt.Sprintf("nginx-%d.conf", n))
		if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, filepath.Join(dir, fmt.Sprintf("nginx-%d", n)), upstreams.String(), addr), 0o600); err != nil {
			return err
		}
		front := &server{name: fmt.Sprintf("nginx, %d processes, shared store", n), addr: addr, front: true}
		if n == 1 {
			front.name = "nginx, 1 process, shared store"
		}
		if err := front.launch(ctx, []string{"nginx", "-e", "stderr", "-p", dir, "-c", conf}); err != nil {
			return err
		}
		servers, behind = append(servers, front), append(behind, front)
	}
	fmt.Printf("%s, %d s each, median of %d rounds, 64 connections\n", machine(), seconds, rounds)
	for _, l := range loads {
		able := slices.Concat([]*server{alone}, behind)
		switch l.name {
		case "One token, repeated":
		case "One bound token, each proof new, ES256":
			able = slices.Concat([]*server{alone, withStore}, behind)
		default:
			continue
		}
		if err := measure(ctx, l, able, "of the first", seconds, rounds); err != nil {
			return err
		}
	}
	return measureKeys(ctx, storeAddr)
}

// measureKeys prints the memory that the store has for a key.
func measureKeys(ctx context.Context, addr string) error {
	var keys, used, empty int
	if err := redis(ctx, addr, &keys, "keys=%d", "INFO", "keyspace"); err != nil {
		return err
	}
	if err := redis(ctx, addr, &used, "used_memory:%d", "INFO", "memory"); err != nil {
		return err
	}
	if err := redis(ctx, addr, nil, "", "FLUSHALL"); err != nil {
		return err
	}
	if err := redis(ctx, addr, &empty, "used_memory:%d", "INFO", "memory"); err != nil {
		return err
	}
	fmt.Printf("\nThe store: %d keys, %d bytes each\n", keys, (used-empty)/max(keys, 1))
	return nil
}

// redis sends a command, and reads a number from its answer by a format.
func redis(ctx context.Context, addr string, to *int, format string, command ...string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "redis-cli", append([]string{"-h", host, "-p", port}, command...)...).Output()
	if err != nil {
		return fmt.Errorf("redis-cli: %w", err)
	}
	if to == nil {
		return nil
	}
	_, after, _ := strings.Cut(string(out), strings.TrimSuffix(format, "%d"))
	_, err = fmt.Sscanf(after, "%d", to)
	return err
}

// startStore starts redis-server, which speaks what Valkey speaks.
func startStore(ctx context.Context) (addr string, stop func(), err error) {
	if addr, err = freeAddr(); err != nil {
		return "", nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command("redis-server", "--port", port, "--bind", host, "--save", "")
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("redis-server (Debian: apt-get install redis-server): %w", err)
	}
	stop = func() {
		_ = cmd.Process.Kill() // it has nothing to save
		_ = cmd.Wait()
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for {
		if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			return addr, stop, conn.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			stop()
			return "", nil, ctx.Err()
		case <-deadline:
			stop()
			return "", nil, fmt.Errorf("redis-server does not listen on %s", addr)
		}
	}
}

// launch runs command, which listens on s.addr, and waits until it answers.
func (s *server) launch(ctx context.Context, command []string) error {
	s.cmd = exec.Command(command[0], command[1:]...)
	s.cmd.Env = append(os.Environ(), "API_ADDR="+s.addr, "API_PUBLIC_URLS=http://"+s.addr, "AUDIENCE="+audience, "NODE_ENV=production")
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	return s.await(ctx)
}

// await waits until s answers.
func (s *server) await(ctx context.Context) error {
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := http.Get("http://" + s.addr + "/readyz")
		if err == nil {
			_ = resp.Body.Close() // its status is all that counts
			if resp.StatusCode < http.StatusInternalServerError {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("%s never answers: %w", s.name, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// freeAddr returns an address of loopback whose port was free a moment ago.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// nginxConf is docs/deploy/nginx.conf without the page: the folder, the upstreams and the address
// are inserted.
const nginxConf = `
daemon off;
worker_processes auto;
pid %[1]s.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path %[1]s-body;
  proxy_temp_path %[1]s-proxy;
  fastcgi_temp_path %[1]s-fastcgi;
  uwsgi_temp_path %[1]s-uwsgi;
  scgi_temp_path %[1]s-scgi;
  upstream api { %[2]s keepalive 64; }
  server {
    listen %[3]s;
    large_client_header_buffers 4 16k;
    location / {
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }
  }
}
`
