package engine

// FieldError is why a record cannot be read: one of its fields is not what this version of
// the app knows. An app's own check returns it to name the field.
type FieldError struct {
	// Field is its name in JSON; "address.city" is that of one in an object within the
	// record.
	Field string
	// Reason is what is wrong with it, in words for a user. It holds no secret.
	Reason error
}

func (e *FieldError) Error() string { return e.Reason.Error() }
func (e *FieldError) Unwrap() error { return e.Reason }

// UnreadableRecord is a record on the server that this version of the app cannot read.
type UnreadableRecord struct {
	ID ID
	// Modified is the server's time of the record; zero: not known.
	Modified Timestamp
	// Field is the field that is not what it should be, as in [FieldError]; "": the record
	// as a whole.
	Field string
	// Err is what is wrong, in words for a user.
	Err error
	// Outdated tells that the user sees an earlier state of the record.
	Outdated bool
	// Held tells that the user changed or deleted the record on this device, and that this
	// waits until a version of the app reads the one on the server. Then the two are merged.
	Held bool
}
