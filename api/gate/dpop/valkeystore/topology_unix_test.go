//go:build unix

package valkeystore_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/api/gate/dpop"
	"calling-an-api.example/api/internal/storetest"
)

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
