package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"calling-an-api.example/devserver/internal/localnet"
)

// This file decides where the page and the local tenant listen, who reaches them, and under
// which names.

// Exposed reports whether other machines can reach the page.
func (c Config) Exposed() bool {
	host, _, err := net.SplitHostPort(c.Addr)
	return err == nil && !localnet.IsLoopback(host)
}

// Origin is the origin that browsers use for the page or the local tenant, which listens on
// addr: [LocalOrigin], over TLS if that is on; or that with the host which other machines use.
func (c Config) Origin(addr string) string {
	if _, port, err := net.SplitHostPort(addr); err == nil && c.publicHost != "" {
		return strings.TrimSuffix("https://"+net.JoinHostPort(c.publicHost, port), ":443") // as browsers write it
	}
	origin := LocalOrigin(addr)
	if c.HTTPS {
		origin = strings.Replace(origin, "http:", "https:", 1)
	}
	return origin
}

// CertificateNames are the names and addresses that a certificate of the page and the local
// tenant must have, in addition to localhost.
func (c Config) CertificateNames() (names []string, addresses []net.IP) {
	if ip := net.ParseIP(c.publicHost); ip != nil {
		addresses = append(addresses, ip)
	}
	return c.AllowedHosts, addresses
}

// place puts host and port into the page's address; addr is the name of the setting that
// the address came from. Only --host makes the page reachable from other machines, so
// that this does not happen by accident.
func (c *Config) place(addr, host, port string) error {
	addrHost, addrPort, err := net.SplitHostPort(c.Addr)
	if err != nil || addrPort == "" {
		return fmt.Errorf("%s=%q: write it as host:port, like localhost:4200", addr, c.Addr)
	}
	if host == "" && !localnet.IsLoopback(addrHost) {
		return fmt.Errorf("%s=%q: it is reachable from other machines; write it with localhost, or add --host %s to expose it",
			addr, c.Addr, cmp.Or(addrHost, "0.0.0.0"))
	}
	if _, err := strconv.ParseUint(cmp.Or(port, "0"), 10, 16); err != nil {
		return fmt.Errorf("--port=%q: it must be a number up to 65535", port)
	}
	c.Addr = net.JoinHostPort(cmp.Or(host, addrHost), cmp.Or(port, addrPort))
	if host != "" && net.ParseIP(host) == nil {
		if !isHostName(host) {
			return fmt.Errorf("--host=%q: write a host name or an IP address, like dev.example or 0.0.0.0", host)
		}
		c.AllowedHosts = append(c.AllowedHosts, strings.ToLower(host))
	}
	if (c.Cert == "") != (c.Key == "") {
		return errors.New("--cert and --key must be set together")
	}
	c.HTTPS = c.HTTPS || c.Cert != ""
	return nil
}

// hostName matches host names in ASCII, as certificates have them. Others, like ümlaut.example, are
// written with xn--.
var hostName = regexp.MustCompile(`(?i)^([a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$`)

func isHostName(name string) bool { return len(name) <= 253 && hostName.MatchString(name) }

// expose has the local tenant listen where the page does, if other machines reach that over
// https: only then can users log in there, because browsers have no crypto.subtle over plain
// http. Page and tenant get one name, which the page, the tenant and the API agree about.
func (c *Config) expose() error {
	if !c.Exposed() || !c.HTTPS {
		return nil
	}
	host, _, _ := net.SplitHostPort(c.Addr) // place has checked it
	_, port, _ := net.SplitHostPort(c.TenantAddr)
	c.TenantAddr = net.JoinHostPort(host, port)
	addresses := localnet.Addresses()
	switch ip := net.ParseIP(host); {
	case ip == nil || !ip.IsUnspecified():
		c.publicHost = strings.ToLower(host)
	case len(c.AllowedHosts) > 0 && c.Cert != "":
		c.publicHost = c.AllowedHosts[0]
	case c.Cert != "":
		return errors.New("--cert is for a name: write that with --host or --allowed-host")
	case len(addresses) > 0:
		c.publicHost = addresses[0].String()
	}
	return nil
}

// loopback checks the tenant's address. Only --host makes it reachable from a network, because
// its passwords are public.
func loopback(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" {
		return errors.New("write it as host:port, like localhost:4200")
	}
	if !localnet.IsLoopback(host) {
		return errors.New("it is reachable from other machines; write it with localhost")
	}
	return nil
}
