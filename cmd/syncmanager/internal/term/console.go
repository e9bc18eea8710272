// Package term is how a command talks to the person or the program that started it:
// lines, tables, JSON, progress and questions. Text from elsewhere cannot control the
// terminal.
package term

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// A Console is what a command reads and writes, and how much it is to say.
type Console struct {
	In       io.Reader
	Out, Err io.Writer
	// Dir is the folder of relative paths on the command line; "" is the process's own.
	Dir string
	// JSON prints results as JSON.
	JSON bool
	// Quiet prints results and errors only; Verbose logs to Err.
	Quiet, Verbose bool
}

// Path returns a path on the command line as this process can use it.
func (c *Console) Path(name string) string {
	if c.Dir == "" || name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.Dir, name)
}

// Open opens a file that the command line names.
func (c *Console) Open(name string) (*os.File, error) {
	f, err := os.Open(c.Path(name))
	return f, c.Named(err, name)
}

// Named returns an error about the file that the command line names, with that name in its text.
func (c *Console) Named(err error, name string) error {
	path := c.Path(name)
	if err == nil || path == name || !strings.Contains(err.Error(), path) {
		return err
	}
	return &namedError{err, strings.ReplaceAll(err.Error(), path, name)}
}

// namedError is an error with another text.
type namedError struct {
	err  error
	text string
}

func (e *namedError) Error() string { return e.text }
func (e *namedError) Unwrap() error { return e.err }

// Print prints a line of a result on stdout.
func (c *Console) Print(format string, args ...any) error {
	_, err := fmt.Fprintln(c.Out, Printable(fmt.Sprintf(format, args...)))
	return err
}

// Note prints a remark for a person on stderr, except with --quiet.
func (c *Console) Note(format string, args ...any) {
	if !c.Quiet {
		fmt.Fprintln(c.Err, Printable(fmt.Sprintf(format, args...)))
	}
}

// Warn prints a warning or an error on stderr, also with --quiet.
func (c *Console) Warn(format string, args ...any) {
	fmt.Fprintln(c.Err, "syncmanager: "+Printable(fmt.Sprintf(format, args...)))
}

// PrintJSON prints v as one line of JSON on stdout. <, > and & are not escaped, since
// the output is not for a web page; characters that control a terminal are.
func (c *Console) PrintJSON(v any) error {
	b, err := Marshal(v)
	if err != nil {
		return err
	}
	_, err = c.Out.Write(append(VisibleJSON(b), '\n'))
	return err
}

// Marshal encodes v as JSON, without escaping <, > and &.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// PrintArray prints records as a JSON array, one on each line. It keeps one record in
// memory at a time.
func PrintArray[T any](w io.Writer, records iter.Seq2[T, error], record func(T) any) error {
	between := "["
	out := bufio.NewWriter(w)
	for r, err := range records {
		if err != nil {
			return err
		}
		b, err := Marshal(record(r))
		if err != nil {
			return err
		}
		if _, err := out.WriteString(between); err != nil {
			return err
		}
		if _, err := out.Write(b); err != nil {
			return err
		}
		between = ",\n"
	}
	if between == "[" {
		_, _ = out.WriteString("[")
	}
	_, _ = out.WriteString("]\n")
	return out.Flush()
}
