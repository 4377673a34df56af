package tracing

import (
	"bytes"
	"cmp"
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
	"strconv"
	"strings"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// OpenTelemetry's own HTTP client links gRPC: 8 MB of program and 4 MB of memory, a sixth
// of what the API takes. What it does beyond this file, compression and retries, a
// collector on the same machine does not need.

// defaultTimeout is that of the specification.
const defaultTimeout = 10 * time.Second

// client is an otlptrace.Client that posts spans as protobuf (OTLP 1.x, "OTLP/HTTP
// Request").
type client struct {
	endpoint string
	headers  http.Header
	timeout  time.Duration
	http     http.Client
}

// newClient reads the variables of OpenTelemetry's "OTLP Exporter Configuration". Those
// for traces override the general ones.
func newClient(get func(name string) string) (*client, error) {
	c := &client{headers: http.Header{}, timeout: defaultTimeout}
	variable := func(name string) (value, from string) {
		for _, from := range []string{"OTEL_EXPORTER_OTLP_TRACES_" + name, "OTEL_EXPORTER_OTLP_" + name} {
			if value := get(from); value != "" {
				return value, from
			}
		}
		return "", ""
	}
	if protocol, from := variable("PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return nil, fmt.Errorf("%s=%q: only http/protobuf is supported", from, protocol)
	}
	if compression, from := variable("COMPRESSION"); compression != "" && compression != "none" {
		return nil, fmt.Errorf("%s=%q: compression is not supported", from, compression)
	}
	endpoint, from := variable("ENDPOINT")
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%s=%q: write it as a URL, like http://localhost:4318", from, endpoint)
	}
	if !strings.Contains(from, "TRACES") { // the path is that of all signals
		u = u.JoinPath("v1", "traces")
	}
	c.endpoint = u.String()
	if timeout, from := variable("TIMEOUT"); timeout != "" {
		ms, err := strconv.Atoi(timeout)
		if err != nil || ms <= 0 {
			return nil, fmt.Errorf("%s=%q: write it as a number of milliseconds", from, timeout)
		}
		c.timeout = time.Duration(ms) * time.Millisecond
	}
	if file, from := variable("CERTIFICATE"); file != "" {
		if c.http.Transport, err = trusting(file); err != nil {
			return nil, fmt.Errorf("%s: %w", from, err)
		}
	}
	list, from := variable("HEADERS")
	for pair := range strings.SplitSeq(list, ",") {
		name, value, found := strings.Cut(pair, "=")
		if strings.TrimSpace(pair) == "" {
			continue
		}
		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !found || err != nil || !isToken(name) { // the value may be a secret
			return nil, fmt.Errorf("%s: write each header as name=value, and separate them by commas", from)
		}
		c.headers.Add(name, decoded)
	}
	return c, nil
}

// trusting returns a transport that trusts the certificates in a PEM file, and no others.
func trusting(file string) (http.RoundTripper, error) {
	data, err := os.ReadFile(file) //nolint:gosec // the file is the user's setting
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s has no certificate in PEM form", file)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http's own
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return transport, nil
}

// Start implements otlptrace.Client.
func (c *client) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (c *client) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. It sends spans once.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans}) // the same bytes as an ExportTraceServiceRequest
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = c.headers.Clone()
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := c.http.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
	err = cmp.Or(err, resp.Body.Close())
	if resp.StatusCode/100 != 2 {
		return errors.New("the collector responds with " + resp.Status)
	}
	return err
}

// withoutURL returns the cause of err, without the URL, which may have a secret in its query,
// and without the connection's ports, so that the same problem has the same text each time.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", network.Op, network.Err)
	}
	return err
}

// isToken reports whether name can be the name of a header (RFC 9110 §5.6.2).
func isToken(name string) bool {
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return name != ""
}
