package edits

import (
	"os"
	"path/filepath"
)

// showProblems shows the problems that other programs, such as the runner, have written
// to the folder Problems: one file each. It returns the names of the files; shown are
// those of the last call. The programs log their problems themselves.
func (e *Edits) showProblems(shown map[string]bool) map[string]bool {
	if e.Problems == "" {
		return nil
	}
	entries, err := os.ReadDir(e.Problems)
	if err != nil {
		e.Log.Error("the problems of other programs cannot be read", "err", err)
		return shown
	}
	now := map[string]bool{}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(e.Problems, entry.Name()))
		if err != nil {
			continue // it has just been removed
		}
		now[entry.Name()] = true
		e.Hub.Report("others/"+entry.Name(), string(text), "The last working version keeps running until this is fixed.")
	}
	for name := range shown {
		if !now[name] {
			e.Hub.Report("others/"+name, "", "")
		}
	}
	return now
}
