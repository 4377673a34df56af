package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
)

// This file says what the Content-Security-Policy must allow for an index.html.

// sources returns what a Content-Security-Policy must allow in addition, so that the
// inline scripts and styles and the files of other origins that d names work.
func (d *document) sources() Sources {
	sources := Sources{}
	for i, p := range d.parts {
		if p.skip || !p.code && !p.style || len(bytes.TrimSpace(p.raw)) == 0 {
			continue
		}
		text := bytes.ReplaceAll(d.parts[i].raw, []byte("\r\n"), []byte("\n")) // as browsers do before they compute it
		sum := sha256.Sum256(bytes.ReplaceAll(text, []byte("\r"), []byte("\n")))
		sources.add(map[bool]string{true: "script-src", false: "style-src"}[p.code], "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	for _, r := range d.refs {
		u, err := url.Parse(r.url)
		if err != nil || u.Host == "" {
			continue
		}
		origin := u.Host // of the page's own scheme
		if u.Scheme != "" {
			origin = u.Scheme + "://" + u.Host
		}
		switch name := d.parts[r.part].tag.Data; {
		case r.kind == stylesheet:
			sources.add("style-src", origin)
		case name == "script":
			sources.add("script-src", origin)
		case name == "video" || name == "audio" || name == "source":
			sources.add("media-src", origin)
		}
	}
	return sources
}

// Sources are source expressions of a Content-Security-Policy, by directive.
type Sources map[string][]string

func (s Sources) add(directive, source string) {
	if !slices.Contains(s[directive], source) {
		s[directive] = append(s[directive], source)
	}
}
