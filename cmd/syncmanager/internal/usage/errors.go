// Package usage explains mistakes on a command line, and reads the values on it.
package usage

import "fmt"

// Error is a command line that cannot be carried out as it stands.
type Error struct{ err error }

func (e *Error) Error() string { return e.err.Error() }

func (e *Error) Unwrap() error { return e.err }

// Errorf returns an [Error] with the message that [fmt.Errorf] would make.
func Errorf(format string, args ...any) error {
	return &Error{fmt.Errorf(format, args...)}
}
