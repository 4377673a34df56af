// Package proofcases is requests with DPoP proofs, valid and not, for tests of package gate.
// Other implementations are given the same ones, to compare their answers: the command in
// api/bench records them, and a test of package gate compares.
package proofcases

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"calling-an-api.example/api/gate/gatetest"
)

// Case is one request, or several of which the last counts.
type Case struct {
	Name string
	// Requests returns the headers of each request, as "Name: value".
	Requests func(r *Run) [][]string
	Query    string // of the requests, with its question mark
	Status   int    // by this API, with the reason in its answer
	Reason   string
}

// All returns all cases. Their names are unique. The numbers are those of the design.
func All() []Case { return slices.Concat(headers(), forms(), keys(), claims(), replays()) }

// Run is how one implementation is asked: GET requests of URL with Token.
type Run struct {
	Scheme, Host, Path string // of URL
	Token              string // bound to the key of Owner
	OtherToken         string // bound to it, too
	Unbound            string
	Owner, Other       *gatetest.Prover
}

// NewRun returns a Run. now is the clock of the proofs; mint returns a token with changes to
// its claims.
func NewRun(scheme, host, path string, now func() time.Time, mint func(changes gatetest.Claims) string) *Run {
	r := &Run{Scheme: scheme, Host: host, Path: path, Owner: gatetest.NewProver("ES256"), Other: gatetest.NewProver("ES256")}
	r.Owner.Now, r.Other.Now = now, now
	r.Token = mint(gatetest.Claims{"cnf": r.Owner.Confirmation()})
	r.OtherToken = mint(gatetest.Claims{"cnf": r.Owner.Confirmation(), "sub": "other"})
	r.Unbound = mint(nil)
	return r
}

func (r *Run) origin() string { return r.Scheme + "://" + r.Host }
func (r *Run) url() string    { return r.origin() + r.Path }
func (r *Run) now() int64     { return r.Owner.Now().Unix() }
func (r *Run) auth() string   { return "Authorization: DPoP " + r.Token }

// claim returns a proof with one other claim; nil removes it.
func (r *Run) claim(name string, value any) string {
	return r.Owner.Proof(http.MethodGet, r.url(), r.Token, gatetest.Claims{name: value})
}

func (r *Run) proof() string { return r.Owner.Proof(http.MethodGet, r.url(), r.Token, nil) }

// header returns a proof with one other parameter in its header; nil removes it.
func (r *Run) header(name string, value any) string {
	return r.Owner.ProofHeader(map[string]any{name: value}, http.MethodGet, r.url(), r.Token, nil)
}

// jwk returns a proof with a changed key in its header.
func (r *Run) jwk(change func(jwk map[string]any)) string {
	changed := maps.Clone(r.Owner.JWK())
	change(changed)
	return r.header("jwk", changed)
}

// text is the proof's header and payload as JSON, to which members can be added.
func (r *Run) text() (header, payload string) {
	return `{"typ":"dpop+jwt","alg":"ES256","jwk":` + asJSON(r.Owner.JWK()) + `}`,
		`{"htm":"GET","htu":"` + r.url() + `","iat":` + strconv.FormatInt(r.now(), 10) + `,"ath":"` + r.ath() + `","jti":"` + r.Owner.Thumbprint() + `"}`
}

func asJSON(jwk map[string]any) string {
	data, err := json.Marshal(jwk)
	if err != nil {
		panic(err) // impossible: the members are strings
	}
	return string(data)
}

func (r *Run) ath() string {
	digest := sha256.Sum256([]byte(r.Token))
	return encode(digest[:])
}

// sign returns a proof with exactly this header and payload, as ES256 by the key of by.
func sign(by *gatetest.Prover, header, payload string) string {
	signed := encode([]byte(header)) + "." + encode([]byte(payload))
	key, _ := by.Key().(*ecdsa.PrivateKey)
	signature, err := jwt.SigningMethodES256.Sign(signed, key)
	if err != nil {
		panic(err) // impossible: the key is one for ES256
	}
	return signed + "." + encode(signature)
}

// resign returns proof with another signature, the result of change.
func resign(proof string, change func(signature []byte) []byte) string {
	end := strings.LastIndexByte(proof, '.') + 1
	signature, err := base64.RawURLEncoding.DecodeString(proof[end:])
	if err != nil {
		panic(err) // impossible: we have encoded it
	}
	return proof[:end] + encode(change(signature))
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// good, and bad with a reason, are cases of one request with a proof.
func good(name string, proof func(r *Run) string) Case {
	return Case{Name: name, Requests: with(proof), Status: http.StatusOK}
}

func bad(reason, name string, proof func(r *Run) string) Case {
	return Case{Name: name, Requests: with(proof), Status: http.StatusUnauthorized, Reason: reason}
}

func with(proof func(r *Run) string) func(r *Run) [][]string {
	return func(r *Run) [][]string { return [][]string{{r.auth(), "DPoP: " + proof(r)}} }
}
