package tenant_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"calling-an-api.example/devserver/tenant"
)

// BenchmarkSession is a login without a page, POST /_tenant/session, by fifty workers at once among a
// thousand users, with the state in a file. An operation is one login of each worker.
func BenchmarkSession(b *testing.B) {
	const workers, users = 50, 1000
	srv := httptest.NewUnstartedServer(nil)
	local, err := tenant.New(tenant.Options{
		Issuer: "http://" + srv.Listener.Addr().String() + "/", StateFile: filepath.Join(b.TempDir(), "state.json"),
	})
	if err != nil {
		b.Fatal(err)
	}
	srv.Config.Handler = local
	srv.Start()
	defer local.Close()
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}
	defer client.CloseIdleConnections()
	logIn := func(email string) time.Duration {
		start := time.Now()
		resp, err := client.Post(srv.URL+"/_tenant/session", "application/json", strings.NewReader(fmt.Sprintf(`{"user": %q}`, email)))
		if err != nil {
			b.Error(err)
			return 0
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			b.Error(resp.Status, err)
		}
		return time.Since(start)
	}
	emails := make([]string, users)
	for i := range emails {
		u, err := local.AddUser(tenant.NewUser{})
		if err != nil {
			b.Fatal(err)
		}
		emails[i] = u.Email
		logIn(u.Email)
	}
	var mu sync.Mutex // protects took
	var took []time.Duration
	next := 0
	for b.Loop() {
		var wg sync.WaitGroup
		for range workers {
			email := emails[next%users]
			next++
			wg.Go(func() {
				one := logIn(email)
				mu.Lock()
				defer mu.Unlock()
				took = append(took, one)
			})
		}
		wg.Wait()
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(took[len(took)/2]), "ms/median")
	b.ReportMetric(ms(took[len(took)*99/100]), "ms/p99")
}
