package valkeystore

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"

	"github.com/valkey-io/valkey-go"
)

// reason is what err says, in words for the operator. It has nothing that changes from one attempt
// to the next, like the port of a connection, so that it is logged once.
func (s *Store) reason(err error) string {
	text := err.Error()
	if answer, ok := errors.AsType[*valkey.ValkeyError](err); ok {
		text = answer.Error()
	}
	tls := "; does it use TLS? then write valkeys://"
	if s.opts.URL.TLS {
		tls = "; does it use TLS? if not, write valkey://"
	}
	failed, isNetwork := errors.AsType[*net.OpError](err)
	name, isName := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no response in time" + tls
	case isName:
		return "the name " + name.Name + " cannot be resolved"
	case isNetwork && failed.Op == "dial":
		return "connect: " + failed.Err.Error()
	case isNetwork, errors.Is(err, io.EOF):
		return "the connection broke off" + tls
	case strings.Contains(text, "unknown message type"):
		return "it does not speak the protocol of Valkey and Redis" + tls
	case strings.Contains(text, "cluster support disabled") && len(s.opts.URL.Addresses) > 1:
		return "several hosts must be the nodes of a cluster, or with ?sentinel=NAME sentinels: " + text
	case strings.HasPrefix(text, "OOM"):
		return "its memory is full (maxmemory): " + text
	case strings.HasPrefix(text, "WRONGPASS"), strings.HasPrefix(text, "NOAUTH"):
		return "the password is wrong or missing: set API_REPLAY_STORE_PASSWORD or --replay-store-password-file: " + text
	case strings.HasPrefix(text, "NOPERM"):
		return "the user may not do what is needed (docs/dpop.md lists the commands and keys): " + text
	}
	return text
}
