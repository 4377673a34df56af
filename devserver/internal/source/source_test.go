package source_test

import (
	"testing"

	"calling-an-api.example/devserver/internal/source"
)

func TestProblem(t *testing.T) {
	t.Parallel()
	const text = "{\n\t\"a\": tru,\r\n  \"ä\": x\n}"
	for name, tc := range map[string]struct {
		offset int
		want   string
	}{
		"the beginning":      {0, "f:1:1: m\n  {\n  ^"},
		"after a tab":        {8, "f:2:7: m\n  \t\"a\": tru,\n  \t     ^"},
		"after a wide rune":  {23, "f:3:10: m\n    \"ä\": x\n          ^"},
		"the end of a line":  {1, "f:1:2: m\n  {\n   ^"},
		"the end":            {len(text), "f:4:2: m\n  }\n   ^"},
		"far beyond the end": {1000, "f:4:2: m\n  }\n   ^"},
	} {
		if got := source.New("f", text, tc.offset, "m").Error(); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}

func TestProblemWithoutALine(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]source.Problem{
		"no text":      source.NewAt("f", "", 3, 1, "m"),
		"an empty one": source.NewAt("f", "a\n\n \nb", 3, 1, "m"),
	} {
		if got, want := p.Error(), "f:3:1: m"; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func FuzzProblem(f *testing.F) {
	f.Add("a\nb\n", 3)
	f.Add("\t\xff\r\n", 2)
	f.Fuzz(func(t *testing.T, text string, offset int) {
		if offset < 0 {
			return
		}
		p := source.New("f", text, offset, "m")
		if p.Line < 1 || p.Column < 1 || p.Error() == "" {
			t.Errorf("got %+v", p)
		}
	})
}
