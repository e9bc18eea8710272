package syncmanager

import (
	"encoding/json"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/sync15"
)

// Status is the status of a sync, or of one engine in it.
type Status string

const (
	// StatusOK means that everything succeeded.
	StatusOK Status = "ok"
	// StatusPartial means that some engines failed and some did not.
	StatusPartial Status = "partial"
	// StatusFailed means that nothing could be synced, or that this engine could not.
	StatusFailed Status = "failed"
	// StatusSignInAgain means that the account refuses this device until the user signs in again.
	StatusSignInAgain Status = "auth"
	// StatusBackedOff means that the service asked to wait; see Result.NextSyncAllowedAt.
	StatusBackedOff Status = "backedOff"
	// StatusDeclined means that the account does not sync this engine.
	StatusDeclined Status = "declined"
	// StatusNewer means that the server has a newer version of this collection, which was not
	// changed.
	StatusNewer Status = "newer"
	// StatusNeedsConfirmation means that the sync would delete so much that the user must
	// confirm it; see [engine.TooManyDeletionsError].
	StatusNeedsConfirmation Status = "needsConfirmation"
)

// EngineResult is the result of one engine.
type EngineResult struct {
	Status Status `json:"status"`
	// Failure is the kind of failure if Status is [StatusFailed].
	Failure Failure `json:"failure,omitempty"`
	// Downloaded counts the downloaded records, Applied those that changed the user's data,
	// and Reconciled those that changed nothing.
	Downloaded int `json:"downloaded"`
	Applied    int `json:"applied"`
	Reconciled int `json:"reconciled,omitempty"`
	// Uploaded counts the records that the server stored.
	Uploaded int `json:"uploaded"`
	// Failed counts the records that could not be read, applied or stored.
	Failed int `json:"failed"`
	// Unsent counts the changes that the server refuses for ever, Unread the records that
	// cannot be read or applied, and Held the user's changes of such records, which wait for
	// a version of the app that reads them: of this sync and all before. [Manager.Engines]
	// names them.
	Unsent int `json:"unsent,omitempty"`
	Unread int `json:"unread,omitempty"`
	Held   int `json:"held,omitempty"`
	// Problems names failed records and why, at most a few dozen.
	Problems []engine.Problem `json:"-"`
	// Err is the error that stopped the engine, or nil.
	Err error `json:"-"`
	// Took is how long it worked.
	Took time.Duration `json:"-"`
}

// MarshalJSON adds the problems and the error as text.
func (r EngineResult) MarshalJSON() ([]byte, error) {
	type plain EngineResult
	out := struct {
		plain
		Problems []problem `json:"problems,omitempty"`
		Error    string    `json:"error,omitempty"`
	}{plain: plain(r), Problems: problems(r.Problems)}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	return json.Marshal(out)
}

// Command is a command that another device sent to this one.
type Command = sync15.Command

// CommandEffect is what a command did to an engine's data.
type CommandEffect = sync15.Effect

// Result is the result of one [Manager.Sync].
type Result struct {
	// Run identifies the sync in the logs of engines; see [engine.LogEntry].
	Run    string `json:"-"`
	Status Status `json:"status"`
	// Failure is the kind of failure if Status is [StatusFailed].
	Failure Failure                 `json:"failure,omitempty"`
	Engines map[string]EngineResult `json:"engines"`
	// Changed lists, by engine, the items that the sync added, changed or deleted on this
	// device. IDs is nil if there are more than [engine.MaxChanged]. An engine in which
	// nothing changed is not listed.
	Changed map[string]engine.Change `json:"-"`
	// Declined names the collections that the account does not sync, sorted.
	Declined []string `json:"declined"`
	// Commands lists the commands of other devices that were carried out.
	Commands []Command `json:"commands,omitempty"`
	// CommandsSent counts the commands that are now in other devices' records.
	CommandsSent int `json:"commandsSent,omitempty"`
	// SignedOut is true when another device told this one to sign out. The app
	// calls [Manager.SignOut].
	SignedOut bool `json:"signedOut,omitempty"`
	// NextSyncAllowedAt is the time until which the service asked clients to wait; zero if it
	// did not ask.
	NextSyncAllowedAt time.Time `json:"-"`
	// Requests counts those to the storage service, AccountRequests those to the
	// accounts server and the token server.
	Requests        int `json:"requests"`
	AccountRequests int `json:"accountRequests"`
	// Took is how long the sync ran.
	Took time.Duration `json:"-"`
	// Ping is the telemetry document of this sync, in the format of the public
	// sync ping. The manager does not send it.
	Ping *Ping `json:"-"`
	// Err is the error that stopped the sync as a whole, or nil.
	Err error `json:"-"`

	some bool // see Options
}

// failed reports whether the sync, or an engine in it, failed in a way that a
// later try may mend.
func (r Result) failed() bool {
	failed := r.Status == StatusFailed
	for _, e := range r.Engines {
		failed = failed || e.Status == StatusFailed
	}
	return failed
}

// MarshalJSON writes the stable format that the command prints for sync --json.
func (r Result) MarshalJSON() ([]byte, error) {
	type plain Result
	out := struct {
		plain
		NextSyncAllowedAt *time.Time `json:"nextSyncAllowedAt"`
		DurationMs        int64      `json:"durationMs"`
		Error             string     `json:"error,omitempty"`
	}{plain: plain(r), DurationMs: r.Took.Milliseconds()}
	if out.plain.Engines == nil {
		out.plain.Engines = map[string]EngineResult{}
	}
	if out.plain.Declined == nil {
		out.plain.Declined = []string{}
	}
	if !r.NextSyncAllowedAt.IsZero() {
		at := r.NextSyncAllowedAt.UTC()
		out.NextSyncAllowedAt = &at
	}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	return json.Marshal(out)
}
