//go:build unix

package valkeystore_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
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

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// TestRolledBack has a primary server become a replica of one that has missed a proof, and the
// primary again, in the same run.
func TestRolledBack(t *testing.T) {
	t.Parallel()
	server := storetest.Start(t)
	host, port, _ := net.SplitHostPort(server.Addr)
	replica := storetest.Start(t, "--replicaof", host, port, "--repl-diskless-sync-delay", "0")
	replicaHost, replicaPort, _ := net.SplitHostPort(replica.Addr)
	inSync := func(one *storetest.Server) func() bool {
		return func() bool { return strings.Contains(one.Do("INFO", "replication"), "master_link_status:up") }
	}
	storetest.Await(t, "the replica", inSync(replica))
	s, log := open(t, "valkey://"+server.Addr)
	use(t, s, newID())
	storetest.Await(t, "the epoch is replicated", func() bool { return replica.Do("EXISTS", "{dpop}:epoch") == "1" })
	replica.Do("REPLICAOF", "NO", "ONE") // it misses what follows
	id := newID()
	_, before := use(t, s, id)
	server.Do("REPLICAOF", replicaHost, replicaPort)
	storetest.Await(t, "the roles are exchanged", inSync(server))
	server.Do("REPLICAOF", "NO", "ONE")
	storetest.Await(t, "it works again", func() bool {
		fresh, epoch, err := s.Use(t.Context(), id, time.Now().Add(time.Minute))
		if err == nil && fresh && isSame(epoch, before) {
			t.Fatalf("accepted twice in one epoch: %s", log)
		}
		return err == nil
	})
}

