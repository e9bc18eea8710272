package accounts

import (
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
)

// How much one account may keep. What is idle longest goes first; what is in use
// goes only for somebody who showed the password.
const (
	maxSessions = 100
	maxRefresh  = 100
	maxCodes    = 50
	// maxShort is how many tokens for one purpose, of each kind.
	maxShort = 50
	// idleAfter is when a session or refresh token counts as not in use.
	idleAfter = 24 * time.Hour
	// idleLife is when one without a device ends that nobody used.
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

// makeRoom keeps what an account has of a kind to max, for one that was just made.
// removeIdle removes n that were last used at a time or before. proved says that the
// password was shown for the new one.
func (s *Service) makeRoom(have, max int, proved bool, removeIdle func(usedAt int64, n int) (int, error)) error {
	if have <= max {
		return nil
	}
	before := s.cfg.Now().UnixMilli()
	if !proved {
		before -= idleAfter.Milliseconds()
	}
	gone, err := removeIdle(before, have-max)
	if err == nil && gone < have-max {
		err = fault.Throttled(s.cfg.Limits.Window)
	}
	return err
}
