package dpop

import "errors"

// Problem is why a proof was rejected. It has no data of the proof.
type Problem struct {
	Reason      string // one of the Reason constants
	Description string // one sentence for the developer of the client
	// NeedsNonce says that the client should send another proof, with the nonce of
	// [Verifier.Nonce] (RFC 9449 §9). Otherwise the proof is invalid (§7.1).
	NeedsNonce bool
}

// Values of [Problem].Reason. They are stable.
const (
	ReasonMissing  = "proof_missing"  // no proof
	ReasonForm     = "proof_form"     // not one JWT of the type dpop+jwt, or a claim is missing or of the wrong type
	ReasonKey      = "proof_key"      // the key is missing, weak, private or not for alg, or the signature is invalid
	ReasonMethod   = "proof_method"   // for another method
	ReasonURL      = "proof_url"      // for another URL
	ReasonTime     = "proof_time"     // too old, or in the future
	ReasonToken    = "proof_token"    // for another access token
	ReasonReplayed = "proof_replayed" // used before
	ReasonNonce    = "proof_nonce"    // without a valid nonce
	ReasonBinding  = "binding"        // by another key than the token's
)

// Error returns the reason and the description.
func (p *Problem) Error() string { return p.Reason + ": " + p.Description }

// errNotReached says that a [Store] has no [Epoch] yet.
var errNotReached = errors.New("it was not reached yet")

// UnavailableError says that a proof cannot be judged now, because the store of used proofs
// is full or does not respond.
type UnavailableError struct{ Err error }

func (e *UnavailableError) Error() string { return "the store of used proofs: " + e.Err.Error() }

// Unwrap returns the store's error.
func (e *UnavailableError) Unwrap() error { return e.Err }

func invalid(reason, description string) *Problem {
	return &Problem{Reason: reason, Description: description}
}
