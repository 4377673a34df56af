package authority

import (
	"crypto/tls"
	"strings"
	"sync"
)

// maxSubdomains limits the certificates that one server has for names below localhost.
const maxSubdomains = 64

// ServerConfig returns the TLS configuration of a server for localhost, the names below it, and
// names, which must have been given to Load.
//
// Each name below localhost gets a certificate of its own when it is first asked for, because
// Firefox rejects certificates for *.localhost.
func (a *Authority) ServerConfig(names Names) (*tls.Config, error) {
	cert, err := a.Issue(names)
	if err != nil {
		return nil, err
	}
	s := &subdomains{authority: a, certs: map[string]*tls.Certificate{}}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if name := strings.ToLower(hello.ServerName); strings.HasSuffix(name, ".localhost") {
				return s.get(name)
			}
			return &cert, nil
		},
	}, nil
}

// subdomains are the certificates for names below localhost.
type subdomains struct {
	authority *Authority

	mu    sync.Mutex // protects certs
	certs map[string]*tls.Certificate
}

// get returns the certificate for name.
func (s *subdomains) get(name string) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cert := s.certs[name]; cert != nil {
		return cert, nil
	}
	if len(s.certs) >= maxSubdomains {
		clear(s.certs)
	}
	cert, err := s.authority.Issue(Names{DNS: []string{name}})
	if err != nil {
		return nil, err
	}
	s.certs[name] = &cert
	return &cert, nil
}
