package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"calling-an-api.example/api/gate/gatetest"
)

// proofsPerSecond is how many proofs are signed for each second of a measurement, more than
// this API can check. If they are used up, proofs are sent twice, and its measurement fails.
// The other servers accept that.
const proofsPerSecond = 15_000

// prepareBound writes the scripts of the loads with a bound token (RFC 9449).
func prepareBound(dir string, iss *issuer) (loads []load, err error) {
	for _, algorithm := range []string{"ES256", "EdDSA"} {
		l := load{name: "One bound token, each proof new, " + algorithm, status: "2xx", bound: true}
		if l.script, err = writeScript(dir, l.name); err != nil {
			return nil, err
		}
		owner := gatetest.NewProver(algorithm)
		token, err := iss.sign(jwt.SigningMethodRS256, 0, map[string]any{"cnf": owner.Confirmation()})
		if err != nil {
			return nil, err
		}
		l.prepare = func(ctx context.Context, s *server, seconds int) error {
			proof := func() string { return owner.Proof(http.MethodGet, "http://"+s.addr+path, token, nil) }
			if err := awaitProofs(ctx, s, token, proof); err != nil {
				return err
			}
			proofs := make([]string, seconds*proofsPerSecond)
			_ = inParallel(len(proofs), func(i int) error { // which returns no error
				proofs[i] = proof()
				return nil
			})
			return writeLines(l.script, []string{token}, "DPoP ", proofs)
		}
		loads = append(loads, l)
	}
	return loads, nil
}

// awaitProofs returns when s accepts a proof. This API rejects those from before its start
// and the leeway of 5 s after it, because they could have been used before; with a shared store that
// is new, the 35 s after its start.
func awaitProofs(ctx context.Context, s *server, token string, proof func() string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		status, err := send(ctx, s, "", "", []string{"Authorization: DPoP " + token, "DPoP: " + proof()})
		switch {
		case err != nil:
			return err
		case status == http.StatusOK:
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("a good proof is answered with %d", status)
		}
	}
}
