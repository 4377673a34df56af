//go:build unix

package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/internal/storetest"
)

// replayed is an API of two processes that share a replay store, and an application.
type replayed struct {
	testing.TB
	*gatetest.Prover
	addrs []string
	token string
}

const replayedURL = "https://api.acme.test"

// newReplayed starts them with settings, "NAME=value".
func newReplayed(t *testing.T, settings ...string) (*replayed, *storetest.Server) {
	t.Helper()
	iss, store := gatetest.New(t), storetest.Start(t)
	r := &replayed{TB: t, Prover: gatetest.NewProver("ES256")}
	r.token = iss.Mint(gatetest.Claims{"cnf": r.Confirmation()})
	for range 2 {
		_, url, _ := start(t, append([]string{"AUTH0_DOMAIN=" + iss.URL, "API_REPLAY_STORE=valkey://" + store.Addr, "API_PUBLIC_URLS=" + replayedURL}, settings...)...)
		addr := strings.TrimPrefix(url, "http://")
		r.addrs = append(r.addrs, addr)
		storetest.Await(t, "ready", func() bool {
			status, _, _ := r.get(addr, "/readyz", "")
			return status == http.StatusOK
		})
	}
	return r, store
}

// get sends a request to one process, with the token and a proof unless that is "". The status is
// 0 if there is no answer.
func (r *replayed) get(addr, path, proof string) (status int, nonce, body string) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		r.Error(err)
		return 0, "", ""
	}
	if proof != "" {
		req.Header.Set("Authorization", "DPoP "+r.token)
		req.Header.Set("DPoP", proof)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Error(err)
	}
	return resp.StatusCode, resp.Header.Get("DPoP-Nonce"), string(content)
}

// proof returns a proof for /api/external, with the nonce unless that is "".
func (r *replayed) proof(nonce string) string {
	claims := gatetest.Claims{}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	return r.Proof(http.MethodGet, replayedURL+"/api/external", r.token, claims)
}

// TestReplayAtAnotherProcess has 1000 copies of one proof arrive at two processes at once: case
// 55 of DPoP's. The nonce of each is good at the other.
func TestReplayAtAnotherProcess(t *testing.T) {
	t.Parallel()
	r, _ := newReplayed(t, "API_REPLAY_STORE_WAIT=5s") // because the machine is busy
	status, nonce, body := r.get(r.addrs[0], "/api/external", r.proof(""))
	if status != http.StatusUnauthorized || nonce == "" || !strings.Contains(body, "proof_replayed") {
		t.Fatalf("with a store that is new: %d %s", status, body)
	}
	for range 3 {
		proof := r.proof(nonce)
		var statuses [600]atomic.Int32
		var copies sync.WaitGroup
		slots := make(chan struct{}, 200) // connections at once
		for i := range 1000 {
			copies.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				status, _, _ := r.get(r.addrs[i%2], "/api/external", proof)
				statuses[status].Add(1)
			})
		}
		copies.Wait()
		if accepted, rejected := statuses[200].Load(), statuses[401].Load(); accepted != 1 || rejected != 999 {
			t.Errorf("%d of 1000 are accepted, %d rejected, %d got no answer, %d 503", accepted, rejected, statuses[0].Load(), statuses[503].Load())
		}
	}
	for i, addr := range r.addrs {
		if status, _, body := r.get(addr, "/api/external", r.proof(nonce)); status != http.StatusOK {
			t.Errorf("process %d with the first one's nonce: %d %s", i, status, body)
		}
	}
}

// TestReplayStoreAway has the store die under two processes, and come back empty.
func TestReplayStoreAway(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"allowed", "required"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r, store := newReplayed(t, "API_DPOP="+mode)
			_, nonce, _ := r.get(r.addrs[0], "/api/external", r.proof(""))
			used := r.proof(nonce)
			if status, _, body := r.get(r.addrs[0], "/api/external", used); status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
			store.Kill()
			for i, addr := range r.addrs {
				if status, _, body := r.get(addr, "/api/external", r.proof(nonce)); status != http.StatusServiceUnavailable || !strings.Contains(body, "temporarily_unavailable") {
					t.Errorf("process %d without the store: %d %s", i, status, body)
				}
				storetest.Await(t, "it is said", func() bool {
					status, _, body := r.get(addr, "/readyz", "")
					return strings.Contains(body, `"replay_store":{"ready":false}`) && (status == http.StatusOK) == (mode == "allowed")
				})
				if _, _, metrics := r.get(addr, "/metrics", ""); !strings.Contains(metrics, "api_replay_store_ready 0") ||
					!strings.Contains(metrics, `api_replay_store_seconds_count{outcome="failed"} 1`) {
					t.Errorf("the metrics of process %d do not have it", i)
				}
				if status, _, _ := r.get(addr, "/api/public", ""); status != http.StatusOK {
					t.Errorf("a request without a proof: %d", status)
				}
			}
			store.Restart()
			for _, addr := range r.addrs {
				storetest.Await(t, "it is back", func() bool {
					status, _, body := r.get(addr, "/readyz", "")
					return status == http.StatusOK && strings.Contains(body, `"replay_store":{"ready":true}`)
				})
			}
			status, next, body := r.get(r.addrs[1], "/api/external", used)
			if status != http.StatusUnauthorized || next == "" || next == nonce {
				t.Fatalf("what was used before: %d %s", status, body)
			}
			for _, addr := range r.addrs {
				if status, _, body := r.get(addr, "/api/external", r.proof(next)); status != http.StatusOK {
					t.Errorf("with the next nonce: %d %s", status, body)
				}
			}
		})
	}
}

// TestReplayStoreOpen has two processes that accept proofs without the store: once each.
func TestReplayStoreOpen(t *testing.T) {
	t.Parallel()
	r, store := newReplayed(t, "API_DPOP=required", "API_REPLAY_STORE_FAILURE=open")
	_, nonce, _ := r.get(r.addrs[0], "/api/external", r.proof(""))
	store.Kill()
	proof := r.proof(nonce)
	var got []int
	for _, addr := range []string{r.addrs[0], r.addrs[0], r.addrs[1], r.addrs[1]} {
		status, _, _ := r.get(addr, "/api/external", proof)
		got = append(got, status)
	}
	if fmt.Sprint(got) != "[200 401 200 401]" {
		t.Errorf("got %v", got)
	}
	if status, _, body := r.get(r.addrs[0], "/readyz", ""); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
}
