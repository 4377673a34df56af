package jws

import "testing"

// FuzzSplit checks that a token has one spelling only.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"a.b.c", "AA.AA.AA", "..", "QQ.QQ.QR", "QUE.QUE.QUE", "AA=.AA.AA", "A\n.AA.AA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		p, ok := Split(raw, make([]byte, 8<<10))
		if !ok {
			return
		}
		again := Encoding.EncodeToString(p.Header) + "." + Encoding.EncodeToString(p.Payload)
		if p.Signed != again || raw != again+"."+Encoding.EncodeToString(p.Signature) {
			t.Fatalf("%q is another spelling of %q", raw, again)
		}
	})
}
