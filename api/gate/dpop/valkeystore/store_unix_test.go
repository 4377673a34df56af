//go:build unix

package valkeystore_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"calling-an-api.example/api/gate/dpop"
	"calling-an-api.example/api/gate/dpop/valkeystore"
	"calling-an-api.example/api/internal/storetest"
)

func TestMain(m *testing.M) {
	// The client library looks at a cluster again after a delay of a second, also if it is closed.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valkey-io/valkey-go.(*call).DelayDo.func1"))
}

// output is a log that can be read while it is written.
type output struct {
	mu   sync.Mutex // protects text
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// open returns a store that runs until the test ends, and its log. It is reached, unless the
// caller says that it cannot be.
func open(t *testing.T, url string, changes ...func(*valkeystore.Options)) (*valkeystore.Store, *output) {
	t.Helper()
	u, err := valkeystore.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	log := &output{}
	opts := valkeystore.Options{URL: u, Log: slog.New(slog.NewTextHandler(log, nil))}
	for _, change := range changes {
		change(&opts)
	}
	s := valkeystore.New(opts)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	storetest.Await(t, "the first attempt", s.Asked)
	return s, log
}

var ids atomic.Uint64

// newID returns an ID that no test has used.
func newID() (id dpop.ID) {
	binary.LittleEndian.PutUint64(id[:], ids.Add(1))
	return id
}

// use uses id, which must work.
func use(t *testing.T, s *valkeystore.Store, id dpop.ID) (fresh bool, epoch dpop.Epoch) {
	t.Helper()
	fresh, epoch, err := s.Use(t.Context(), id, time.Now().Add(65*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return fresh, epoch
}

// fails waits until s rejects everything, and checks that nothing waits for longer than it may.
func fails(t *testing.T, s *valkeystore.Store) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); s.Ready(); {
		if time.Now().After(deadline) {
			t.Fatal("it is still ready")
		}
		begin := time.Now()
		fresh, _, err := s.Use(t.Context(), newID(), time.Now().Add(time.Minute))
		if err == nil || fresh {
			t.Fatalf("accepted: %t, %v", fresh, err)
		}
		if took := time.Since(begin); took > 2*time.Second { // 250 ms, on a machine that is busy
			t.Fatalf("waited for %v", took)
		}
	}
	if _, _, err := s.Use(t.Context(), newID(), time.Now().Add(time.Minute)); err == nil {
		t.Error("accepted")
	}
}

// isSame reports whether two epochs are one, for processes whose clocks are read at different
// times.
func isSame(a, b dpop.Epoch) bool { return bytes.Equal(a.Secret, b.Secret) && len(a.Secret) > 0 }

// TestOneOfManyCopies has 1000 copies of each of some proofs arrive at three processes at once.
func TestOneOfManyCopies(t *testing.T) {
	t.Parallel()
	server := storetest.Start(t)
	var stores []*valkeystore.Store
	for range 3 {
		s, _ := open(t, "valkey://"+server.Addr, func(o *valkeystore.Options) { o.Wait = 20 * time.Second })
		stores = append(stores, s)
	}
	for range 5 {
		id := newID()
		var accepted, rejected atomic.Int32
		var copies sync.WaitGroup
		for i := range 1000 {
			copies.Go(func() {
				fresh, _, err := stores[i%3].Use(t.Context(), id, time.Now().Add(time.Minute))
				switch {
				case err != nil:
					t.Error(err)
				case fresh:
					accepted.Add(1)
				default:
					rejected.Add(1)
				}
			})
		}
		copies.Wait()
		if accepted.Load() != 1 || rejected.Load() != 999 {
			t.Errorf("%d of 1000 are accepted, %d are rejected", accepted.Load(), rejected.Load())
		}
	}
	_, first := use(t, stores[0], newID())
	_, second := use(t, stores[1], newID())
	if !isSame(first, second) || first.Since.Sub(second.Since).Abs() > time.Second {
		t.Errorf("two epochs: %v and %v", first.Since, second.Since)
	}
	if first.Since.Before(time.Now()) {
		t.Errorf("it began at %v, so that the clocks may not be apart", first.Since)
	}
}

// TestLifetime looks at what is kept in the server.
func TestLifetime(t *testing.T) {
	t.Parallel()
	server := storetest.Start(t)
	s, _ := open(t, "valkey://"+server.Addr, func(o *valkeystore.Options) { o.Prefix = "orders" })
	for lifetime, want := range map[time.Duration]time.Duration{65 * time.Second: 95 * time.Second, -time.Minute: 30 * time.Second} {
		id := newID()
		if _, _, err := s.Use(t.Context(), id, time.Now().Add(lifetime)); err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprintf("{orders}:%x", id)
		var ms int64
		if _, err := fmt.Sscan(server.Do("PTTL", key), &ms); err != nil {
			t.Fatal(err)
		}
		if left := time.Duration(ms) * time.Millisecond; left > want || left < want-10*time.Second {
			t.Errorf("a proof that is valid for %v is kept for %v", lifetime, left)
		}
	}
}

// TestForgetful has servers lose what they know, each in another way. A new epoch begins, with
// another secret, also for the process that was there before.
func TestForgetful(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args   []string
		forget func(server *storetest.Server)
	}{
		"emptied":         {nil, func(server *storetest.Server) { server.Do("FLUSHALL") }},
		"restarted empty": {nil, func(server *storetest.Server) { server.Kill(); server.Restart() }},
		"restarted with what was saved before": {nil, func(server *storetest.Server) {
			server.Do("SAVE") // has the epoch
			server.Kill()
			server.Restart()
		}},
		"the epoch's key is deleted": {nil, func(server *storetest.Server) { server.Do("DEL", "{dpop}:epoch") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := storetest.Start(t, tc.args...)
			s, log := open(t, "valkey://"+server.Addr)
			fresh, before := use(t, s, newID())
			if !fresh {
				t.Fatal("a new one was used")
			}
			tc.forget(server)
			var after dpop.Epoch
			storetest.Await(t, "it works again", func() bool {
				fresh, epoch, err := s.Use(t.Context(), newID(), time.Now().Add(time.Minute))
				if err == nil && isSame(epoch, before) {
					t.Fatalf("accepted in the epoch before: %t", fresh)
				}
				after = epoch
				return err == nil
			})
			if !after.Since.After(before.Since) || !isSame(s.Epoch(), after) {
				t.Errorf("the epoch began at %v, the one before at %v", after.Since, before.Since)
			}
			if !strings.Contains(log.String(), "emptied, restarted or replaced") {
				t.Errorf("the log does not say it: %s", log)
			}
			another, _ := open(t, "valkey://"+server.Addr)
			if _, epoch := use(t, another, newID()); !isSame(epoch, after) {
				t.Error("another process is in another epoch")
			}
		})
	}
}

