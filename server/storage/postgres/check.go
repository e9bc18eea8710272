package postgres

import "context"

// Check is a statement that decides whether the steps of a request may go on, such as whether its device is
// still signed in. It is sent with the first statements of a step, and costs no round trip of its own.
type Check struct {
	SQL  string
	Args []any
	// Judge reads the row with scan, whose error is [database/sql.ErrNoRows] if there is none, and returns why the
	// step may not go on; the step fails with that error. It may be called more than once.
	Judge func(scan func(dest ...any) error) error
}

type checksKey struct{}

type userChecks struct {
	uid int64
	all []Check
}

// WithChecks returns a context with which each step of the user uid is checked. What is not a step of that
// user is not.
func WithChecks(ctx context.Context, uid int64, all []Check) context.Context {
	return context.WithValue(ctx, checksKey{}, userChecks{uid, all})
}

func checksOf(ctx context.Context, uid int64) []Check {
	if c, ok := ctx.Value(checksKey{}).(userChecks); ok && c.uid == uid {
		return c.all
	}
	return nil
}
