package gate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"calling-an-api.example/api/gate/internal/alg"
	"calling-an-api.example/api/gate/internal/issuer"
)

// source is an [Issuer] with what its Keys can do.
type source struct {
	url       string // as configured
	keys      Keys
	snapshots Snapshotter // nil if the keys are none
	names     Discoverer  // nil if the keys are none
}

// issuers are those of a [Policy]. There are few, so they are compared one by one.
type issuers []*source

// newIssuers returns the issuers of policy. Its errors are those of [NewVerifier].
func newIssuers(policy Policy, accepted algorithms) (issuers, error) {
	if len(policy.Issuers) == 0 {
		return nil, errors.New("gate: Policy.Issuers are required")
	}
	var all issuers
	for _, given := range policy.Issuers {
		static, isStatic := given.Keys.(StaticKeys)
		snapshots, isSnapshotter := given.Keys.(Snapshotter)
		names, _ := given.Keys.(Discoverer)
		switch {
		case given.URL == "" || given.Keys == nil:
			return nil, errors.New("gate: every issuer needs a URL and Keys")
		case policy.CacheSize > 0 && !isStatic && !isSnapshotter: // a cached token must not outlive its key
			return nil, errors.New("gate: Policy.CacheSize needs Keys that are StaticKeys or a Snapshotter")
		}
		for _, other := range all {
			if issuer.Canonical(other.url) == issuer.Canonical(given.URL) {
				return nil, fmt.Errorf("gate: the issuer %q is there twice", given.URL)
			}
		}
		for kid, key := range static {
			if err := alg.Check(key); err != nil {
				return nil, fmt.Errorf("gate: the key %q of the issuer %q is not usable: %w", kid, given.URL, err)
			}
			if !slices.ContainsFunc(accepted, func(name string) bool { return alg.Fits(name, key) }) {
				return nil, fmt.Errorf("gate: the key %q of the issuer %q is not one for %s; see Policy.Algorithms", kid, given.URL, strings.Join(accepted, " or "))
			}
		}
		all = append(all, &source{given.URL, given.Keys, snapshots, names})
	}
	return all, nil
}

// snapshot returns the snapshot of the keys. Keys that are no Snapshotter are always
// usable, and in epoch 0.
func (i *source) snapshot() (key KeyFunc, epoch int64, usable bool) {
	if i.snapshots != nil {
		return i.snapshots.Snapshot()
	}
	return i.keys.Key, 0, true
}

// name returns the exact value of iss.
func (i *source) name() string {
	if i.names != nil {
		return i.names.Issuer()
	}
	return i.url
}

// find returns the issuer that the token names. Its exact spelling is checked later,
// because it may not be known yet.
func (all issuers) find(c *claims) (*source, *Problem) {
	for _, i := range all {
		if c.issuer == i.name() {
			return i, nil
		}
	}
	if c.issuer == "" {
		return nil, invalidToken(ReasonClaims, lacksClaim+"iss", nil)
	}
	name := issuer.Canonical(c.issuer)
	for _, i := range all {
		if name == issuer.Canonical(i.url) {
			return i, nil
		}
	}
	return nil, invalidToken(ReasonIssuer, "The access token is from another issuer", nil)
}

// checkSpelling returns a Problem unless text is exactly the issuer's name.
func (i *source) checkSpelling(text string) *Problem {
	name := i.name()
	if text == name {
		return nil
	}
	return invalidToken(ReasonIssuer, "The access token is from another issuer", &spellingError{want: name, got: text})
}

// spellingError is the cause if the token's issuer and the configured one differ only by
// a trailing slash, the most frequent configuration mistake, or by the case or port of the
// host.
type spellingError struct{ want, got string }

func (e *spellingError) Error() string {
	how := "spelling"
	if strings.TrimSuffix(e.want, "/") == strings.TrimSuffix(e.got, "/") {
		how = "trailing slash"
	}
	return "the issuer differs by its " + how + ": expected " + e.want + ", got " + e.got
}