// TestAway has servers that do not respond, and then do again.
func TestAway(t *testing.T) {
	t.Parallel()
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		server := storetest.Start(t)
		s, log := open(t, "valkey://"+server.Addr)
		use(t, s, newID())
		server.Kill()
		fails(t, s)
		server.Restart()
		storetest.Await(t, "it is back", s.Ready)
		use(t, s, newID())
		if !strings.Contains(log.String(), "the replay store cannot be used: requests with DPoP proofs get 503") ||
			strings.Count(log.String(), "the replay store is reached") != 2 {
			t.Errorf("the log: %s", log)
		}
	})
	t.Run("paused", func(t *testing.T) {
		t.Parallel()
		server := storetest.Start(t)
		s, log := open(t, "valkey://"+server.Addr)
		id := newID()
		_, before := use(t, s, id)
		server.Pause()
		fails(t, s)
		server.Resume()
		storetest.Await(t, "it is back", s.Ready)
		fresh, after := use(t, s, id)
		if fresh || !isSame(before, after) {
			t.Errorf("it has forgotten: %t, %v", fresh, after.Since)
		}
		if !strings.Contains(log.String(), "no response in time") {
			t.Errorf("the log: %s", log)
		}
	})
	t.Run("not there yet", func(t *testing.T) {
		t.Parallel()
		server := storetest.Start(t)
		server.Kill()
		s, _ := open(t, "valkey://"+server.Addr)
		if s.Epoch().Secret != nil {
			t.Error("it has an epoch")
		}
		fails(t, s)
		server.Restart()
		storetest.Await(t, "it is there", s.Ready)
		if fresh, _ := use(t, s, newID()); !fresh {
			t.Error("a new one was used")
		}
	})
	t.Run("no memory", func(t *testing.T) {
		t.Parallel()
		server := storetest.Start(t)
		s, log := open(t, "valkey://"+server.Addr)
		use(t, s, newID())
		server.Do("CONFIG", "SET", "maxmemory", "1")
		fails(t, s)
		server.Do("CONFIG", "SET", "maxmemory", "0")
		storetest.Await(t, "there is room", s.Ready)
		use(t, s, newID())
		if !strings.Contains(log.String(), "its memory is full (maxmemory)") {
			t.Errorf("the log: %s", log)
		}
	})
	t.Run("a replica", func(t *testing.T) {
		t.Parallel()
		server := storetest.Start(t)
		s, _ := open(t, "valkey://"+server.Addr)
		use(t, s, newID())
		server.Do("REPLICAOF", "127.0.0.1", "1")
		fails(t, s)
	})
}

