package proxy_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestCorpus serves small proxy files of many kinds, and compares what becomes of
// requests with what http-proxy-middleware made of them (bench/peers/corpus.mjs, which
// writes the file).
func TestCorpus(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/corpus.json")
	if err != nil {
		t.Fatal(err)
	}
	var files []struct {
		Name, File string
		Requests   []struct {
			URI, Header, Result string
			Ours                string // part of ours, if it differs on purpose
		}
	}
	if err := json.Unmarshal(data, &files); err != nil {
		t.Fatal(err)
	}
	if len(files) < 40 {
		t.Fatalf("the fixture is not whole: %d files", len(files))
	}
	addresses := map[string]string{} // by those in the files
	for _, name := range []string{"localhost:3001", "localhost:3002", "localhost:3003"} {
		addresses[name] = strings.TrimPrefix(upstream(t, describe(name)), "http://")
	}
	for _, file := range files {
		t.Run(file.Name, func(t *testing.T) {
			t.Parallel()
			conf := file.File
			for name, address := range addresses {
				_, port, _ := strings.Cut(address, ":")
				conf = strings.ReplaceAll(conf, name, address)
				conf = strings.ReplaceAll(conf, `"port": `+name[len("localhost:"):], `"port": `+port)
				conf = strings.ReplaceAll(conf, `"port": "`+name[len("localhost:"):], `"port": "`+port)
			}
			url := start(t, strings.ReplaceAll(conf, `"host": "localhost"`, `"host": "127.0.0.1"`), io.Discard)
			for _, request := range file.Requests {
				got := result(t, url, request.URI, request.Header)
				for name, address := range addresses {
					got = strings.ReplaceAll(got, address, name)
				}
				if got != request.Result && (request.Ours == "" || !strings.Contains(got, request.Ours)) {
					t.Errorf("%s %s\ngot  %q\nwant %q", request.URI, request.Header, got, request.Result)
				}
				if got == request.Result && request.Ours != "" {
					t.Errorf("%s is not different", request.URI)
				}
			}
		})
	}
}

// describe answers with what it was asked, as the server of that name in corpus.mjs.
func describe(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		switch {
		case strings.HasSuffix(r.RequestURI, "/redirect"):
			status = http.StatusFound
		case strings.HasSuffix(r.RequestURI, "/see-other"):
			status = http.StatusSeeOther
		}
		if status != http.StatusOK {
			w.Header().Set("Location", "http://"+r.Context().Value(http.LocalAddrContextKey).(fmt.Stringer).String()+"/there?x")
			w.Header()["Set-Cookie"] = []string{"a=1; Domain=up.test; Path=/base", "b=2; Domain=other.test; Path=/"}
		}
		w.WriteHeader(status)
		fields := []string{"host: " + r.Host}
		for name, values := range r.Header {
			if name = strings.ToLower(name); name == "authorization" || strings.HasPrefix(name, "x-") {
				for _, value := range values {
					fields = append(fields, name+": "+value)
				}
			}
		}
		slices.Sort(fields)
		_, _ = io.WriteString(w, strings.Join(append([]string{r.Method + " " + r.RequestURI, "server: " + name}, fields...), "\n"))
	}
}

// result requests uri and returns what is comparable.
func result(t *testing.T, url, uri, header string) string {
	t.Helper()
	conn := dial(t, url)
	lines := header + "\r\n"
	if !strings.HasPrefix(header, "Host:") {
		lines = "Host: localhost:4200\r\n" + strings.TrimPrefix(lines, "\r\n")
	}
	send(t, conn, "GET "+uri+" HTTP/1.1\r\n"+lines+"Connection: close\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		t.Fatal(err)
	case resp.StatusCode == http.StatusNotFound:
		return "no rule"
	case resp.StatusCode >= 400:
		return "an error"
	}
	parts := []string{fmt.Sprint(resp.StatusCode)}
	for _, name := range []string{"Location", "Set-Cookie"} {
		for _, value := range resp.Header[name] {
			parts = append(parts, strings.ToLower(name)+": "+value)
		}
	}
	return strings.Join(append(parts, string(body)), "\n")
}
