package gate

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"calling-an-api.example/api/gate/dpop"
)

// This file connects access tokens with DPoP proofs (RFC 9449 §7). Package dpop verifies
// the proofs.

// nonceHeader tells clients which nonce their proofs need (RFC 9449 §8.1).
const nonceHeader = "Dpop-Nonce"

// Bound requires that the token is bound to a key, and so that the request has a DPoP proof.
// It is for routes of a [Gate] that accepts bearer tokens too.
func Bound() Requirement {
	p := invalidToken(ReasonBinding, "This resource requires an access token that is bound to a key, and a DPoP proof", nil)
	p.DPoP = true
	return func(t Token) error {
		if t.Thumbprint() == "" {
			return p
		}
		return nil
	}
}

// checkProof verifies the proof of a request with token. The proof is nil if the token is a
// bearer token.
func (g *Gate) checkProof(r *http.Request, c sent, token Token) (*dpop.Proof, *Problem) {
	switch isBound := token.Thumbprint() != ""; {
	case isBound && !c.dpop:
		return nil, boundAsBearer(token)
	case !isBound && c.dpop:
		return nil, &Problem{
			Status: http.StatusUnauthorized, Code: CodeInvalidToken, Reason: ReasonBinding, Issuer: token.Issuer(), DPoP: true,
			Description: "The access token is not bound to a key; send it with the scheme Bearer, or request a bound one with a DPoP proof",
		}
	case !isBound && g.RequireDPoP:
		return nil, &Problem{
			Status: http.StatusUnauthorized, Code: CodeInvalidToken, Reason: ReasonBinding, Issuer: token.Issuer(), DPoP: true,
			Description: "This API requires an access token that is bound to a key, and a DPoP proof",
		}
	case !isBound:
		return nil, nil //nolint:nilnil // a bearer token has no proof
	}
	proof, err := g.DPoP.Check(r.Header["Dpop"], dpop.Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Token: c.token, Thumbprint: token.Thumbprint(),
	})
	if err != nil {
		return nil, g.proofProblem(err, token)
	}
	return &proof, nil
}

// boundAsBearer is the problem of a bound token with the scheme Bearer (RFC 9449 §7.2).
func boundAsBearer(token Token) *Problem {
	return &Problem{
		Status: http.StatusUnauthorized, Code: CodeInvalidToken, Reason: ReasonBinding, Issuer: token.Issuer(),
		Description: "The access token is bound to a key, so it cannot be used as a bearer token; send it with the scheme DPoP and a proof",
	}
}

// proofProblem returns the Problem for an error of package dpop.
func (g *Gate) proofProblem(err error, token Token) *Problem {
	p, ok := errors.AsType[*dpop.Problem](err)
	if !ok {
		unavailable := unavailable("DPoP proofs cannot be checked now; try again later", time.Second, err)
		unavailable.Issuer = token.Issuer()
		return unavailable
	}
	problem := &Problem{
		Status: http.StatusUnauthorized, Code: CodeInvalidProof, Reason: p.Reason, Description: p.Description, Issuer: token.Issuer(), DPoP: true,
	}
	switch {
	case p.NeedsNonce:
		problem.Code, problem.Nonce = CodeUseNonce, g.DPoP.Nonce()
	case p.Reason == dpop.ReasonBinding:
		problem.Code = CodeInvalidToken // RFC 9449 §7.1
	}
	return problem
}

// problem returns err, an error of the Verifier, with the scheme that the token was sent
// with.
func (c sent) problem(err error) error {
	p, ok := errors.AsType[*Problem](err)
	if !ok || !c.dpop {
		return err
	}
	withScheme := *p // it may be shared
	withScheme.DPoP = true
	return &withScheme
}

// unmet returns the Problem for err, an error of a [Requirement].
func (c sent) unmet(err error, token Token) *Problem {
	p, ok := errors.AsType[*Problem](err)
	if !ok || p == nil {
		return unavailable("The token could not be verified", time.Second, err)
	}
	complete := *p // it may be shared
	complete.Status, complete.Code = cmp.Or(p.Status, http.StatusForbidden), cmp.Or(p.Code, CodeInsufficientScope)
	complete.Reason = cmp.Or(p.Reason, ReasonClaim)
	complete.DPoP = p.DPoP || c.dpop
	complete.Issuer = token.Issuer()
	return &complete
}
