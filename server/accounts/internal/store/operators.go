package store

// Operator is an account that may open the operator's pages.
type Operator struct {
	UID, Email string
	AddedAt    int64
	// SecondStep says that signing in to it takes a second step. Without that it may not open the pages.
	SecondStep bool
}

// OperatorSession is a browser that has the operator's pages open.
type OperatorSession struct {
	Hash []byte // of its token
	// UID is the account of the operator; "": the session was opened by a link from the command line.
	UID string
	// Email is that account's address. It is not stored here.
	Email string
	// CreatedAt is when it was opened, and UsedAt its last use.
	CreatedAt, UsedAt int64
	// Sound says that nothing ended it early: its account is an operator's, with a second step and the same password.
	// It is not stored here.
	Sound bool
}

// OperatorReader finds operators.
type OperatorReader interface {
	// Operators lists the operators by their addresses.
	Operators() ([]Operator, error)
	// Operator finds one by the uid.
	Operator(uid string) (Operator, error)
	// OperatorsOpen reports whether there is an operator, a code or a session of one that was made, or used, after a time.
	OperatorsOpen(now, usedAfter int64) (bool, error)
	OperatorSession(hash []byte) (*OperatorSession, error)
}

// OperatorWriter changes operators. Sessions and codes of an operator are removed with it, and an operator with its
// account.
type OperatorWriter interface {
	// AddOperator makes an account an operator's; added is false if it was one.
	AddOperator(uid string, at int64) (added bool, err error)
	// RemoveOperator reports whether the account was one.
	RemoveOperator(uid string) (removed bool, err error)
	// AddOperatorCode adds a code that opens a session of an operator, or with the uid "" one of the command line.
	AddOperatorCode(hash []byte, uid string, expiresAt int64) error
	// TakeOperatorCode removes a code and returns whose it was. The error is [ErrNotFound] if none is there that ends
	// after now.
	TakeOperatorCode(hash []byte, now int64) (uid string, err error)
	// AddOperatorSession adds a session, used when it was created.
	AddOperatorSession(*OperatorSession) error
	// HoldOperatorSession keeps a session from being removed until the end of the transaction.
	HoldOperatorSession(hash []byte) error
	TouchOperatorSession(hash []byte, usedAt int64) error
	RemoveOperatorSession(hash []byte) error
	// RemoveOperatorSessions removes the sessions and codes of an operator.
	RemoveOperatorSessions(uid string) error
	// RemoveAllOperatorSessions removes the sessions and codes of all, and returns how many sessions there were.
	RemoveAllOperatorSessions() (int, error)
	// ForgetOperatorSessions removes codes that ended before now, and sessions that were last used, or created, before.
	ForgetOperatorSessions(now, usedBefore, createdBefore int64) error
}
