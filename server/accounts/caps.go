package accounts

import (
	"time"
)

// How much one account may keep, beside tokens.
const (
	maxCodes = 50
	// idleLife is how long a session or refresh token without a device is kept that
	// nobody uses.
	idleLife = 180 * 24 * time.Hour

	// maxKeysJWE bounds what is sealed for a client, in bytes.
	maxKeysJWE = 8 << 10
	// maxCommandPayload bounds a command's payload, in bytes; Firefox sends 16 KiB.
	maxCommandPayload = 48 << 10
	// maxAccountCommands bounds what waits for all devices of an account.
	maxAccountCommands = 500
	// maxDeviceCommands is how many kinds of commands a device takes, and the others
	// are the lengths of a kind's name and value, in bytes.
	maxDeviceCommands = 16
	maxCommandName    = 255
	maxCommandValue   = 4096
	// maxInviteNote is in bytes.
	maxInviteNote = 256
)
