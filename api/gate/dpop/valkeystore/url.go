package valkeystore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"
)

// URL says where the server is. [ParseURL] makes one.
type URL struct {
	Addresses   []string // host:port, at least one: of a server, nodes of a cluster, or sentinels
	TLS         bool
	Authorities *x509.CertPool // for TLS; nil means the system's
	User        string         // "" means the default one
	Database    int            // 0 in a cluster
	Sentinel    string         // name of the primary that the sentinels watch; "" without sentinels
}

// ParseURL parses valkey://[user@]host:port[,host:port…][/database][?sentinel=name], or valkeys:
// for TLS. The port is 6379 by default. Several addresses are nodes of one cluster, or sentinels.
// redis: and rediss: mean the same. A password is rejected, because flags and variables are seen by
// others.
func ParseURL(text string) (URL, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return URL{}, errors.New("write it like valkey://localhost:6379")
	}
	u := URL{TLS: scheme == "valkeys" || scheme == "rediss"}
	if !u.TLS && scheme != "valkey" && scheme != "redis" {
		return URL{}, fmt.Errorf("the scheme %s is not supported: write valkey://, or valkeys:// for TLS", scheme)
	}
	rest, query, _ := strings.Cut(rest, "?")
	rest, database, _ := strings.Cut(rest, "/")
	hosts := rest
	if user, after, ok := strings.Cut(rest, "@"); ok {
		if strings.Contains(user, ":") {
			return URL{}, errors.New("it has a password, which others can see there")
		}
		u.User, hosts = user, after
	}
	for host := range strings.SplitSeq(hosts, ",") {
		address, err := address(host)
		if err != nil {
			return URL{}, err
		}
		u.Addresses = append(u.Addresses, address)
	}
	if database != "" {
		n, err := strconv.Atoi(database)
		if err != nil || n < 0 {
			return URL{}, fmt.Errorf("the database %q is no number", database)
		}
		u.Database = n
	}
	options, err := url.ParseQuery(query)
	if err != nil {
		return URL{}, err
	}
	for name, values := range options {
		if name != "sentinel" || len(values) != 1 || values[0] == "" {
			return URL{}, fmt.Errorf("the option %s is not supported: only sentinel=NAME is", name)
		}
		u.Sentinel = values[0]
	}
	return u, nil
}

// address returns host with a port.
func address(host string) (string, error) {
	host = strings.TrimSpace(host)
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), "6379")
	}
	name, port, err := net.SplitHostPort(host)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n == 0 || name == "" {
		return "", fmt.Errorf("the address %q is not host:port", host)
	}
	return host, nil
}

// String returns the URL's addresses, for the log.
func (u URL) String() string {
	text := strings.Join(u.Addresses, ",")
	if u.Sentinel != "" {
		text += " (" + u.Sentinel + ")"
	}
	return text
}

// clientOptions returns the options of the client library. Its buffers are small, because the
// commands are; nothing is retried, because a request waits.
func (s *Store) clientOptions() (valkey.ClientOption, error) {
	u := s.opts.URL
	options := valkey.ClientOption{
		InitAddress: u.Addresses, SelectDB: u.Database, DisableCache: true, DisableRetry: true, AlwaysPipelining: true,
		Dialer: net.Dialer{Timeout: time.Second}, ConnWriteTimeout: time.Second,
		ReadBufferEachConn: 16 << 10, WriteBufferEachConn: 16 << 10, RingScaleEachConn: 8,
		Sentinel: valkey.SentinelOption{MasterSet: u.Sentinel, Dialer: net.Dialer{Timeout: time.Second}},
		DialCtxFn: func(ctx context.Context, address string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
			s.dials.Add(1) // before the first command on it
			if config != nil {
				return (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, "tcp", address)
			}
			return dialer.DialContext(ctx, "tcp", address)
		},
	}
	if u.TLS {
		options.TLSConfig = &tls.Config{RootCAs: u.Authorities, MinVersion: tls.VersionTLS12}
		options.Sentinel.TLSConfig = options.TLSConfig
	}
	if u.Sentinel == "" {
		options.AuthCredentialsFn = func(valkey.AuthCredentialsContext) (valkey.AuthCredentials, error) {
			password, err := s.password()
			return valkey.AuthCredentials{Username: u.User, Password: password}, err
		}
		return options, nil
	}
	// The function would be used for the sentinels too, which have no password.
	password, err := s.password()
	options.Username, options.Password = u.User, password
	return options, err
}

func (s *Store) password() (string, error) {
	if s.opts.Password == nil {
		return "", nil
	}
	return s.opts.Password()
}
