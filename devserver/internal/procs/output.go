package procs

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// maxLine is how much of a line is held back until it is whole, in bytes.
const maxLine = 64 << 10

// colors are the ANSI codes of the processes' names, in turn.
var colors = []string{"36", "35", "33", "32"}

// Output is where all processes print. Lines of different processes never mix.
type Output struct {
	mu    sync.Mutex
	w     io.Writer
	color bool
	width int // of the longest name
	names []string

	broken chan struct{} // closed when w takes nothing any more
	isOver bool
}

// NewOutput returns an Output that prints to w, with colours if color is set.
// width is how many columns names take.
func NewOutput(w io.Writer, color bool, width int) *Output {
	return &Output{w: w, color: color, width: width, broken: make(chan struct{})}
}

// Print prints text, whole lines, as it is.
func (o *Output) Print(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := io.WriteString(o.w, text); err != nil && !o.isOver {
		o.isOver = true
		close(o.broken)
	}
}

// Writer returns what prints whole lines under name, as a process does. Its writes
// must not overlap.
func (o *Output) Writer(name string) io.Writer { return o.writer(name, "", nil) }

// writer returns the writer of the process called name. It calls seen for each
// line that holds mark.
func (o *Output) writer(name, mark string, seen func()) *lineWriter {
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
	return &lineWriter{out: o, prefix: prefix, mark: mark, seen: seen}
}

// lineWriter prints what is written to it in whole lines.
type lineWriter struct {
	out          *Output
	prefix, mark string
	seen         func()
	rest         []byte // of a line that is not whole yet
}

// Write implements io.Writer. One process's writes never overlap.
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

// flush prints what is left when the process has ended.
func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.print(string(w.rest))
		w.rest = nil
	}
}

func (w *lineWriter) print(line string) {
	w.out.Print(w.prefix + strings.TrimSuffix(line, "\r") + "\n")
	if w.mark != "" && strings.Contains(line, w.mark) {
		w.seen()
	}
}