// TestPassword has a wrong password, and then the right one.
func TestPassword(t *testing.T) {
	t.Parallel()
	server := storetest.Start(t)
	server.Do("ACL", "SETUSER", "api", "on", ">another", "~{dpop}:*", "+get", "+set", "+eval", "+evalsha", "+info", "+time")
	server.Do("CONFIG", "SET", "requirepass", "s3cret")
	var password atomic.Pointer[string]
	wrong, right, another := "wrong", "s3cret", "another"
	password.Store(&wrong)
	s, log := open(t, "valkey://"+server.Addr, func(o *valkeystore.Options) {
		o.Password = func() (string, error) { return *password.Load(), nil }
	})
	fails(t, s)
	if !strings.Contains(log.String(), "API_REPLAY_STORE_PASSWORD") || strings.Contains(log.String(), "wrong\"") {
		t.Errorf("the log: %s", log)
	}
	password.Store(&right)
	storetest.Await(t, "the right password", s.Ready)
	use(t, s, newID())

	user, _ := open(t, "valkey://api@"+server.Addr, func(o *valkeystore.Options) { o.Password = func() (string, error) { return another, nil } })
	use(t, user, newID())
}

// TestSlow has a network between that takes its time.
func TestSlow(t *testing.T) {
	t.Parallel()
	server := storetest.Start(t)
	var delay atomic.Int64
	s, _ := open(t, "valkey://"+slowly(t, server.Addr, &delay), func(o *valkeystore.Options) { o.Wait = time.Second })
	use(t, s, newID())
	delay.Store(int64(50 * time.Millisecond))
	use(t, s, newID())
	delay.Store(int64(3 * time.Second))
	if _, _, err := s.Use(t.Context(), newID(), time.Now().Add(time.Minute)); err == nil {
		t.Error("accepted after more than it may wait")
	}
	delay.Store(0)
	storetest.Await(t, "it is fast again", func() bool {
		_, _, err := s.Use(t.Context(), newID(), time.Now().Add(time.Minute))
		return err == nil
	})
}

