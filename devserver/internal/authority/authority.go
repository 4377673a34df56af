// Package authority is the certificate authority of one checkout: it issues the certificates
// with which the dev server and the local tenant serve TLS. It is made once, so that a browser
// has to trust it once, and it is good for this machine's names only.
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	lifetime     = 5 * 365 * 24 * time.Hour // of an authority
	leafLifetime = 90 * 24 * time.Hour      // of a certificate, which is issued at each start
	skew         = time.Hour                // clocks differ
)

// Authority issues certificates. Its methods may be called from any goroutine.
type Authority struct {
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
	file    string // with the certificate; "" if it is in memory only
	isNew   bool   // Load has made it
	isOther bool   // and another one was there
}

// Names are what certificates are for, in addition to localhost and the loopback addresses.
type Names struct {
	DNS []string
	IPs []net.IP
}

// maxRaces is how often Load tries again when other processes make authorities at the same time.
const maxRaces = 20

// maxNames is how many names and addresses an authority takes over from its predecessor.
const maxNames = 32

// and returns n with the names and addresses of a, so that someone who changes between two networks
// needs no new authority each time.
func (n Names) and(a *Authority) Names {
	all := Names{slices.Clone(n.DNS), slices.Clone(n.IPs)}
	for _, name := range a.cert.PermittedDNSDomains {
		if name != "localhost" && !slices.Contains(all.DNS, name) && len(all.DNS) < maxNames {
			all.DNS = append(all.DNS, name)
		}
	}
	for _, permitted := range a.cert.PermittedIPRanges {
		ip := permitted.IP
		if !ip.IsLoopback() && !slices.ContainsFunc(all.IPs, ip.Equal) && len(all.IPs) < maxNames {
			all.IPs = append(all.IPs, ip)
		}
	}
	return all
}

// Load returns the authority in folder. If there is none, or one that has nearly expired or
// may not issue certificates for names, it makes a new one, for the former names too, with its key
// in a file that only its user can read. An empty folder means one that ends with the process.
func Load(folder string, names Names) (*Authority, error) {
	if folder == "" {
		return create(names)
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	a, err := load(folder, names)
	for range maxRaces {
		if !errors.Is(err, os.ErrExist) && (err != nil || a.covers(names)) {
			break
		}
		a, err = load(folder, names) // another process was faster
	}
	if err != nil {
		return nil, err
	}
	return a, a.publish(folder)
}

func load(folder string, names Names) (*Authority, error) {
	found, err := read(folder)
	isFirst := errors.Is(err, os.ErrNotExist)
	switch {
	case err == nil && found.covers(names):
		return found, nil
	case err != nil && !isFirst:
		return nil, fmt.Errorf("%w; remove the file, and another one is made", err)
	}
	if !isFirst {
		names = names.and(found)
	}
	made, err := create(names)
	if err != nil {
		return nil, err
	}
	if err := made.write(folder, isFirst); err != nil {
		return nil, err
	}
	kept, err := read(folder) // which may be that of another process
	if err != nil {
		return nil, err
	}
	kept.isNew, kept.isOther = true, !isFirst
	return kept, nil
}

// File is the absolute path of the file with the authority's certificate, in PEM; "" if there
// is none.
func (a *Authority) File() string { return a.file }

// IsNew reports whether Load has made the authority, so that nothing trusts it yet.
func (a *Authority) IsNew() bool { return a.isNew }

// IsOther reports whether Load has replaced an authority, which some programs may trust.
func (a *Authority) IsOther() bool { return a.isOther }

// Pool returns a pool with the authority alone, for clients.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Issue returns a certificate for localhost and names, which must have been given to Load or
// be below localhost.
func (a *Authority) Issue(names Names) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template, err := newTemplate("devserver", leafLifetime)
	if err != nil {
		return tls.Certificate{}, err
	}
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = append([]string{"localhost"}, names.DNS...)
	template.IPAddresses = append([]net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, names.IPs...)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}, nil
}

// covers reports whether a may issue certificates for names, for some time.
func (a *Authority) covers(names Names) bool {
	isPermitted := func(name string) bool {
		return slices.ContainsFunc(a.cert.PermittedDNSDomains, func(domain string) bool {
			return name == domain || strings.HasSuffix(name, "."+domain)
		})
	}
	for _, name := range names.DNS {
		if !isPermitted(name) {
			return false
		}
	}
	for _, ip := range names.IPs {
		if !slices.ContainsFunc(a.cert.PermittedIPRanges, func(permitted *net.IPNet) bool { return permitted.Contains(ip) }) {
			return false
		}
	}
	return time.Now().Add(leafLifetime).Before(a.cert.NotAfter)
}

// create returns a new authority for names.
func create(names Names) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname() // is for people only
	template, err := newTemplate(strings.TrimSpace("devserver authority "+host), lifetime)
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageCertSign, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} // for no other purpose
	// Whoever has the key can impersonate these names, and no others (RFC 5280 §4.2.1.10).
	template.PermittedDNSDomainsCritical = true
	template.PermittedDNSDomains = append([]string{"localhost"}, names.DNS...)
	template.PermittedIPRanges = []*net.IPNet{
		{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}, {IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
	}
	for _, ip := range names.IPs {
		if four := ip.To4(); four != nil {
			ip = four
		}
		template.PermittedIPRanges = append(template.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{cert: cert, key: key, isNew: true}, nil
}

func newTemplate(name string, lifetime time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"for development on this machine"}},
		NotBefore: time.Now().Add(-skew), NotAfter: time.Now().Add(lifetime),
	}, nil
}
