package procs

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// maxLine is how much of an incomplete line is kept, in bytes. A longer one is split.
const maxLine = 64 << 10

// colors are the ANSI codes of the processes' names, in turn.
var colors = []string{"36", "35", "33", "32"}

// Output is where all processes print. Lines of different processes are never mixed.
type Output struct {
	color  bool
	width  int           // of the longest name
	broken chan struct{} // closed when w cannot be written any more

	mu       sync.Mutex // protects the fields below
	w        io.Writer
	names    []string
	isBroken bool
}

// NewOutput returns an Output that prints to w. width is the number of columns for
// names.
func NewOutput(w io.Writer, color bool, width int) *Output {
	return &Output{w: w, color: color, width: width, broken: make(chan struct{})}
}

// Print prints text, whole lines, as it is.
func (o *Output) Print(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := io.WriteString(o.w, text); err != nil && !o.isBroken {
		o.isBroken = true
		close(o.broken)
	}
}

// Writer returns a writer that prints whole lines with name, as a process does. It may
// be used by one goroutine at a time.
func (o *Output) Writer(name string) io.Writer { return o.writer(name) }

// writer returns a writer that prefixes each line with name. It may be used by one
// goroutine.
func (o *Output) writer(name string) *lineWriter {
	o.mu.Lock()
	defer o.mu.Unlock()
	prefix := fmt.Sprintf("%-*s │ ", o.width, name)
	at := slices.Index(o.names, name)
	if at < 0 {
		at = len(o.names)
		o.names = append(o.names, name)
	}
	if o.color {
		prefix = "\x1b[" + colors[at%len(colors)] + "m" + prefix + "\x1b[0m"
	}
	return &lineWriter{out: o, prefix: prefix}
}

// lineWriter prints what is written to it in whole lines.
type lineWriter struct {
	out    *Output
	prefix string
	rest   []byte // the beginning of an incomplete line
}

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		end := bytes.IndexByte(w.rest, '\n')
		if end < 0 && len(w.rest) < maxLine {
			return len(p), nil
		}
		next := end + 1
		if end < 0 {
			end, next = maxLine, maxLine
		}
		w.print(string(w.rest[:end]))
		w.rest = w.rest[next:]
	}
}

// flush prints an incomplete line when the process has ended.
func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.print(string(w.rest))
		w.rest = nil
	}
}

func (w *lineWriter) print(line string) {
	w.out.Print(w.prefix + strings.TrimSuffix(line, "\r") + "\n")
}
