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
	"os"
	"strings"
	"syscall"
	"time"

	"calling-an-api.example/devserver/internal/proxyconf"
)

// explain returns the problem for err, an error of the request to the upstream, with
// its cause in words and the next step: 504 for timeouts, otherwise 502.
func explain(rule *proxyconf.Rule, p plan, err error) *problem {
	summary := "The dev server got no answer from " + p.target.Host + "."
	if cause, ok := timeoutCause(err); ok {
		return newProblem(rule, p, http.StatusGatewayTimeout, "gateway_timeout", summary, cause,
			"Is the upstream at "+p.target.Host+" healthy? Its log may say more.")
	}
	cause, next := causeOf(rule, err)
	return newProblem(rule, p, http.StatusBadGateway, "bad_gateway", summary, cause, next)
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
func causeOf(rule *proxyconf.Rule, err error) (cause, next string) {
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
		return "the name " + dns.Name + " cannot be resolved", "Check the rule's target " + inFile(rule) + "."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens there",
			"Is the API running? `make api` starts it. Or point the rule's target elsewhere " + inFile(rule) + "."
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "it cannot be reached from this machine", "Is the network up? Does the target need a VPN?"
	case errors.Is(err, syscall.EADDRNOTAVAIL) && rule.LocalAddress != "":
		return "this machine has no address " + rule.LocalAddress, "Change the rule's localAddress " + inFile(rule) + "."
	case errors.Is(err, errRedirects):
		return err.Error(), "Does it redirect in a loop? Without followRedirects, the browser shows the redirects."
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it closed the connection without an answer", "Did the upstream crash? Its log may say why."
	case strings.Contains(err.Error(), "headers exceeded"):
		return "the head of its answer is larger than 1 MiB", "Does the upstream set too many cookies?"
	case strings.Contains(err.Error(), "malformed HTTP"):
		return "its answer is not HTTP", "Is the target's port the right one, and should it be https://? Change it " + inFile(rule) + "."
	}
	return err.Error(), "Check the upstream's log, and the rule's target " + inFile(rule) + "."
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
