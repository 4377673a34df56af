package dpop

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"calling-an-api.example/api/gate/internal/jws"
)

// Nonces need no memory: a nonce is the number of a time window, with a MAC. So all
// processes with one secret accept the nonces of each other.

const (
	// nonceWindow is how long one nonce is handed out. It is accepted for one window more.
	nonceWindow = 5 * time.Minute
	nonceSize   = 4 + 16 // bytes: the number of the window and the MAC
)

// nonces makes and checks nonces. Its methods may be called from any goroutine.
type nonces struct{ secret []byte }

// newNonces returns nonces by secret, or by a random one if it is empty.
func newNonces(secret []byte) nonces {
	if len(secret) == 0 {
		secret = make([]byte, 32)
		_, _ = rand.Read(secret) // never fails
	}
	return nonces{secret}
}

func window(at time.Time) int64 { return at.Unix() / int64(nonceWindow/time.Second) }

// validUntil returns when the nonce of a window is no longer accepted.
func validUntil(window int64) time.Time {
	return time.Unix((window+2)*int64(nonceWindow/time.Second), 0)
}

// at returns the nonce of the window of at.
func (n nonces) at(at time.Time) string { return n.of(window(at)) }

func (n nonces) of(window int64) string {
	var data [nonceSize]byte
	binary.BigEndian.PutUint32(data[:], uint32(window)) //nolint:gosec // enough until the year 42000
	mac := hmac.New(sha256.New, n.secret)
	_, _ = mac.Write(data[:4]) // never fails
	copy(data[4:], mac.Sum(nil))
	return jws.Encoding.EncodeToString(data[:])
}

// check reports whether nonce is valid at now, and until when.
func (n nonces) check(nonce string, now time.Time) (until time.Time, ok bool) {
	for _, w := range []int64{window(now), window(now) - 1} {
		if hmac.Equal([]byte(nonce), []byte(n.of(w))) {
			return validUntil(w), true
		}
	}
	return time.Time{}, false
}
