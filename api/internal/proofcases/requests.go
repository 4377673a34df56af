package proofcases

import (
	"crypto/elliptic"
	"math/big"
	"net/http"
)

// headers are about what is sent, and how.
func headers() []Case {
	one := func(status int, reason, name string, headers func(r *Run) []string) Case {
		return Case{Name: name, Requests: func(r *Run) [][]string { return [][]string{headers(r)} }, Status: status, Reason: reason}
	}
	bearer := func(r *Run) string { return "Authorization: Bearer " + r.Token }
	unbound := func(r *Run, scheme string) string { return "Authorization: " + scheme + " " + r.Unbound }
	proof := func(r *Run) string { return "DPoP: " + r.proof() }
	query := one(http.StatusBadRequest, "request", "14 a token in the query too", func(r *Run) []string { return []string{r.auth(), proof(r)} })
	query.Query = "?access_token=x"
	withQuery := good("41 a query in the request", (*Run).proof)
	withQuery.Query = "?a=b"
	return []Case{
		good("good", (*Run).proof),
		withQuery,
		query,
		one(http.StatusOK, "", "an unbound token as bearer", func(r *Run) []string { return []string{unbound(r, "Bearer")} }),
		one(http.StatusUnauthorized, "proof_form", "1 two DPoP headers", func(r *Run) []string { return []string{r.auth(), proof(r), proof(r)} }),
		one(http.StatusUnauthorized, "proof_form", "2 two proofs by comma", func(r *Run) []string { return []string{r.auth(), proof(r) + ", " + r.proof()} }),
		one(http.StatusUnauthorized, "proof_form", "3 empty", func(r *Run) []string { return []string{r.auth(), "DPoP: "} }),
		one(http.StatusUnauthorized, "proof_missing", "4 no proof", func(r *Run) []string { return []string{r.auth()} }),
		one(http.StatusUnauthorized, "binding", "5 bound as bearer", func(r *Run) []string { return []string{bearer(r)} }),
		one(http.StatusBadRequest, "request", "6 bound as bearer, with a proof", func(r *Run) []string { return []string{bearer(r), proof(r)} }),
		one(http.StatusBadRequest, "request", "7 unbound as bearer, with a proof", func(r *Run) []string { return []string{unbound(r, "Bearer"), proof(r)} }),
		one(http.StatusUnauthorized, "binding", "8 unbound as DPoP", func(r *Run) []string {
			return []string{unbound(r, "DPoP"), "DPoP: " + r.Owner.Proof(http.MethodGet, r.url(), r.Unbound, nil)}
		}),
		one(http.StatusOK, "", "9 the scheme in mixed case", func(r *Run) []string { return []string{"Authorization: dPoP " + r.Token, proof(r)} }),
		one(http.StatusBadRequest, "request", "10 two spaces", func(r *Run) []string { return []string{"Authorization: DPoP  " + r.Token, proof(r)} }),
		one(http.StatusUnauthorized, "missing", "13 a proof alone", func(r *Run) []string { return []string{proof(r)} }),
	}
}

// replays send a proof twice, or one like it.
func replays() []Case {
	twice := func(name string, proofs func(r *Run) (first, second string)) Case {
		return Case{Name: name, Status: http.StatusUnauthorized, Reason: "proof_replayed", Requests: func(r *Run) [][]string {
			first, second := proofs(r)
			return [][]string{{r.auth(), "DPoP: " + first}, {r.auth(), "DPoP: " + second}}
		}}
	}
	return []Case{
		twice("51 the same proof twice", func(r *Run) (first, second string) {
			first = r.proof()
			return first, first
		}),
		twice("52 the same jti, signed again", func(r *Run) (first, second string) { return r.claim("jti", "52"), r.claim("jti", "52") }),
		twice("52 s as n - s", func(r *Run) (first, second string) {
			first = r.proof()
			return first, resign(first, func(signature []byte) []byte {
				s := new(big.Int).SetBytes(signature[32:])
				s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
				return signature
			})
		}),
	}
}
