package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"calling-an-api.example/devserver/internal/source"
)

// This file writes the files of a production build.

// write writes a file of the build, for a web server to read.
func write(dir, name string, content []byte) error {
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // likewise
		return err
	}
	return os.WriteFile(file, content, 0o644) //nolint:gosec // likewise
}

// copyPublic copies the files of public/ to the folder out, as the dev server serves them:
// without dotfiles, except in .well-known, and with what links refer to.
func copyPublic(dir, out string) error {
	root, err := os.OpenRoot(dir) // which does not follow links out of it
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // it was only read
	if _, err := root.Stat("public"); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return copyFolder(root, "public", out, 0)
}

// copyFolder copies the folder name of root to out. depth is how many folders it is in.
func copyFolder(root *os.Root, name, out string, depth int) error {
	if depth > 50 {
		return fmt.Errorf("%s: the folders are nested too deeply; a link may lead back to a folder that it is in", name)
	}
	entries, err := fs.ReadDir(root.FS(), name)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".well-known" {
			continue
		}
		file := path.Join(name, entry.Name())
		info, err := root.Stat(file)
		if err != nil {
			return err
		}
		if info.IsDir() {
			if err := copyFolder(root, file, filepath.Join(out, entry.Name()), depth+1); err != nil {
				return err
			}
			continue
		}
		if err := source.CheckMode(file, info.Mode()); err != nil {
			return err
		}
		content, err := root.ReadFile(file)
		if err != nil {
			return err
		}
		if err := write(out, entry.Name(), content); err != nil {
			return err
		}
	}
	return nil
}
