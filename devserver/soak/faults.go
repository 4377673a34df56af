//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// fault is one that is switched on and off. Answers of the kinds in excuses may be errors meanwhile;
// those of all others must be right.
type fault struct {
	name    string
	excuses []string
	inject  func(ctx context.Context, s *system, t *traffic, nth int) error
}

var faults = []fault{
	{"the store is killed, and starts empty", []string{"proxied, DPoP", "one proof at both"}, func(ctx context.Context, s *system, _ *traffic, _ int) error {
		if err := s.signal("store", syscall.SIGKILL); err != nil {
			return err
		}
		wait(ctx, 2*time.Second)
		return s.startStore(context.WithoutCancel(ctx))
	}},
	{"the store is paused", []string{"proxied, DPoP", "one proof at both"}, func(ctx context.Context, s *system, _ *traffic, _ int) error {
		if err := s.signal("store", syscall.SIGSTOP); err != nil {
			return err
		}
		wait(ctx, 2*time.Second)
		return s.signal("store", syscall.SIGCONT)
	}},
	{"the issuer does not answer", nil, func(ctx context.Context, s *system, t *traffic, _ int) error {
		return t.withFailingKeys(ctx, func() error {
			for i := range s.apis {
				if err := s.signal(apiName(i), syscall.SIGHUP); err != nil { // fetch the keys now
					return err
				}
			}
			wait(ctx, 3*time.Second)
			return nil
		})
	}},
	{"the tenant rotates its keys", nil, func(ctx context.Context, _ *system, t *traffic, _ int) error {
		return errors.Join(t.control(ctx, "keys/rotate", "{}"), t.renew(context.WithoutCancel(ctx)))
	}},
	{"a process of the API is killed, and starts", []string{"one proof at both"}, func(ctx context.Context, s *system, _ *traffic, _ int) error {
		if err := s.signal(apiName(1), syscall.SIGKILL); err != nil {
			return err
		}
		wait(ctx, time.Second)
		return s.startAPI(context.WithoutCancel(ctx), 1)
	}},
	{"an upstream resets its connections", nil, resetUpstream},
	{"the page is edited, and broken", nil, editPage},
	{"the proxy's rules are edited, and broken", nil, editRules},
}

// counts are how often each fault was injected.
type counts map[string]int

func (c counts) total() (n int) {
	for _, times := range c {
		n += times
	}
	return n
}

func (c counts) print(w io.Writer) {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		_, _ = fmt.Fprintf(w, "| %s | %d |\n", name, c[name])
	}
}

// inject injects one fault after the other until ctx ends.
func inject(ctx context.Context, s *system, t *traffic) (counts, error) {
	done := counts{}
	for n := 0; ctx.Err() == nil; n++ {
		f := faults[n%len(faults)]
		end := t.excuse(f.excuses...)
		err := f.inject(ctx, s, t, n)
		end()
		if err != nil && ctx.Err() == nil {
			return done, fmt.Errorf("%s: %w", f.name, err)
		}
		done[f.name]++
		wait(ctx, calm)
	}
	return done, nil
}

// control uses a control of the tenant.
func (t *traffic) control(ctx context.Context, name, body string) error {
	a, err := t.do(context.WithoutCancel(ctx), http.MethodPost, t.tenant+"/_tenant/"+name, body, "Content-Type: application/json")
	if err != nil {
		return err
	}
	return a.expect(http.StatusOK, "")
}

// withFailingKeys has the tenant's documents fail while it calls act.
func (t *traffic) withFailingKeys(ctx context.Context, act func() error) error {
	paths := []string{"/.well-known/openid-configuration", "/.well-known/jwks.json"}
	var all []error
	for _, path := range paths {
		all = append(all, t.control(ctx, "fail", fmt.Sprintf(`{"path": %q, "times": 1000000}`, path)))
	}
	all = append(all, act())
	for _, path := range paths {
		all = append(all, t.control(ctx, "fail", fmt.Sprintf(`{"path": %q, "times": 0}`, path)))
	}
	return errors.Join(all...)
}

// resetUpstream has an upstream send the beginning of a response and reset. The client must be able
// to tell that it is not complete.
func resetUpstream(ctx context.Context, s *system, t *traffic, _ int) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))                                                               // the request
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n") // and no end
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}()
	defer func() {
		_ = ln.Close()
		<-served
	}()
	if err := s.saveRules(s.rules(s.nginx, ln.Addr().String())); err != nil {
		return err
	}
	broken := 0
	for range 50 {
		a, err := t.do(context.WithoutCancel(ctx), http.MethodGet, s.page+"/reset", "")
		switch {
		case err != nil, a.status == http.StatusBadGateway: // before it is forwarded, and after
			broken++
		default:
			return fmt.Errorf("a response that was broken off looks complete: %d %q", a.status, a.body)
		}
	}
	return s.saveRules(s.rules(s.nginx, "127.0.0.1:1"))
}

// editPage saves an error in the page's script, and then a change that must be served.
func editPage(ctx context.Context, s *system, t *traffic, nth int) error {
	file := filepath.Join(s.dir, "frontend", "src", "index.ts")
	content, err := os.ReadFile(file) //nolint:gosec // our own copy
	if err != nil {
		return err
	}
	sources, _, _ := strings.Cut(string(content), "\n// soak")
	if err := write(file, sources+"\n// soak\nconst broken = (\n"); err != nil {
		return err
	}
	wait(ctx, time.Second)
	mark := fmt.Sprintf("soak %d", nth)
	if err := write(file, fmt.Sprintf("%s\n// soak\nconsole.debug(%q)\n", sources, mark)); err != nil {
		return err
	}
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		a, err := t.do(context.WithoutCancel(ctx), http.MethodGet, s.page+"/src/index.ts.js", "")
		if err != nil {
			return err
		}
		if strings.Contains(a.body, mark) {
			return nil
		}
		wait(context.WithoutCancel(ctx), 20*time.Millisecond)
	}
	return errors.New("an edit of the page is not served within 10 s")
}

// editRules retargets the API, breaks the file, and restores it.
func editRules(ctx context.Context, s *system, _ *traffic, _ int) error {
	for _, rules := range []string{s.rules(s.apis[0], "127.0.0.1:1"), `{"/api": {"target": `, s.rules(s.nginx, "127.0.0.1:1")} {
		if err := s.saveRules(rules); err != nil {
			return err
		}
		wait(ctx, 700*time.Millisecond)
	}
	return nil
}

// saveRules replaces proxy.conf.json at once, as editors do.
func (s *system) saveRules(rules string) error {
	file := filepath.Join(s.dir, "proxy.conf.json")
	return errors.Join(write(file+".new", rules), os.Rename(file+".new", file))
}
