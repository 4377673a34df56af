package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"calling-an-api.example/api/gate/internal/jws"
)

// Nonces need no memory: a nonce is the number of a time window, with a MAC by the secret of
// the store's epoch. So all processes that share a store accept the nonces of each other, and
// none of an epoch whose proofs are forgotten.

const (
	// nonceWindow is how long one nonce is handed out. It is accepted for one window more, and
	// one before, because the clock of the process that made it may be ahead.
	nonceWindow = 5 * time.Minute
	nonceSize   = 4 + 16 // bytes: the number of the window and the MAC
)

func window(at time.Time) int64 { return at.Unix() / int64(nonceWindow/time.Second) }

// validUntil returns when the nonce of a window is no longer accepted.
func validUntil(window int64) time.Time {
	return time.Unix((window+2)*int64(nonceWindow/time.Second), 0)
}

// nonceAt returns the nonce of the window of at, "" without a secret.
func nonceAt(secret []byte, at time.Time) string {
	if len(secret) == 0 {
		return ""
	}
	return nonceOf(secret, window(at))
}

func nonceOf(secret []byte, window int64) string {
	var data [nonceSize]byte
	binary.BigEndian.PutUint32(data[:], uint32(window)) //nolint:gosec // enough until the year 42000
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write(data[:4]) // never fails
	copy(data[4:], mac.Sum(nil))
	return jws.Encoding.EncodeToString(data[:])
}

// checkNonce reports whether nonce is valid at now, and until when.
func checkNonce(secret []byte, nonce string, now time.Time) (until time.Time, ok bool) {
	for _, w := range []int64{window(now), window(now) - 1, window(now) + 1} {
		if len(secret) > 0 && hmac.Equal([]byte(nonce), []byte(nonceOf(secret, w))) {
			return validUntil(w), true
		}
	}
	return time.Time{}, false
}
