package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
)

// print prints one line for people, on stdout.
func (a *app) print(format string, args ...any) error {
	_, err := fmt.Fprintln(a.stdout, printable(fmt.Sprintf(format, args...)))
	return err
}

// note says something to a person on stderr, unless they wanted quiet.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintln(a.stderr, printable(fmt.Sprintf(format, args...)))
	}
}

// warn says on stderr what deserves attention, also with -q.
func (a *app) warn(format string, args ...any) {
	fmt.Fprintln(a.stderr, "syncmanager: "+printable(fmt.Sprintf(format, args...)))
}

// complain says on stderr what went wrong.
func (a *app) complain(err error) {
	fmt.Fprintln(a.stderr, "syncmanager: "+printable(sentence(err)))
}

// printJSON prints v on one line, with <, > and & as they are: the output goes
// to programs and people, not into a web page. What a terminal would act on is escaped.
func (a *app) printJSON(v any) error {
	b, err := marshal(v)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(append(visibleJSON(b), '\n'))
	return err
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// printArray prints a JSON array of records, one on each line, without holding
// them all.
func printArray[T any](w io.Writer, records iter.Seq2[T, error], record func(T) any) error {
	between := "["
	out := bufio.NewWriter(w)
	for r, err := range records {
		if err != nil {
			return err
		}
		b, err := marshal(record(r))
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
