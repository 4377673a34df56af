package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"calling-an-api.example/api/internal/tokencases"
)

// peersFile has the answers of the peers to the tokens of package tokencases.
const peersFile = "../internal/httpapi/testdata/peers.json"

// answers is the content of peersFile.
type answers struct {
	Peers   []string         `json:"peers"`
	Answers map[string][]int `json:"answers"`
}

// recordAnswers sends the tokens of package tokencases to the peers and writes their
// answers to peersFile.
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
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
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
	peers := []*server{
		{name: "go-jwt-middleware " + version("go-jwt-middleware/v3")},
		{name: "express-oauth2-jwt-bearer " + versions["express-oauth2-jwt-bearer"]},
	}
	defer stopAll(peers)
	result := answers{Answers: map[string][]int{}}
	for i, command := range [][]string{
		{self, "serve", "auth0", iss.url}, {"node", filepath.Join(filepath.Dir(script), "auth0.mjs"), iss.url},
	} {
		if err := peers[i].start(ctx, command); err != nil {
			return err
		}
		result.Peers = append(result.Peers, peers[i].name)
	}
	signer := tokencases.Issuer{URL: iss.url, Audience: audience, KID: kid, Key: iss.key, Stranger: stranger, Now: time.Now()}
	for _, c := range tokencases.All() {
		token, err := signer.Token(c)
		if err != nil {
			return err
		}
		for _, peer := range peers {
			status, err := send(ctx, peer, token)
			if err != nil {
				return fmt.Errorf("%s, %q: %w", peer.name, c.Name, err)
			}
			result.Answers[c.Name] = append(result.Answers[c.Name], status)
		}
	}
	data, err := json.MarshalIndent(result, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(peersFile, append(data, '\n'), 0o644) //nolint:gosec // it is part of the repository
}

// send sends token to peer and returns the status of the answer.
func send(ctx context.Context, peer *server, token string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+peer.addr+"/api/external", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
