package main

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	var out, log strings.Builder
	if err := run(t.Context(), []string{"--version"}, os.Environ(), &out, &log); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"devserver ", runtime.Version()} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("--version prints %q, want %q in it", out.String(), want)
		}
	}
	if log.String() != "" {
		t.Errorf("logged %q, want nothing", log.String())
	}
}
