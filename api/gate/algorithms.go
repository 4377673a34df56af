package gate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"calling-an-api.example/api/gate/internal/alg"
)

// algorithms are the names of the signature algorithms that a [Policy] accepts.
type algorithms []string

// newAlgorithms returns names, or the default. It returns an error for a name that is not
// supported.
func newAlgorithms(names []string) (algorithms, error) {
	if len(names) == 0 {
		return algorithms{alg.RS256}, nil
	}
	for _, name := range names {
		if !alg.Known(name) {
			return nil, fmt.Errorf("gate: Policy.Algorithms has %q; supported are %s", name, strings.Join(alg.Names(), ", "))
		}
	}
	return slices.Clone(names), nil
}

// named returns the one of a that text is, or "". It does not allocate.
func (a algorithms) named(text []byte) string {
	for _, name := range a {
		if string(text) == name {
			return name
		}
	}
	return ""
}

// errAlgorithm is the error for a token with another algorithm.
func (a algorithms) errAlgorithm() error {
	if len(a) == 1 {
		return errors.New("alg is not " + a[0])
	}
	return errors.New("alg is not one of " + strings.Join(a, ", "))
}
