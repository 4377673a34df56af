package proxy

import (
	"context"
	"net"
	"net/http"
	"net/url"

	"calling-an-api.example/devserver/internal/localnet"
)

// environmentProxy returns the proxy for r that HTTP_PROXY, HTTPS_PROXY and NO_PROXY
// name, or nil for none. There is none for targets on this machine: a company's proxy
// cannot reach them.
func environmentProxy(r *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(r)
	if err != nil || proxy == nil || isThisMachine(r.URL.Hostname()) {
		return nil, err
	}
	return proxy, nil
}

// makeAbsolute makes out name its target by a whole URL if a proxy of the environment
// forwards it, as it does for http targets, and reports whether it does. The Host header
// must then be the target's (RFC 9112 §3.2.2).
func makeAbsolute(out *http.Request) bool {
	if out.URL.Scheme != "http" {
		return false
	}
	if proxy, err := environmentProxy(out); err != nil || proxy == nil {
		return false
	}
	path := out.URL.Opaque
	if path == "" {
		path = out.URL.EscapedPath()
	}
	out.URL.Opaque = "//" + out.URL.Host + path
	return true
}

// isThisMachine reports whether host, a name or an IP address, is always this machine.
func isThisMachine(host string) bool {
	if localnet.IsLoopback(host) {
		return true
	}
	ip := net.ParseIP(host)
	if ip == nil {
		return false
	}
	for _, own := range localnet.Addresses() {
		if own.Equal(ip) {
			return true
		}
	}
	return ip.IsUnspecified()
}

// proxyVariable returns the variable that names the proxy for target.
func proxyVariable(target *url.URL) string {
	if target.Scheme == "https" {
		return "HTTPS_PROXY"
	}
	return "HTTP_PROXY"
}

// proxyFor returns the host of the environment's proxy for target, "" for none.
func proxyFor(target *url.URL) string {
	proxy, err := environmentProxy(&http.Request{URL: target})
	if err != nil || proxy == nil {
		return ""
	}
	return proxy.Host
}

// tunnelError says that the environment's proxy did not connect to the target.
type tunnelError struct{ status string }

func (e *tunnelError) Error() string { return "it answered " + e.status }

// checkTunnel is the OnProxyConnectResponse of a transport.
func checkTunnel(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &tunnelError{resp.Status}
	}
	return nil
}
