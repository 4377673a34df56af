package bundle

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// document is a parsed index.html. Markup that is not changed is written as it was read.
type document struct {
	parts   []part
	refs    []*ref
	headEnd int  // index of the part before which elements of the head are inserted
	maps    bool // there is an import map
}

// part is a tag, a text, or other markup.
type part struct {
	raw   []byte
	tag   *html.Token // a start tag that refers to files; nil otherwise
	skip  bool        // it is not written
	style bool        // raw is the text of a style element
	code  bool        // raw is the text of a script element
}

// kind is what a URL in index.html refers to.
type kind int

const (
	asset kind = iota
	moduleScript
	stylesheet
	preloaded // a script or stylesheet that is loaded early, which another element refers to
)

// ref is a URL in index.html, or an inline module script.
type ref struct {
	kind   kind
	url    string
	offset int // in index.html, of the tag
	part   int // index of the tag
	attr   int // index of the attribute; -1 for an inline script
	code   string
	set    bool // the attribute is a srcset, of which url is one candidate
}

// urlAttributes are the attributes whose value is the URL of an asset, by element.
var urlAttributes = map[string][]string{
	"img": {"src"}, "source": {"src"}, "video": {"src", "poster"}, "audio": {"src"}, "track": {"src"},
	"input": {"src"}, "object": {"data"}, "embed": {"src"}, "image": {"href", "xlink:href"}, "use": {"href", "xlink:href"},
}

// linkedAssets are the values of rel for which a link element refers to an asset.
var linkedAssets = []string{"icon", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon", "manifest", "preload", "prefetch"}

// parse splits index.html into parts. Like a browser, it accepts any text.
func parse(text []byte) *document {
	d := &document{headEnd: -1}
	z := html.NewTokenizer(bytes.NewReader(text))
	offset := 0
	var inside *html.Token // the script or style element whose text comes next
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break // the end: a reader in memory has no other error
		}
		raw := bytes.Clone(z.Raw())
		p := part{raw: raw}
		token := z.Token()
		switch kind {
		case html.TextToken:
			if inside != nil {
				d.inline(&p, inside, offset)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			if token.Data == "body" || token.Data == "script" && scriptKind(&token) == moduleScript {
				d.endHead()
			}
			d.tag(&p, &token, offset)
		case html.EndTagToken:
			if token.Data == "head" {
				d.headEnd = len(d.parts)
			}
		}
		if inside = nil; kind == html.StartTagToken && (token.Data == "script" || token.Data == "style") {
			inside = &token
		}
		d.parts = append(d.parts, p)
		offset += len(raw)
	}
	d.endHead()
	return d
}

// endHead ends the head here if no end tag has.
func (d *document) endHead() {
	if d.headEnd < 0 {
		d.headEnd = len(d.parts)
	}
}

// inline handles the text of a script or style element. A module script is compiled; the
// others are left alone.
func (d *document) inline(p *part, element *html.Token, offset int) {
	switch {
	case element.Data == "style":
		p.style = true
	case attribute(element, "src") >= 0:
	case scriptKind(element) == moduleScript:
		d.parts[len(d.parts)-1].tag = element
		d.refs = append(d.refs, &ref{kind: moduleScript, offset: offset, part: len(d.parts) - 1, attr: -1, code: string(p.raw)})
		p.skip = true
	case isJavaScript(element):
		p.code = true
	}
}

