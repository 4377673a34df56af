package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/internal/peers"
	"calling-an-api.example/api/internal/proofcases"
	"calling-an-api.example/api/internal/tokencases"
)

// The answers of the peers to the tokens of package tokencases, and to the proofs of package
// proofcases.
const (
	peersFile      = "../internal/httpapi/testdata/peers.json"
	proofPeersFile = "../gate/testdata/peers.json"
)

// recordAnswers asks the peers and writes their answers to both files.
func recordAnswers(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "api-differential-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder of temporary files
	iss, err := startIssuer()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	script, versions, err := installExpress(ctx, dir)
	if err != nil {
		return err
	}
	servers := []*server{
		{name: "go-jwt-middleware " + version("go-jwt-middleware/v3")},
		{name: "express-oauth2-jwt-bearer " + versions["express-oauth2-jwt-bearer"]},
	}
	defer stopAll(servers)
	for i, command := range [][]string{
		{self, "serve", "auth0", iss.url}, {"node", filepath.Join(filepath.Dir(script), "auth0.mjs"), iss.url},
	} {
		if err := servers[i].start(ctx, command); err != nil {
			return err
		}
	}
	if err := recordTokens(ctx, servers, iss); err != nil {
		return err
	}
	return recordProofs(ctx, servers, iss)
}

// recordTokens writes the answers to tokens.
func recordTokens(ctx context.Context, servers []*server, iss *issuer) error {
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	signer := tokencases.Issuer{URL: iss.url, Audience: audience, KID: kid, Key: iss.key, Stranger: stranger, Now: time.Now()}
	result := newAnswers(servers)
	for _, c := range tokencases.All() {
		token, err := signer.Token(c)
		if err != nil {
			return err
		}
		for _, peer := range servers {
			status, err := send(ctx, peer, "", "", []string{"Authorization: Bearer " + token})
			if err != nil {
				return fmt.Errorf("%s, %q: %w", peer.name, c.Name, err)
			}
			result.Answers[c.Name] = append(result.Answers[c.Name], status)
		}
	}
	return result.Write(peersFile)
}

// recordProofs writes the answers to proofs. They are for a host without a port, so that
// cases about ports are possible.
func recordProofs(ctx context.Context, servers []*server, iss *issuer) error {
	const host = "api.test"
	result := newAnswers(servers)
	for _, c := range proofcases.All() {
		for _, peer := range servers {
			run, err := iss.proofs(host)
			if err != nil {
				return err
			}
			var status int
			for _, headers := range c.Requests(run) {
				if status, err = send(ctx, peer, host, c.Query, headers); err != nil {
					return fmt.Errorf("%s, %q: %w", peer.name, c.Name, err)
				}
			}
			result.Answers[c.Name] = append(result.Answers[c.Name], status)
		}
	}
	return result.Write(proofPeersFile)
}

// proofs returns a run of package proofcases with tokens of iss.
func (iss *issuer) proofs(host string) (*proofcases.Run, error) {
	var err error
	run := proofcases.NewRun("http", host, path, time.Now, func(changes gatetest.Claims) string {
		token, e := iss.sign(jwt.SigningMethodRS256, 0, changes)
		if e != nil {
			err = e
		}
		return token
	})
	return run, err
}

func newAnswers(servers []*server) peers.Answers {
	result := peers.Answers{Answers: map[string][]int{}}
	for _, s := range servers {
		result.Peers = append(result.Peers, s.name)
	}
	return result
}

// send sends one request with headers, "Name: value", to peer and returns the status of the
// answer. host is the value of Host; "" means the address.
func send(ctx context.Context, peer *server, host, query string, headers []string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+peer.addr+path+query, nil)
	if err != nil {
		return 0, err
	}
	req.Host = host
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Add(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
