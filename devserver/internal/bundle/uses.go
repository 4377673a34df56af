package bundle

import (
	"bytes"
	"regexp"
)

// This file finds the uses of files by their URL in scripts, which esbuild does not
// follow.

// urlUse is a use of a file by its URL: new URL('./file', import.meta.url).
type urlUse struct {
	start, end int // of the string, with its quotes
	path       string
	known      bool // path is known before the code runs
	worker     bool // it is the first argument of new Worker or new SharedWorker
	module     bool // and that worker is a module
}

var (
	urlCall    = regexp.MustCompile(`\bnew\s+URL\s*\(\s*`)
	metaURL    = regexp.MustCompile(`^\s*,\s*import\.meta\.url\s*,?\s*\)`)
	workerCall = regexp.MustCompile(`\bnew\s+(?:globalThis\.|window\.|self\.)?(?:Shared)?Worker\s*\(\s*$`)
	moduleType = regexp.MustCompile(`^\s*,\s*\{[^}]*\btype\s*:\s*(["'\x60])`)
	literalUse = regexp.MustCompile(`\bnew\s+URL\s*\(\s*["'\x60][^"'\x60\n]+["'\x60]\s*,\s*import\.meta\.url`)
	// computedImport matches import(variable).
	computedImport = regexp.MustCompile(`\bimport\s*\((?:\s|/\*[^*]*\*/)*[A-Za-z_$]`)
	// ignoredImport matches an import that says that it is meant so.
	ignoredImport = regexp.MustCompile(`@vite-ignore|webpackIgnore`)

	metaGlob   = regexp.MustCompile(`\bimport\.meta\.glob\b`)
	preloading = regexp.MustCompile(`\bimport\s*\(\s*/\*[^*]*\bwebpackPreload\s*:\s*true\b[^*]*\*/\s*["']([^"'\n]+)["']`)
)

// urlUses returns the uses of files by their URL in code, in their order.
// plain is the blanked code.
func urlUses(code, plain []byte) (uses []urlUse) {
	for _, match := range urlCall.FindAllIndex(plain, -1) {
		use := urlUse{start: match[1], end: textEnd(plain, match[1]), worker: workerCall.Match(plain[:match[0]])}
		if use.end > 0 {
			use.path, use.known = string(code[use.start+1:use.end-1]), true
		} else if use.end = argumentEnd(plain, use.start); use.end <= use.start {
			continue
		}
		rest := metaURL.FindIndex(plain[use.end:])
		if rest == nil {
			continue
		}
		if options := use.end + rest[1]; use.worker {
			if m := moduleType.FindIndex(plain[options:]); m != nil {
				use.module = bytes.HasPrefix(code[options+m[1]:], []byte("module"))
			}
		}
		uses = append(uses, use)
	}
	return uses
}

// hiddenUses returns the offsets of uses of files in code that are blanked in plain, but
// not on a line that begins as a comment. JSX is not understood completely.
func hiddenUses(code, plain []byte) (offsets []int) {
	for _, match := range literalUse.FindAllIndex(code, -1) {
		line := bytes.TrimSpace(code[bytes.LastIndexByte(code[:match[0]], '\n')+1 : match[0]])
		isComment := bytes.Contains(line, []byte("//")) || bytes.HasPrefix(line, []byte("*")) || bytes.Contains(line, []byte("/*"))
		if !isComment && !urlCall.Match(plain[match[0]:match[1]]) {
			offsets = append(offsets, match[0])
		}
	}
	return offsets
}

// textEnd returns the offset after the string that begins at start, -1 if there is none
// whose text is known. A template with code in it is none.
func textEnd(plain []byte, start int) int {
	if start >= len(plain) || bytes.IndexByte([]byte("\"'`"), plain[start]) < 0 {
		return -1
	}
	end := start + 1
	for end < len(plain) && plain[end] == '_' {
		end++
	}
	if end < len(plain) && plain[end] == plain[start] {
		return end + 1
	}
	return -1
}

// argumentEnd returns the offset of the comma after the argument that begins at start, -1
// if there is none.
func argumentEnd(plain []byte, start int) int {
	depth := 0
	for i := start; i < len(plain); i++ {
		switch plain[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth < 0 {
				return -1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}
