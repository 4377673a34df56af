package spa

import (
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// buildList is the file of a production build that lists the paths of its files whose
// names contain a hash of their content. Only these are cached by browsers forever:
// names that look like it are not proof, in builds of other tools.
const buildList = ".devserver-build"

// hashedNames are the paths in that file.
type hashedNames struct {
	mu       sync.Mutex // protects the fields below
	modified time.Time  // of the file when it was read
	paths    []string   // sorted
}

// has reports whether the file in root lists path.
func (h *hashedNames) has(root *os.Root, path string) bool {
	info, err := root.Stat(buildList)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !info.ModTime().Equal(h.modified) {
		text, err := root.ReadFile(buildList)
		if err != nil {
			return false
		}
		h.paths, h.modified = nil, info.ModTime()
		for line := range strings.SplitSeq(string(text), "\n") {
			if strings.HasPrefix(line, "/") {
				h.paths = append(h.paths, line)
			}
		}
		slices.Sort(h.paths)
	}
	_, found := slices.BinarySearch(h.paths, path)
	return found
}
