package bundle

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// FuzzParse checks that a document that nobody changes is written as it was read.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`<!doctype html><html><head><base href="/"><script type="module" src="a.ts"></script></head><body><img src=x.png></body></html>`,
		"<SCRIPT TYPE=module>import './a'</SCRIPT>", "<style>a{}</style><script>'</scr'</script>", "<head/ ><link rel=stylesheet href='a.css'", "<textarea><script src=a>", "",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d := parse(text)
		var raw bytes.Buffer
		for _, p := range d.parts {
			raw.Write(p.raw)
		}
		if !bytes.HasPrefix(text, raw.Bytes()) {
			t.Errorf("%q is read as %q", text, raw.Bytes())
		}
		for _, r := range d.refs {
			if r.part >= len(d.parts) || d.parts[r.part].tag == nil || r.offset > len(text) {
				t.Errorf("%q: %+v is nowhere", text, r)
			}
			d.set(r, "/new")
		}
		if out := d.render("<first>", "<last>"); strings.Count(string(out), "<last>") <= strings.Count(string(text), "<last>") {
			t.Errorf("%q: nothing is added: %q", text, out)
		}
		d.sources()
	})
}

// FuzzBlank checks that code keeps its length and its lines.
func FuzzBlank(f *testing.F) {
	for _, text := range []string{
		"a = 'it\\'s' /* c */ + `x${`y${1}`}z` // d\n/re['\"/]/g.test(b) / 2 / 1", "<p>Don't `</p>\n'x", "${}`${", "a\\", "'", "/[", "x = y / 2; z = 'a'",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		plain := blank(code)
		if len(plain) != len(code) || bytes.Count(plain, []byte("\n")) != bytes.Count(code, []byte("\n")) {
			t.Errorf("%q became %q", code, plain)
		}
		hiddenUses(code, plain)
		for _, use := range urlUses(code, plain) {
			if use.start >= use.end || use.end > len(code) {
				t.Errorf("%q: %+v", code, use)
			}
		}
	})
}

func TestBlank(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ code, want string }{
		"strings":             {`a("x", 'y\'z')`, `a("_", '____')`},
		"comments":            {"a // b 'c\nd /* ` */ e", "a        \nd         e"},
		"template":            {"`a${b + `c${d}`}e` f", "`_${b + `_${d}`}_` f"},
		"braces in templates": {"`${{a: {}}.b}c`", "`${{a: {}}.b}_`"},
		"regular expression":  {`x = /['"/]/.test(y)`, `x = /_____/.test(y)`},
		"after return":        {`return /'/.test(y)`, `return /_/.test(y)`},
		"division":            {`a / 2 + 'b' / c`, `a / 2 + '_' / c`},
		"unterminated string": {"'abc\nd", "'___\nd"},
		"text of JSX":         {"<p>Don't</p>\n'x'", "<p>Don'_____\n'_'"},
	} {
		if got := string(blank([]byte(tc.code))); got != tc.want {
			t.Errorf("%s: %q became %q, want %q", name, tc.code, got, tc.want)
		}
	}
}

func TestURLUses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		code string
		want []urlUse // without offsets
	}{
		"picture":          {`new URL('./x.png', import.meta.url)`, []urlUse{{path: "./x.png"}}},
		"spread":           {"new URL(\n  /* c */ \"./x.png\" ,\n import.meta.url ,\n)", []urlUse{{path: "./x.png"}}},
		"template as text": {"new URL(`./x.png`, import.meta.url).href", []urlUse{{path: "./x.png"}}},
		"computed":         {"new URL(`./${x}.png`, import.meta.url)", []urlUse{{}}},
		"variable":         {"new URL(a(b, c), import.meta.url)", []urlUse{{}}},
		"module worker":    {`new Worker(new URL('./w.ts', import.meta.url), { name: 'n', type: 'module' })`, []urlUse{{path: "./w.ts", worker: true, module: true}}},
		"classic worker":   {`new Worker(new URL('./w.js', import.meta.url))`, []urlUse{{path: "./w.js", worker: true}}},
		"shared worker":    {`new SharedWorker(new URL('./w.ts', import.meta.url), {type: "module"})`, []urlUse{{path: "./w.ts", worker: true, module: true}}},
		"comment":          {"// new URL('./x.png', import.meta.url)\n/* new URL('./x.png', import.meta.url) */", nil},
		"string":           {`const s = "new URL('./x.png', import.meta.url)"`, nil},
		"other base":       {`new URL('./x.png', location.href); import.meta.url`, nil},
		"after an element": {"<p><b>Logo</b><img src={new URL('./a.png', import.meta.url).href} /></p>", []urlUse{{path: "./a.png"}}},
		"after a pattern":  {"<p>all of src/*.ts</p>\nnew URL('./a.png', import.meta.url)", []urlUse{{path: "./a.png"}}},
		"after a backtick": {"<p>a ` b</p>\nnew URL('./a.png', import.meta.url)", []urlUse{{path: "./a.png"}}},
		"two":              {`[new URL('./a.png', import.meta.url), new URL('./b.png', import.meta.url)]`, []urlUse{{path: "./a.png"}, {path: "./b.png"}}},
	} {
		got := urlUses([]byte(tc.code), blank([]byte(tc.code)))
		for i := range got {
			if got[i].known != (got[i].path != "") {
				t.Errorf("%s: %+v", name, got[i])
			}
			got[i].start, got[i].end, got[i].known = 0, 0, false
		}
		if len(got) != len(tc.want) {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
			continue
		}
		for i := range got {
			if got[i] != tc.want[i] {
				t.Errorf("%s: %+v, want %+v", name, got[i], tc.want[i])
			}
		}
	}
}

// TestDigestsOfInlineCode are those that browsers compute, whatever the line breaks are.
func TestDigestsOfInlineCode(t *testing.T) {
	t.Parallel()
	unix := parse([]byte("<script>\na()\n</script><style>\nb{}\n</style>")).sources()
	for _, text := range []string{"<script>\r\na()\r\n</script><style>\r\nb{}\r\n</style>", "<script>\ra()\r</script><style>\rb{}\r</style>"} {
		if got := parse([]byte(text)).sources(); !reflect.DeepEqual(got, unix) || len(got) != 2 {
			t.Errorf("%q: %v, want %v", text, got, unix)
		}
	}
}
