//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"calling-an-api.example/devserver/internal/prover"
)

const (
	message   = "Your access token was successfully validated!"
	pause     = 10 * time.Millisecond // between two requests of one worker
	workers   = 2                     // of each kind
	grace     = 3 * time.Second       // in which a fault that has ended still excuses
	maxWrong  = 10                    // wrong answers that are shown
	maxAnswer = 1 << 20
)

// traffic sends requests of several kinds, and judges the answers.
type traffic struct {
	*system
	client *http.Client
	key    *prover.Key
	kinds  []*kind

	mu      sync.Mutex // protects all fields below
	bearer  string     // an access token
	bound   string     // one that is bound to key
	nonce   string     // that proofs should have
	excused map[string]time.Time
	wrong   []string
}

// kind is a kind of requests.
type kind struct {
	name string
	send func(ctx context.Context, n int) error // the nth request; an error is a wrong answer

	mu      sync.Mutex // protects all fields below
	took    []time.Duration
	excused int
	wrong   int
}

// neverError is an answer that no fault excuses.
type neverError struct{ error }

func newTraffic(ctx context.Context, s *system) (*traffic, error) {
	t := &traffic{
		system: s, excused: map[string]time.Time{},
		client: &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: 10 * time.Second}},
	}
	var err error
	if t.key, err = prover.New(); err != nil {
		return nil, err
	}
	if err := t.renew(ctx); err != nil {
		return nil, err
	}
	t.kinds = []*kind{
		{name: "page", send: t.askPage}, {name: "proxied, bearer", send: t.askProxied}, {name: "proxied, DPoP", send: t.askBound},
		{name: "one proof at both", send: t.replay}, {name: "bad token", send: t.askBadly}, {name: "tenant", send: t.askTenant},
	}
	return t, nil
}

// start sends requests until ctx ends. The channel is closed when the last answer has been judged.
func (t *traffic) start(ctx context.Context) (ended chan struct{}) {
	var group sync.WaitGroup
	for _, k := range t.kinds {
		for range workers {
			group.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					t.once(context.WithoutCancel(ctx), k, n) // or the end would look like a fault
					wait(ctx, pause)
				}
			})
		}
	}
	ended = make(chan struct{})
	go func() {
		group.Wait()
		t.client.CloseIdleConnections()
		close(ended)
	}()
	return ended
}

// once sends one request, and judges its answer.
func (t *traffic) once(ctx context.Context, k *kind, n int) {
	begin := time.Now()
	err := k.send(ctx, n)
	took := time.Since(begin)
	isExcused := err != nil && !errors.As(err, &neverError{}) && t.isExcused(k.name, begin)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.took = append(k.took, took)
	switch {
	case isExcused:
		k.excused++
	case err != nil:
		k.wrong++
		t.mu.Lock()
		defer t.mu.Unlock()
		if len(t.wrong) < maxWrong {
			t.wrong = append(t.wrong, fmt.Sprintf("%s %s: %v", begin.Format(time.TimeOnly), k.name, err))
		}
	}
}

// excuse excuses wrong answers of these kinds until the function is called, and a while more.
func (t *traffic) excuse(kinds ...string) (end func()) {
	set := func(until time.Time) {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, name := range kinds {
			t.excused[name] = until
		}
	}
	set(time.Now().Add(time.Hour))
	return func() { set(time.Now().Add(grace)) }
}

func (t *traffic) isExcused(name string, begin time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return begin.Before(t.excused[name])
}

// renew gets new tokens, which are signed with the tenant's newest key.
func (t *traffic) renew(ctx context.Context) error {
	thumbprint, err := t.key.Thumbprint()
	if err != nil {
		return err
	}
	bearer, err := t.mint(ctx, map[string]any{"user": "ada@example.com"})
	if err != nil {
		return err
	}
	bound, err := t.mint(ctx, map[string]any{"user": "ada@example.com", "jkt": thumbprint})
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bearer, t.bound = bearer, bound
	return nil
}

// mint has the tenant make a token.
func (t *traffic) mint(ctx context.Context, options map[string]any) (string, error) {
	body, err := json.Marshal(options)
	if err != nil {
		return "", err
	}
	a, err := t.do(ctx, http.MethodPost, t.tenant+"/_tenant/token", string(body), "Content-Type: application/json")
	if err != nil {
		return "", err
	}
	var made struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(a.body), &made); err != nil || made.Token == "" {
		return "", fmt.Errorf("no token: %d %s", a.status, a.body)
	}
	return made.Token, nil
}

// answer is a complete answer.
type answer struct {
	status int
	nonce  string
	body   string
}

// do sends a request with these headers, "Name: value".
func (t *traffic) do(ctx context.Context, method, url, body string, headers ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return answer{resp.StatusCode, resp.Header.Get("DPoP-Nonce"), string(content)}, errors.Join(err, resp.Body.Close())
}

// expect returns an error if a is no answer with the status and the text.
func (a answer) expect(status int, text string) error {
	if a.status != status || !strings.Contains(a.body, text) {
		return fmt.Errorf("%d %.200s", a.status, a.body)
	}
	return nil
}

// print prints a table of the kinds.
func (t *traffic) print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "\n| requests | count | p50 | p99 | during a fault, not served | wrong |\n|---|---:|---:|---:|---:|---:|\n")
	for _, k := range t.kinds {
		slices.Sort(k.took)
		at := func(share float64) float64 {
			return float64(k.took[int(share*float64(len(k.took)-1))].Microseconds()) / 1000
		}
		_, _ = fmt.Fprintf(w, "| %s | %d | %.1f ms | %.1f ms | %d | %d |\n", k.name, len(k.took), at(.5), at(.99), k.excused, k.wrong)
	}
}

// verdict returns an error if an answer was wrong.
func (t *traffic) verdict() error {
	total := 0
	for _, k := range t.kinds {
		total += k.wrong
		if len(k.took) < 10 {
			return fmt.Errorf("only %d requests of the kind %q", len(k.took), k.name)
		}
	}
	if total > 0 {
		return fmt.Errorf("%d wrong answers, such as:\n%s", total, strings.Join(t.wrong, "\n"))
	}
	return nil
}