// tag adds what the tag refers to.
func (d *document) tag(p *part, token *html.Token, offset int) {
	add := func(kind kind, name string) {
		if i := attribute(token, name); i >= 0 {
			p.tag = token
			d.refs = append(d.refs, &ref{kind: kind, url: strings.TrimSpace(token.Attr[i].Val), offset: offset, part: len(d.parts), attr: i})
		}
	}
	switch token.Data {
	case "script":
		d.maps = d.maps || strings.EqualFold(value(token, "type"), importMap)
		if kind := scriptKind(token); kind == moduleScript || isJavaScript(token) {
			add(kind, "src")
		}
	case "link":
		rels := strings.Fields(strings.ToLower(value(token, "rel")))
		switch {
		case slices.Contains(rels, "stylesheet"):
			add(stylesheet, "href")
		case slices.Contains(rels, "modulepreload"), slices.Contains([]string{"script", "style"}, strings.ToLower(value(token, "as"))):
			add(preloaded, "href")
		case slices.ContainsFunc(rels, func(rel string) bool { return slices.Contains(linkedAssets, rel) }):
			add(asset, "href")
		}
	default:
		for _, name := range urlAttributes[token.Data] {
			add(asset, name)
		}
	}
	if token.Data == "img" || token.Data == "source" {
		d.srcset(p, token, offset)
	}
}

// srcset adds the candidates of a srcset attribute.
func (d *document) srcset(p *part, token *html.Token, offset int) {
	i := attribute(token, "srcset")
	if i < 0 || strings.Contains(token.Attr[i].Val, "data:") { // a data URL contains commas
		return
	}
	p.tag = token
	for candidate := range strings.SplitSeq(token.Attr[i].Val, ",") {
		if words := strings.Fields(candidate); len(words) > 0 {
			d.refs = append(d.refs, &ref{kind: asset, url: words[0], offset: offset, part: len(d.parts), attr: i, set: true})
		}
	}
}

// scriptKind is moduleScript for a module, otherwise asset.
func scriptKind(token *html.Token) kind {
	if strings.EqualFold(strings.TrimSpace(value(token, "type")), "module") {
		return moduleScript
	}
	return asset
}

// importMap is the type of a script element that maps the names of modules to URLs.
const importMap = "importmap"

// isJavaScript reports whether a script element that is no module contains a script or an
// import map, not data.
func isJavaScript(token *html.Token) bool {
	kind := strings.ToLower(strings.TrimSpace(value(token, "type")))
	return kind == "" || kind == importMap || strings.HasSuffix(kind, "/javascript") || strings.HasSuffix(kind, "/ecmascript")
}

// attribute returns the index of the attribute called name, -1 if there is none.
func attribute(token *html.Token, name string) int {
	return slices.IndexFunc(token.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// value returns the value of the attribute called name.
func value(token *html.Token, name string) string {
	if i := attribute(token, name); i >= 0 {
		return token.Attr[i].Val
	}
	return ""
}

// set makes r refer to url.
func (d *document) set(r *ref, url string) {
	tag := d.parts[r.part].tag
	switch {
	case r.attr < 0:
		tag.Attr = append(tag.Attr, html.Attribute{Key: "src", Val: url})
	case r.set:
		candidates := strings.Split(tag.Attr[r.attr].Val, ",")
		for i, candidate := range candidates {
			if words := strings.Fields(candidate); len(words) > 0 && words[0] == r.url {
				words[0] = url
				candidates[i] = strings.Join(words, " ")
			}
		}
		tag.Attr[r.attr].Val = strings.Join(candidates, ", ")
	default:
		tag.Attr[r.attr].Val = url
	}
}

// render returns the document with first at the beginning of its head and last at the end.
func (d *document) render(first, last string) []byte {
	var b bytes.Buffer
	started := first == ""
	for i, p := range d.parts {
		if i == d.headEnd {
			b.WriteString(last)
		}
		switch {
		case p.skip:
		case p.tag != nil:
			b.WriteString(p.tag.String())
		default:
			b.Write(p.raw)
		}
		if !started && isHead(p.raw) {
			b.WriteString(first)
			started = true
		}
	}
	if d.headEnd >= len(d.parts) {
		b.WriteString(last)
	}
	return b.Bytes()
}

// isHead reports whether markup is the start tag of the head.
func isHead(markup []byte) bool {
	return len(markup) > 5 && bytes.EqualFold(markup[:5], []byte("<head")) && bytes.ContainsAny(markup[5:6], "> \t\r\n/")
}
