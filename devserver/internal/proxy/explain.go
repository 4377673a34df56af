package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"calling-an-api.example/devserver/internal/localnet"
	"calling-an-api.example/devserver/internal/proxyconf"
)

// explain returns the problem for err, an error of the request to the upstream, with
// its cause in words and the next step: 504 for timeouts, otherwise 502. api is the
// address of the project's API.
func explain(rule *proxyconf.Rule, p plan, api string, err error) *problem {
	from := p.target.Host
	if via := proxyFor(p.target); via != "" {
		from += " through the proxy " + via
	}
	status, code := http.StatusBadGateway, "bad_gateway"
	cause, isTimeout := timeoutCause(err)
	next := "Is the upstream at " + p.target.Host + " healthy? Its log may say more."
	if isTimeout {
		status, code = http.StatusGatewayTimeout, "gateway_timeout"
	} else {
		cause, next = causeOf(rule, p.target, api, err)
	}
	if proxyCause, ok := ofProxy(p.target, err); ok {
		cause = proxyCause
		next = "Check " + proxyVariable(p.target) + "; with NO_PROXY=" + p.target.Hostname() + " the target is reached directly. Then start the dev server again."
	}
	made := newProblem(rule, p, status, code, "The dev server got no answer from "+from+".", cause, next)
	made.Title = "No answer from " + from
	return made
}

// ofProxy returns the cause of err in words if it is the environment's proxy.
func ofProxy(target *url.URL, err error) (cause string, ok bool) {
	var tunnel *tunnelError
	var network *net.OpError
	name := "the proxy " + proxyFor(target) + " (" + proxyVariable(target) + ") "
	switch {
	case errors.As(err, &tunnel):
		return name + "does not connect to it: " + tunnel.Error(), true
	case errors.As(err, &network) && network.Op == "proxyconnect":
		return name + "cannot be reached: " + network.Err.Error(), true
	}
	return "", false
}

// timeoutCause reports whether err is a timeout, and returns its cause in words.
func timeoutCause(err error) (cause string, ok bool) {
	var noData *idleError
	var timeout net.Error
	switch {
	case errors.As(err, &noData):
		return noData.Error(), true
	case errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return "it took too long", true
	}
	return "", false
}

// causeOf returns the cause of err in words and what to do next.
func causeOf(rule *proxyconf.Rule, target *url.URL, api string, err error) (cause, next string) {
	var (
		dns    *net.DNSError
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
		alert  tls.AlertError
	)
	switch {
	case errors.As(err, &cert):
		return certificateCause(cert), `If the target is meant to have that certificate, set "secure": false for the rule ` + inFile(rule) + "."
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "it does not speak TLS", "Write the target with http:// " + inFile(rule) + "."
	case errors.As(err, &alert):
		return "it rejected the TLS handshake: " + alert.Error(), "Check the target's TLS settings."
	case errors.As(err, &dns):
		return "the name " + dns.Name + " cannot be resolved", "Check the rule's target " + inFile(rule) + ". If only a proxy reaches it, set " +
			proxyVariable(target) + " and start the dev server again."
	case errors.Is(err, syscall.ECONNREFUSED):
		program := "Is the program running that should listen at " + target.Host + "?"
		if isAPI(target, api) {
			program = "Is the API running? `make api` starts it."
		}
		return "connection refused: nothing listens there", program + " Or point the rule's target elsewhere " + inFile(rule) + "."
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "it cannot be reached from this machine", "Is the network up? Does the target need a VPN?"
	case errors.Is(err, syscall.EADDRNOTAVAIL) && rule.LocalAddress != "":
		return "this machine has no address " + rule.LocalAddress, "Change the rule's localAddress " + inFile(rule) + "."
	case errors.Is(err, errSentOnce):
		return err.Error(), "Send the request again with a new proof."
	case errors.Is(err, errLocation):
		return err.Error(), "Without followRedirects, the browser gets it."
	case errors.Is(err, errRedirects):
		return err.Error(), "Does it redirect in a loop? Without followRedirects, the browser shows the redirects."
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, net.ErrClosed):
		return "it closed the connection without an answer", "Did the upstream crash? Its log may say why."
	case strings.Contains(err.Error(), "headers exceeded"):
		return "the head of its answer is larger than 1 MiB", "Does the upstream set too many cookies?"
	case strings.Contains(err.Error(), "malformed HTTP"):
		return "its answer is not HTTP", "Is the target's port the right one, and should it be https://? Change it " + inFile(rule) + "."
	}
	return err.Error(), "Check the upstream's log, and the rule's target " + inFile(rule) + "."
}

// isAPI reports whether target is at the address api.
func isAPI(target *url.URL, api string) bool {
	host, port, err := net.SplitHostPort(api)
	if err != nil || port != target.Port() {
		return false
	}
	return strings.EqualFold(host, target.Hostname()) || (host == "" || localnet.IsLoopback(host)) && localnet.IsLoopback(target.Hostname())
}

// certificateCause says in words why a certificate is not accepted.
func certificateCause(cert *tls.CertificateVerificationError) string {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	leaf := cert.UnverifiedCertificates[0]
	switch {
	case errors.As(cert.Err, &host):
		names := leaf.DNSNames
		for _, ip := range leaf.IPAddresses {
			names = append(names, ip.String())
		}
		if len(names) == 0 {
			return fmt.Sprintf("its certificate has no host name, so it is not valid for %s", host.Host)
		}
		return fmt.Sprintf("its certificate is for %s, not for %s", strings.Join(names, ", "), host.Host)
	case errors.As(cert.Err, &invalid) && invalid.Reason == x509.Expired && time.Now().Before(leaf.NotBefore):
		return "its certificate is not valid before " + leaf.NotBefore.Format(time.RFC1123)
	case errors.As(cert.Err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate expired on " + leaf.NotAfter.Format(time.RFC1123)
	case errors.As(cert.Err, &authority) && leaf.Issuer.String() == leaf.Subject.String():
		return "its certificate is self-signed, so this machine does not trust it"
	case errors.As(cert.Err, &authority):
		return "its certificate is signed by an authority that this machine does not trust: " + leaf.Issuer.String()
	}
	return "its certificate is not trusted: " + cert.Err.Error()
}
