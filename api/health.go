package api

import (
	"context"
	"time"
)

// Keeper is a [Home] that knows what keeps it. A home need not be one: then the verbs about
// and health know little.
type Keeper interface {
	About(ctx context.Context) (About, error)
	Health(ctx context.Context) (Health, error)
}

// About says whose data this is, and what keeps it in sync.
type About struct {
	// Email is the account's address and Server its server; absent: there is no account, or
	// it is on this device alone, as Local says.
	Email  string `json:"email,omitempty"`
	Server string `json:"server,omitempty"`
	Local  bool   `json:"local,omitempty"`
	// Profile is the folder of the data.
	Profile string `json:"profile,omitempty"`
	// NextSync is when the next sync is due without a change; absent: none is due.
	NextSync time.Time `json:"nextSync,omitzero"`
	// Paused says why the program does not sync by itself at the moment, or is absent.
	Paused string `json:"paused,omitempty"`
	// Problems are sentences about what a person has to see to.
	Problems []string `json:"problems"`
}

// Health is the state of the stores and of the machine.
type Health struct {
	Stores []StoreHealth `json:"stores"`
	// DiskFree is how many bytes the disk of the data has left; absent: not known.
	DiskFree int64 `json:"diskFree,omitempty"`
	// Log are the newest lines of the program's log, the oldest first, if it keeps them.
	Log []LogLine `json:"log"`
}

// StoreHealth is the state of the file of an engine, which two engines may share.
type StoreHealth struct {
	Engine string `json:"engine"`
	// File is the name of the file, and Bytes its size.
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
	// Problem says why the store cannot be used; absent: it can.
	Problem string `json:"problem,omitempty"`
}

// LogLine is a line of a log, which has no secrets.
type LogLine struct {
	At time.Time `json:"at"`
	// Level is "DEBUG", "INFO", "WARN" or "ERROR".
	Level string `json:"level"`
	Text  string `json:"text"`
}

func keeperVerbs() []*Verb {
	return []*Verb{
		value("about", "Says whose data this is, what keeps it in sync, and when it syncs next.", Needs{Account: true},
			func(ctx context.Context, c *call, _ Empty) (About, error) {
				about := About{}
				var err error
				if k, ok := c.home.(Keeper); ok {
					about, err = k.About(ctx)
				}
				about.Problems = append([]string{}, about.Problems...)
				return about, err
			}),
		value("health", "Says whether the stores can be used, how large they are, and what the log says.", Needs{Account: true},
			func(ctx context.Context, c *call, _ Empty) (Health, error) {
				health := Health{}
				var err error
				if k, ok := c.home.(Keeper); ok {
					health, err = k.Health(ctx)
				}
				health.Stores = append([]StoreHealth{}, health.Stores...)
				health.Log = append([]LogLine{}, health.Log...)
				return health, err
			}),
	}
}
