// Package dotenv puts the settings in a .env file under those of the environment.
package dotenv

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/joho/godotenv"
)

// Load returns environ, "NAME=value" each, and what file sets beyond it; names
// are those that file sets. Without the file that is environ alone. The error
// says the file and line at fault, but nothing of what is in it: it may be secret.
func Load(file string, environ []string) (env, names []string, err error) {
	data, err := os.ReadFile(file) //nolint:gosec // the caller names the project's own file
	if errors.Is(err, fs.ErrNotExist) {
		return environ, nil, nil
	} else if err != nil {
		return nil, nil, err
	}
	settings, ok := parse(data)
	if !ok {
		return nil, nil, fmt.Errorf("%s:%d: this line is not NAME=value", file, faultyLine(data))
	}
	env = slices.Clone(environ)
	names = slices.Sorted(maps.Keys(settings))
	for _, name := range names {
		if _, ok := Lookup(environ)(name); !ok {
			env = append(env, name+"="+settings[name])
		}
	}
	return env, names, nil
}

var nameRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parse returns data's settings and whether it is good. The library takes names
// that no environment has.
func parse(data []byte) (settings map[string]string, ok bool) {
	settings, err := godotenv.UnmarshalBytes(data)
	for name := range settings {
		if !nameRE.MatchString(name) {
			return nil, false
		}
	}
	return settings, err == nil
}

// faultyLine returns the number of the line after which nothing makes data good.
func faultyLine(data []byte) int {
	lines := bytes.SplitAfter(data, []byte("\n"))
	for n := len(lines) - 1; n > 0; n-- {
		if _, ok := parse(bytes.Join(lines[:n], nil)); ok {
			return n + 1
		}
	}
	return 1
}

// Lookup is os.LookupEnv for env, "NAME=value" each. Of two with one name the
// last counts, as for a new process.
func Lookup(env []string) func(name string) (string, bool) {
	return func(name string) (string, bool) {
		for _, setting := range slices.Backward(env) {
			if value, ok := strings.CutPrefix(setting, name+"="); ok {
				return value, true
			}
		}
		return "", false
	}
}
