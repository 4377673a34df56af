//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// askPage gets the page, or its script.
func (t *traffic) askPage(ctx context.Context, n int) error {
	path, text := "/", `id="outlet"`
	if n%2 == 1 {
		path, text = "/src/index.ts.js", "external-api"
	}
	a, err := t.do(ctx, http.MethodGet, t.page+path, "", "Accept: text/html")
	if err != nil {
		return err
	}
	return a.expect(http.StatusOK, text)
}

func (t *traffic) tokens() (bearer, bound, nonce string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bearer, t.bound, t.nonce
}

// askProxied calls the API through the dev server and nginx.
func (t *traffic) askProxied(ctx context.Context, _ int) error {
	bearer, _, _ := t.tokens()
	a, err := t.do(ctx, http.MethodGet, t.page+"/api/external", "", "Authorization: Bearer "+bearer)
	if err != nil {
		return err
	}
	return a.expect(http.StatusOK, message)
}

// askBound calls the API the same way with a DPoP proof. It follows one challenge, as the SDK
// does.
func (t *traffic) askBound(ctx context.Context, _ int) error {
	_, bound, nonce := t.tokens()
	for try := range 2 {
		proof, err := t.key.Proof(http.MethodGet, t.page+"/api/external", bound, nonce)
		if err != nil {
			return err
		}
		a, err := t.do(ctx, http.MethodGet, t.page+"/api/external", "", "Authorization: DPoP "+bound, "DPoP: "+proof)
		if err != nil {
			return err
		}
		if try == 0 && a.status == http.StatusUnauthorized && a.nonce != "" {
			nonce = a.nonce
			t.mu.Lock()
			t.nonce = nonce
			t.mu.Unlock()
			continue
		}
		return a.expect(http.StatusOK, message)
	}
	return nil
}

// replay sends one proof to both processes at once: one must accept it, and the other must not.
func (t *traffic) replay(ctx context.Context, _ int) error {
	_, bound, nonce := t.tokens()
	proof, err := t.key.Proof(http.MethodGet, t.page+"/api/external", bound, nonce)
	if err != nil {
		return err
	}
	var answers [2]answer
	var errs [2]error
	var both sync.WaitGroup
	for i, api := range t.apis {
		both.Go(func() {
			answers[i], errs[i] = t.do(ctx, http.MethodGet, "http://"+api+"/api/external", "", "Authorization: DPoP "+bound, "DPoP: "+proof)
		})
	}
	both.Wait()
	accepted, challenged := 0, 0
	for _, a := range answers {
		switch {
		case a.status == http.StatusOK:
			accepted++
		case a.status == http.StatusUnauthorized && a.nonce != "":
			challenged++
		}
	}
	switch {
	case accepted == 2:
		return neverError{errors.New("both accept the same proof")}
	case accepted == 1 && challenged == 1, challenged == 2 && nonceChanged(answers, nonce): // the store is new, and so is its nonce
		return nil
	}
	return fmt.Errorf("%d accept it, %d challenge it: %v, %w", accepted, challenged, answers, errors.Join(append(errs[:], errNeither)...))
}

var errNeither = errors.New("one must accept it, and one must not")

func nonceChanged(answers [2]answer, nonce string) bool {
	return answers[0].nonce != nonce || answers[1].nonce != nonce
}

// askBadly sends tokens that the API must reject, whatever happens.
func (t *traffic) askBadly(ctx context.Context, n int) error {
	bearer, bound, _ := t.tokens()
	parts := strings.Split(bearer, ".")
	bad := []string{
		parts[0] + "." + parts[1] + ".",                                      // no signature
		parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), // another one
		bound, // as a bearer token
		"eyJhbGciOiJub25lIn0." + parts[1] + ".",
	}
	a, err := t.do(ctx, http.MethodGet, t.page+"/api/external", "", "Authorization: Bearer "+bad[n%len(bad)])
	if err != nil {
		return err
	}
	if a.status == http.StatusOK {
		return neverError{fmt.Errorf("the API accepts bad token %d", n%len(bad))}
	}
	return a.expect(http.StatusUnauthorized, "error")
}

// askTenant gets a token as a machine does, and calls the first API with it.
func (t *traffic) askTenant(ctx context.Context, _ int) error {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"local-machine"}, "client_secret": {"local-machine-secret"}, "audience": {"http://localhost:3001"},
	}
	a, err := t.do(ctx, http.MethodPost, t.tenant+"/oauth/token", form.Encode(), "Content-Type: application/x-www-form-urlencoded")
	if err != nil {
		return err
	}
	if err := a.expect(http.StatusOK, "access_token"); err != nil {
		return err
	}
	_, after, _ := strings.Cut(a.body, `"access_token":"`)
	token, _, _ := strings.Cut(after, `"`)
	a, err = t.do(ctx, http.MethodGet, "http://"+t.apis[0]+"/api/external", "", "Authorization: Bearer "+token)
	if err != nil {
		return err
	}
	return a.expect(http.StatusOK, message)
}
