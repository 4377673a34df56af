package valkeystore

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
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
	if user, after, ok := strings.Cut(rest, "@"); ok { // first, so that no part of a password is in an error
		switch {
		case strings.Contains(user, ":"):
			return URL{}, errors.New("it has a password, which others can see there: set API_REPLAY_STORE_PASSWORD or --replay-store-password-file")
		case strings.Contains(after, "@"), !hostName.MatchString(user):
			return URL{}, errors.New("the user before @ is malformed")
		}
		u.User, rest = user, after
	}
	rest, query, _ := strings.Cut(rest, "?")
	hosts, database, _ := strings.Cut(rest, "/")
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
	if len(u.Addresses) > 1 && u.Database > 0 && !strings.Contains(query, "sentinel=") {
		return URL{}, errors.New("a cluster has no databases")
	}
	options, err := url.ParseQuery(query)
	if err != nil {
		return URL{}, err
	}
	for name, values := range options {
		if name != "sentinel" {
			return URL{}, fmt.Errorf("the option %s is not supported: only sentinel=NAME is", name)
		}
		if len(values) != 1 || values[0] == "" {
			return URL{}, errors.New("the option sentinel needs one name, that of the primary server")
		}
		u.Sentinel = values[0]
	}
	return u, nil
}

// hostName matches names and IPv4 addresses.
var hostName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// address returns host with a port.
func address(host string) (string, error) {
	host = strings.TrimSpace(host)
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), "6379")
	}
	name, port, err := net.SplitHostPort(host)
	switch n, portErr := strconv.ParseUint(port, 10, 16); {
	case err == nil && name == "":
		return "", errors.New("a host is missing: write it like valkey://localhost:6379")
	case err != nil || portErr != nil || n == 0 || net.ParseIP(name) == nil && !hostName.MatchString(name):
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
