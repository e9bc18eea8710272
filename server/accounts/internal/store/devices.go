package store

// Device belongs to a session or to a refresh token, and is removed with it.
type Device struct {
	ID               string
	UID              string
	Session, Refresh []byte // one of them is nil
	Name             string
	Type             string
	Push             PushSubscription
	// PushExpired says that the push service ended the subscription.
	PushExpired bool
	Commands    string // a JSON object of those that it takes
	CreatedAt   int64
	// UsedAt is the last use of what the device belongs to. It is not stored here.
	UsedAt int64
}

// PushSubscription is where a device receives push messages; its fields are "" if it does not.
type PushSubscription struct{ Callback, PublicKey, AuthKey string }

// DeviceChange is what to change of a device; nil leaves a field as it is.
type DeviceChange struct{ Name, Type, PushCallback, PushPublicKey, PushAuthKey, Commands *string }

// Client is what is signed in to an account: a session or a refresh token, with
// its device, if it has one.
type Client struct {
	Session, Refresh  []byte // one of them is nil
	ClientID, Scope   string // of a refresh token
	UserAgent         string // of a session
	CreatedAt, UsedAt int64
	Device            *ClientDevice
}

// ClientDevice is a Client's device.
type ClientDevice struct{ ID, Name, Type string }

// DeviceReader finds devices.
type DeviceReader interface {
	// DeviceOf is the ID of the device of a session or a refresh token; the other
	// is nil.
	DeviceOf(uid string, session, refresh []byte) (string, error)
	Device(uid, id string) (*Device, error)
	// Devices lists an account's devices in the order in which they were made.
	Devices(uid string) ([]Device, error)
}

// DeviceWriter changes devices.
type DeviceWriter interface {
	AddDevice(*Device) error
	// ChangeDevice changes a device; found is false if it does not exist. A new push callback
	// is not expired.
	ChangeDevice(uid, id string, c DeviceChange) (found bool, err error)
	// SetPushExpired notes that a device's subscription ended, unless the device has another
	// one by now.
	SetPushExpired(uid, id, callback string) error
	// RemoveDevice removes a device, with the commands that wait for it, and returns
	// what it belonged to. The error is [ErrNotFound] if it is not there.
	RemoveDevice(uid, id string) (session, refresh []byte, err error)
}

// Command waits for a device.
type Command struct {
	// Index counts up within the account, and is never given twice.
	Index     int64
	Sender    string // the ID of a device, or ""
	Command   string
	Payload   string // JSON
	ExpiresAt int64
}

// CommandReader finds commands.
type CommandReader interface {
	// Commands lists at most limit commands for a device that do not end before
	// now, from an index on.
	Commands(uid, device string, from, now int64, limit int) ([]Command, error)
}

// CommandWriter adds commands.
type CommandWriter interface {
	// AddCommand adds a command for a device, and returns its index. It keeps the
	// last perDevice of that device, and the last perAccount of all the account's.
	AddCommand(uid, device string, c Command, perDevice, perAccount int) (index int64, err error)
}