// TestClusterTakeover has a replica take the place of a primary node that it has lost touch with. The
// client is connected to both.
func TestClusterTakeover(t *testing.T) {
	t.Parallel()
	cluster := []string{"--cluster-enabled", "yes", "--cluster-node-timeout", "60000", "--repl-diskless-sync-delay", "0"}
	primary, replica := storetest.Start(t, cluster...), storetest.Start(t, append(cluster, "--cluster-replica-no-failover", "yes")...)
	primary.Do("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
	host, port, _ := net.SplitHostPort(primary.Addr)
	replica.Do("CLUSTER", "MEET", host, port)
	node := primary.Do("CLUSTER", "MYID")
	storetest.Await(t, "they know each other", func() bool { return strings.Contains(replica.Do("CLUSTER", "NODES"), node) })
	replica.Do("CLUSTER", "REPLICATE", node)
	storetest.Await(t, "the replica", func() bool { return strings.Contains(replica.Do("INFO", "replication"), "master_link_status:up") })
	storetest.Await(t, "the cluster", func() bool { return strings.Contains(replica.Do("CLUSTER", "INFO"), "cluster_state:ok") })
	s, log := open(t, "valkey://"+primary.Addr+","+replica.Addr)
	storetest.Await(t, "it is reached", s.Ready)
	known := newID()
	use(t, s, known)
	replicated := func(id dpop.ID) bool { return strings.Contains(replica.Do("KEYS", "*"), fmt.Sprintf("%x", id)) }
	storetest.Await(t, "the replica has it", func() bool { return replicated(known) })
	replica.Do("CONFIG", "SET", "masterauth", "wrong") // so that the next connection fails
	primary.Do("CLIENT", "KILL", "TYPE", "replica")
	storetest.Await(t, "the replica has lost touch", func() bool { return strings.Contains(replica.Do("INFO", "replication"), "master_link_status:down") })
	id := newID()
	_, before := use(t, s, id)
	if replicated(id) {
		t.Fatal("the replica has not missed it")
	}
	replica.Do("CLUSTER", "FAILOVER", "TAKEOVER")
	storetest.Await(t, "the replica is the primary", func() bool { return strings.Contains(primary.Do("CLUSTER", "NODES"), "myself,slave") })
	storetest.Await(t, "it works again", func() bool {
		fresh, epoch, err := s.Use(t.Context(), id, time.Now().Add(time.Minute))
		if err == nil && fresh && isSame(epoch, before) {
			t.Fatalf("accepted twice in one epoch: %s", log)
		}
		return err == nil
	})
}

// TestCluster has the keys on the one of two nodes that has their slot.
func TestCluster(t *testing.T) {
	t.Parallel()
	nodes := []*storetest.Server{storetest.Start(t, "--cluster-enabled", "yes"), storetest.Start(t, "--cluster-enabled", "yes")}
	nodes[0].Do("CLUSTER", "ADDSLOTSRANGE", "0", "8000")
	nodes[1].Do("CLUSTER", "ADDSLOTSRANGE", "8001", "16383")
	host, port, _ := net.SplitHostPort(nodes[1].Addr)
	nodes[0].Do("CLUSTER", "MEET", host, port)
	for _, node := range nodes {
		storetest.Await(t, "the cluster", func() bool { return strings.Contains(node.Do("CLUSTER", "INFO"), "cluster_state:ok") })
	}
	for _, url := range []string{"valkey://" + nodes[0].Addr, "valkey://" + nodes[1].Addr + "," + nodes[0].Addr} {
		s, log := open(t, url)
		if !s.Ready() {
			t.Fatalf("the log: %s", log)
		}
		id := newID()
		first, _ := use(t, s, id)
		second, _ := use(t, s, id)
		if !first || second {
			t.Errorf("%s: accepted: %t, %t", url, first, second)
		}
	}
}

// TestSentinel has the primary server die, and a replica take its place: what it may have missed
// counts as forgotten.
func TestSentinel(t *testing.T) {
	t.Parallel()
	primary := storetest.Start(t)
	host, port, _ := net.SplitHostPort(primary.Addr)
	replica := storetest.Start(t, "--replicaof", host, port, "--repl-diskless-sync-delay", "0")
	storetest.Await(t, "the replica", func() bool { return strings.Contains(replica.Do("INFO", "replication"), "master_link_status:up") })
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	sentinel := storetest.StartSentinel(t, config, fmt.Sprintf("sentinel monitor shop %s %s 1\nsentinel down-after-milliseconds shop 300\nsentinel failover-timeout shop 3000\n", host, port))
	s, log := open(t, "valkey://"+sentinel.Addr+"?sentinel=shop")
	if !s.Ready() {
		t.Fatalf("the log: %s", log)
	}
	id := newID()
	_, before := use(t, s, id)
	storetest.Await(t, "the replica has it", func() bool { return replica.Do("EXISTS", fmt.Sprintf("{dpop}:%x", id)) == "1" })
	storetest.Await(t, "the sentinel knows the replica", func() bool { return strings.Contains(sentinel.Do("INFO", "sentinel"), "slaves=1") })
	primary.Kill()
	storetest.Await(t, "the replica is the primary", func() bool {
		fresh, epoch, err := s.Use(t.Context(), newID(), time.Now().Add(time.Minute))
		if err == nil && isSame(epoch, before) {
			t.Fatalf("accepted in the epoch before: %t", fresh)
		}
		return err == nil
	})
	if fresh, after := use(t, s, id); fresh || isSame(after, before) {
		t.Errorf("after it: %t, in the same epoch: %t", fresh, isSame(after, before))
	}
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"valkey://localhost":                     "[localhost:6379] false  0 ",
		"valkeys://ada@a.test:1,b.test,[::1]":    "[a.test:1 b.test:6379 [::1]:6379] true ada 0 ",
		"redis://localhost:6380/2":               "[localhost:6380] false  2 ",
		"rediss://a:26379,b:26379?sentinel=shop": "[a:26379 b:26379] true  0 shop",
	} {
		u, err := valkeystore.ParseURL(text)
		if got := fmt.Sprint(u.Addresses, u.TLS, " ", u.User, " ", u.Database, " ", u.Sentinel); err != nil || strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
			t.Errorf("%s: got %q, %v; want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"localhost:6379": "valkey://", "http://a": "http", "valkey://:6379": "a host is missing", "valkey://": "a host is missing", "valkey://a#b": "host:port", "valkey://a b": "host:port", "valkey://%zz": "host:port",
		"valkey://p@secret@h#x": "malformed", "valkey://ada:se/secret@a": "password", "valkey://ada:se?secret@a": "password", "valkey://a:1/secret@b": "password", "valkey://a,b/3": "databases", "valkey://a:0": "host:port", "valkey://a:x": "host:port", "valkey://a:99999": "host:port",
		"valkey://a,": "a host is missing", "valkey://ada:secret@a": "password", "valkey://a/x": "database", "valkey://a/-1": "database", "valkey://a?x=1": "option", "valkey://a?sentinel=": "needs one name",
		"valkey://a?sentinel=a&sentinel=b": "needs one name", "valkey://a?%zz": "escape", "": "valkey://",
	} {
		if _, err := valkeystore.ParseURL(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("valkeys://ada@a.test:1,b.test,[::1]/3?sentinel=shop")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := valkeystore.ParseURL(text)
		if err != nil {
			return
		}
		for _, address := range u.Addresses {
			if _, _, err := net.SplitHostPort(address); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}
