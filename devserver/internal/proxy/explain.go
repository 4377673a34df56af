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
)

// explain returns the fault that says in words what err, of asking the upstream,
// means and what to do next: 504 if it took too long, else 502.
func (e *exchange) explain(err error) fault {
	var gaveUp *idleError
	if e.idle != nil && errors.As(e.idle.cause(), &gaveUp) {
		err = gaveUp
	}
	problem := "The dev server could not get an answer from " + e.target.Host + "."
	if cause, ok := tooLate(err); ok {
		return e.fault(http.StatusGatewayTimeout, "gateway_timeout", problem, cause, "Is the upstream at "+e.target.Host+" healthy? Its log may say more.")
	}
	cause, next := e.reason(err)
	return e.fault(http.StatusBadGateway, "bad_gateway", problem, cause, next)
}

// tooLate reports whether err is of something that took too long, and in words of what.
func tooLate(err error) (cause string, ok bool) {
	var gaveUp *idleError
	var timeout net.Error
	switch {
	case errors.As(err, &gaveUp):
		return gaveUp.Error(), true
	case errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return "it took too long", true
	}
	return "", false
}

// reason says in words what err means and what to do next.
func (e *exchange) reason(err error) (cause, next string) {
	var (
		dns    *net.DNSError
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
		alert  tls.AlertError
	)
	switch {
	case errors.As(err, &cert):
		return certificateFault(cert), `If the target is meant to have that certificate, set "secure": false for the rule ` + e.edit() + "."
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "it does not speak TLS", "Write the target with http:// " + e.edit() + "."
	case errors.As(err, &alert):
		return "it refused the TLS handshake: " + alert.Error(), "Check the target's TLS settings."
	case errors.As(err, &dns):
		return "the name " + dns.Name + " can't be resolved", "Check the rule's target " + e.edit() + "."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens there",
			"Is the API running? `make api` starts it. Or point the rule's target elsewhere " + e.edit() + "."
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "it can't be reached from this machine", "Is the network up, or a VPN missing?"
	case errors.Is(err, syscall.EADDRNOTAVAIL) && e.rule.LocalAddress != "":
		return "this machine has no address " + e.rule.LocalAddress, "Change the rule's localAddress " + e.edit() + "."
	case errors.Is(err, errRedirects):
		return err.Error(), "Does it redirect in a circle? Without followRedirects the browser shows where to."
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it closed the connection without an answer", "Did the upstream crash? Its log may say why."
	case strings.Contains(err.Error(), "malformed HTTP"):
		return "what it answers is not HTTP", "Is the target's port the right one, and should it be https://? Change it " + e.edit() + "."
	}
	return err.Error(), "Check the upstream's log, and the rule's target " + e.edit() + "."
}

// certificateFault says what is wrong with a certificate.
func certificateFault(cert *tls.CertificateVerificationError) string {
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
			return fmt.Sprintf("its certificate is for no host name at all, so not for %s", host.Host)
		}
		return fmt.Sprintf("its certificate is for %s, not for %s", strings.Join(names, ", "), host.Host)
	case errors.As(cert.Err, &invalid) && invalid.Reason == x509.Expired && time.Now().Before(leaf.NotBefore):
		return "its certificate is not valid before " + leaf.NotBefore.Format(time.RFC1123)
	case errors.As(cert.Err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate expired on " + leaf.NotAfter.Format(time.RFC1123)
	case errors.As(cert.Err, &authority) && leaf.Issuer.String() == leaf.Subject.String():
		return "its certificate is self-signed, so nobody this machine trusts vouches for it"
	case errors.As(cert.Err, &authority):
		return "its certificate is signed by an authority that this machine does not trust: " + leaf.Issuer.String()
	}
	return "its certificate is not trusted: " + cert.Err.Error()
}