// slowly forwards connections to addr, and delays what comes back. It returns its address.
func slowly(t *testing.T, addr string, delay *atomic.Int64) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var forwarding sync.WaitGroup
	ended := make(chan struct{})
	forwarding.Go(func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				_ = client.Close()
				continue
			}
			forwarding.Go(func() { _, _ = io.Copy(server, client); _ = server.Close() })
			forwarding.Go(func() {
				defer func() { _ = client.Close() }()
				for buffer := make([]byte, 4096); ; {
					n, err := server.Read(buffer)
					if err != nil {
						return
					}
					select {
					case <-time.After(time.Duration(delay.Load())): // what is tested
					case <-ended:
						_ = server.Close()
						return
					}
					if _, err := client.Write(buffer[:n]); err != nil {
						_ = server.Close()
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		close(ended)
	})
	return ln.Addr().String()
}

// TestFallback accepts a proof once a process while the server is away.
func TestFallback(t *testing.T) {
	t.Parallel()
	server := storetest.Start(t)
	var outcomes sync.Map
	s, log := open(t, "valkey://"+server.Addr, func(o *valkeystore.Options) {
		o.Fallback = dpop.NewMemory(100, nil)
		o.Observe = func(outcome string, _ time.Duration) { outcomes.Store(outcome, true) }
	})
	_, before := use(t, s, newID())
	server.Kill()
	id := newID()
	for _, want := range []bool{true, false} {
		if fresh, epoch := use(t, s, id); fresh != want || !isSame(epoch, before) {
			t.Errorf("accepted: %t, want %t; in the same epoch: %t", fresh, want, isSame(epoch, before))
		}
	}
	storetest.Await(t, "it is said", func() bool { return strings.Contains(log.String(), "each process accepts a DPoP proof once") })
	server.Restart()
	storetest.Await(t, "it is back", s.Ready)
	if fresh, _ := use(t, s, id); fresh {
		t.Error("what was used without the server is used again with it")
	}
	id = newID()
	use(t, s, id)
	server.Pause()
	if fresh, _ := use(t, s, id); fresh {
		t.Error("what was used with the server is used again without it")
	}
	server.Resume()
	if _, ok := outcomes.Load(valkeystore.Fallback); !ok {
		t.Error("the fallback is not observed")
	}
}

// TestWarnings has servers that are configured badly, and a wrong clock.
func TestWarnings(t *testing.T) {
	t.Parallel()
	server := storetest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	_, log := open(t, "valkey://"+server.Addr, func(o *valkeystore.Options) {
		o.Now = func() time.Time { return time.Now().Add(20 * time.Second) }
	})
	for _, want := range []string{"maxmemory-policy noeviction", "policy=allkeys-lru", "ahead=2"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q: %s", want, log)
		}
	}
	server.Do("SET", "{dpop}:epoch", "x")
	s, log := open(t, "valkey://"+server.Addr)
	if !s.Ready() { // it is replaced, because it is of no run of the server
		t.Errorf("the log: %s", log)
	}
}

// TestTLS has a server that accepts TLS only, with an authority of its own.
func TestTLS(t *testing.T) {
	t.Parallel()
	made := httptest.NewTLSServer(http.NotFoundHandler()) // which makes a certificate for 127.0.0.1
	defer made.Close()
	key, err := x509.MarshalPKCS8PrivateKey(made.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: made.Certificate().Raw}, "key.pem": {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := storetest.Start(t, "--port", "0", "--tls-port", "PORT", "--tls-auth-clients", "no",
		"--tls-cert-file", filepath.Join(dir, "cert.pem"), "--tls-key-file", filepath.Join(dir, "key.pem"), "--tls-ca-cert-file", filepath.Join(dir, "cert.pem"))
	trusted := x509.NewCertPool()
	trusted.AddCert(made.Certificate())
	s, log := open(t, "valkeys://"+server.Addr, func(o *valkeystore.Options) { o.URL.Authorities = trusted })
	if !s.Ready() {
		t.Fatal(log)
	}
	use(t, s, newID())
	for url, want := range map[string]string{"valkeys://": "certificate", "valkey://": "valkeys://"} {
		s, log := open(t, url+server.Addr)
		storetest.Await(t, url+" says "+want, func() bool { return strings.Contains(log.String(), want) })
		if s.Ready() {
			t.Errorf("%s: %s", url, log)
		}
	}
}
