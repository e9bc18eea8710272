package api

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/placesfile"
)

// Sync asks for a sync.
type Sync struct {
	// Engines names the engines to sync; absent: all that the account syncs and the caller
	// may use.
	Engines []string `json:"engines,omitempty" bound:"1..50" each:"1..64"`
	// Prefer says whose values win if both sides changed the same thing; absent: usually
	// the newer one.
	Prefer string `json:"prefer,omitempty" enum:"local,remote"`
	// AcceptDeletions lets engines go on that waited because they would delete much; see
	// [EngineResult].
	AcceptDeletions bool `json:"acceptDeletions,omitempty"`
}

// SyncResult is the result of a sync, as the command prints it.
type SyncResult struct {
	// At is when it ended.
	At time.Time `json:"at"`
	// Sync is its name in the logs of the engines, such as bookmarks.log; absent: nothing
	// was synced.
	Sync   string             `json:"sync,omitempty"`
	Status syncmanager.Status `json:"status" enum:"ok,partial,failed,auth,backedOff,declined,newer,needsConfirmation"`
	// Failure is the kind of failure if the status is "failed".
	Failure syncmanager.Failure `json:"failure,omitempty" enum:"network,server,refused,other"`
	Engines []EngineResult      `json:"engines"`
	// Changed lists what the sync changed on this device, by engine.
	Changed []Changed `json:"changed"`
	// Declined names the collections that the account does not sync.
	Declined []string `json:"declined"`
	// SignedOut says that another device told this one to sign out.
	SignedOut bool `json:"signedOut,omitempty"`
	// NextSyncAllowedAt is the time until which the service asked clients to wait, if it did.
	NextSyncAllowedAt time.Time `json:"nextSyncAllowedAt,omitzero"`
	DurationMs        int64     `json:"durationMs"`
	// Requests counts those to the storage service.
	Requests int `json:"requests"`
	// Error says in words what stopped the sync as a whole.
	Error string `json:"error,omitempty"`
	// Repeats counts the syncs just before it that ended in the same way and did nothing
	// either, and that sync.results has combined with it.
	Repeats int `json:"repeats,omitempty"`
}

// EngineResult is what a sync did with one engine.
type EngineResult struct {
	Engine string             `json:"engine"`
	Status syncmanager.Status `json:"status" enum:"ok,partial,failed,auth,backedOff,declined,newer,needsConfirmation"`
	// Failure is the kind of failure if the status is "failed".
	Failure syncmanager.Failure `json:"failure,omitempty" enum:"network,server,refused,other"`
	// Downloaded counts the downloaded records, Applied those that changed something here,
	// Uploaded those that the server stored, and Failed those that could not be read,
	// applied or stored.
	Downloaded int `json:"downloaded"`
	Applied    int `json:"applied"`
	Uploaded   int `json:"uploaded"`
	Failed     int `json:"failed"`
	// Deletions and Total are set if the status is "needsConfirmation": the sync would delete
	// Deletions of Total items, and waits for a sync with acceptDeletions.
	Deletions int `json:"deletions,omitempty"`
	Total     int `json:"total,omitempty"`
	// Problems names records that failed.
	Problems []Problem `json:"problems,omitempty"`
	// Error says in words what stopped the engine.
	Error string `json:"error,omitempty"`
}

// Problem is a record, and what is wrong with it.
type Problem struct {
	ID     engine.ID `json:"id"`
	Reason string    `json:"reason"`
}

// ResultOf is the result of a sync that ended at a time, as the API shows it.
func ResultOf(r syncmanager.Result, at time.Time) SyncResult {
	out := SyncResult{
		At: at.UTC().Truncate(time.Millisecond), Sync: r.Run, Status: r.Status, Failure: r.Failure, Engines: []EngineResult{}, Changed: []Changed{},
		Declined: append([]string{}, r.Declined...), SignedOut: r.SignedOut, NextSyncAllowedAt: r.NextSyncAllowedAt.UTC(),
		DurationMs: r.Took.Milliseconds(), Requests: r.Requests, Error: text(r.Err),
	}
	for _, name := range slices.Sorted(maps.Keys(r.Engines)) {
		out.Engines = append(out.Engines, engineResult(name, r.Engines[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Changed)) {
		out.Changed = append(out.Changed, Changed{Engine: name, By: BySync, IDs: r.Changed[name].IDs})
	}
	return out
}

func engineResult(name string, r syncmanager.EngineResult) EngineResult {
	out := EngineResult{
		Engine: name, Status: r.Status, Failure: r.Failure,
		Downloaded: r.Downloaded, Applied: r.Applied, Uploaded: r.Uploaded, Failed: r.Failed, Error: text(r.Err),
	}
	var many *engine.TooManyDeletionsError
	if errors.As(r.Err, &many) {
		out.Deletions, out.Total = many.Deletions, many.Total
	}
	for _, p := range r.Problems {
		out.Problems = append(out.Problems, Problem{p.ID, text(p.Err)})
	}
	return out
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// only is the result without the engines that the caller may not use.
func (r SyncResult) only(rights Rights) SyncResult {
	r.Engines = slices.DeleteFunc(slices.Clone(r.Engines), func(e EngineResult) bool { return !rights.Allow(e.Engine) })
	r.Changed = slices.DeleteFunc(slices.Clone(r.Changed), func(c Changed) bool { return !rights.Allow(c.Engine) })
	return r
}

// Limit asks for the first of what there is.
type Limit struct {
	// Limit is how many are wanted at most; absent: 20.
	Limit int `json:"limit,omitempty" bound:"1..1000"`
}

func (l Limit) or(usual int) int {
	if l.Limit == 0 {
		return usual
	}
	return l.Limit
}

const usualLimit = 20

// Results are the results of the last syncs.
type Results struct {
	// Results are those of the last syncs, the newest first.
	Results []SyncResult `json:"results"`
}

// Status is the state of this device.
type Status struct {
	SignedIn bool `json:"signedIn"`
	// DeviceID and DeviceName are this device's, once it synced.
	DeviceID   engine.ID `json:"deviceId,omitempty"`
	DeviceName string    `json:"deviceName,omitempty"`
	// LastSync is when a sync last succeeded; absent: never.
	LastSync time.Time `json:"lastSync,omitzero"`
	// BackoffUntil is the time until which the service asked clients to wait, if it did.
	BackoffUntil time.Time      `json:"backoffUntil,omitzero"`
	Engines      []EngineStatus `json:"engines"`
}

// EngineStatus is the state of an engine.
type EngineStatus struct {
	Name string `json:"name"`
	// Enabled says whether the account syncs the engine. Pending says that this was chosen
	// here, and the server does not know it yet.
	Enabled bool `json:"enabled"`
	Pending bool `json:"pending,omitempty"`
	// Registered is false for a collection that the account declined and this device does
	// not have.
	Registered bool `json:"registered"`
	// Items counts the items, and Changes those that are not on the server yet; absent: not
	// known.
	Items   *int `json:"items,omitempty"`
	Changes *int `json:"changes,omitempty"`
	// Stuck counts the records that do not sync; engines.stuck names them.
	Stuck int `json:"stuck,omitempty"`
	// LastSync is when it last synced; absent: never. LastError is the error since then.
	LastSync  time.Time `json:"lastSync,omitzero"`
	LastError string    `json:"lastError,omitempty"`
}

// Engines names engines.
type Engines struct {
	Engines []string `json:"engines" bound:"1..50" each:"1..64"`
}

// EngineList lists engines.
type EngineList struct {
	Engines []EngineStatus `json:"engines"`
}

// StuckRecord is a record that does not sync until it is changed.
type StuckRecord struct {
	Engine string `json:"engine"`
	// Kind is "unsent" for a change that the server refuses, "unread" for a record that
	// cannot be read or applied here, and "held" for a change of such a record.
	Kind   string    `json:"kind" enum:"unsent,unread,held"`
	ID     engine.ID `json:"id"`
	Reason string    `json:"reason"`
}

// VersionInfo says what answers.
type VersionInfo struct {
	// API is the version of the API.
	API int `json:"api"`
	// Program is the version of the program.
	Program string `json:"program"`
}

// Search asks for pages.
type Search struct {
	// Text is what was typed: a keyword, an address, or words.
	Text string `json:"text" bound:"0..2000"`
	Limit
}

// Found are pages that were found.
type Found struct {
	Results []placesfile.Result `json:"results"`
}

func managerVerbs() []*Verb {
	return []*Verb{
		value("version", "Returns the versions of the API and of the program.", Needs{},
			func(_ context.Context, c *call, _ Empty) (VersionInfo, error) {
				return VersionInfo{Version, c.home.Version()}, nil
			}),
		value("status", "Returns the state of this device and of its engines.", Needs{}, status),
		value("sync.run", "Syncs now, and returns the result. A sync that failed is a result too, not an error.",
			Needs{Write: true}, runSync),
		value("sync.results", "Returns the results of the last syncs.", Needs{}, results),
		value("engines.list", "Lists the engines in the order in which they sync.", Needs{},
			func(ctx context.Context, c *call, _ Empty) (EngineList, error) {
				list, err := engineStatuses(ctx, c)
				return EngineList{list}, err
			}),
		action("engines.enable", "Lets the account sync engines, from the next sync on and on all devices.", Needs{Write: true, Account: true},
			func(ctx context.Context, c *call, q Engines) error { return setEnabled(ctx, c, true, q) }),
		action("engines.disable", "Ends the syncing of engines on all devices: the next sync deletes their collections on the server. The data stays on the devices.",
			Needs{Write: true, Account: true},
			func(ctx context.Context, c *call, q Engines) error { return setEnabled(ctx, c, false, q) }),
		stream("engines.stuck", "Lists records that do not sync until they are changed, at most a hundred of a kind for each engine.", Needs{}, stuck),
		value("search", "Finds pages among bookmarks and history, as an address bar does.", Needs{Engines: []string{"bookmarks", "history"}},
			func(ctx context.Context, c *call, q Search) (Found, error) {
				file, err := c.home.Places(ctx)
				if err != nil {
					return Found{}, err
				}
				found, err := file.Search(ctx, placesfile.Query{Text: q.Text, Limit: q.or(usualLimit)})
				return Found{append([]placesfile.Result{}, found...)}, err
			}),
	}
}

func runSync(ctx context.Context, c *call, q Sync) (SyncResult, error) {
	if err := c.rights.permitEngines(q.Engines); err != nil {
		return SyncResult{}, err
	}
	m, err := c.home.Manager(ctx)
	if err != nil {
		return SyncResult{}, err
	}
	o := syncmanager.Options{Engines: q.Engines, AcceptDeletions: q.AcceptDeletions}
	names, err := allowedEngines(ctx, c, m)
	if err != nil {
		return SyncResult{}, err
	}
	if len(o.Engines) == 0 && !c.rights.Allow(Every) {
		if o.Engines = names; len(names) == 0 {
			return SyncResult{}, invalidf("", "the account syncs no engine that this client may use")
		}
	}
	if side, ok := map[string]engine.Side{"local": engine.PreferLocal, "remote": engine.PreferRemote}[q.Prefer]; ok {
		o.Prefer = make(map[string]engine.Side)
		for _, name := range names {
			o.Prefer[name] = side
		}
	}
	r, err := c.home.Sync(ctx, o)
	if errors.Is(err, syncmanager.ErrBusy) || errors.Is(err, syncmanager.ErrClosed) || errors.Is(err, syncmanager.ErrUnknownEngine) {
		return SyncResult{}, err
	}
	return ResultOf(r, c.now()).only(c.rights), nil
}

// allowedEngines names the engines that the account syncs and the caller may use.
func allowedEngines(ctx context.Context, c *call, m *syncmanager.Manager) (names []string, err error) {
	list, err := m.Engines(ctx)
	for _, e := range list {
		if e.Registered && e.Enabled && c.rights.Allow(e.Name) {
			names = append(names, e.Name)
		}
	}
	return names, err
}

func results(_ context.Context, c *call, q Limit) (Results, error) {
	out := Results{[]SyncResult{}}
	list, err := c.timeline.List(q.or(usualLimit))
	for _, r := range list {
		out.Results = append(out.Results, r.only(c.rights))
	}
	return out, err
}

func status(ctx context.Context, c *call, _ Empty) (Status, error) {
	m, err := c.home.Manager(ctx)
	if err != nil {
		return Status{}, err
	}
	s := Status{SignedIn: c.home.SignedIn(), LastSync: m.LastSync().UTC(), BackoffUntil: m.BackoffUntil().UTC()}
	for _, d := range m.Devices() {
		if d.Local {
			s.DeviceID, s.DeviceName = d.ID, d.Name
		}
	}
	s.Engines, err = engineStatuses(ctx, c)
	return s, err
}

// engineStatuses lists the engines that the caller may use.
func engineStatuses(ctx context.Context, c *call) ([]EngineStatus, error) {
	m, err := c.home.Manager(ctx)
	if err != nil {
		return nil, err
	}
	list, err := m.Engines(ctx)
	out := []EngineStatus{}
	for _, e := range list {
		if !c.rights.Allow(e.Name) {
			continue
		}
		s := EngineStatus{
			Name: e.Name, Enabled: e.Enabled, Pending: e.Pending, Registered: e.Registered,
			Items: e.Items, Changes: e.Changes, LastSync: e.LastSync.UTC(), LastError: e.LastError,
		}
		if e.Stuck != nil {
			s.Stuck = e.Stuck.Unsent + e.Stuck.Unread + e.Stuck.Held
		}
		out = append(out, s)
	}
	return out, err
}

func setEnabled(ctx context.Context, c *call, enabled bool, q Engines) error {
	m, err := c.home.Manager(ctx)
	if err != nil {
		return err
	}
	return m.SetEnabled(ctx, enabled, q.Engines...)
}

func stuck(ctx context.Context, c *call, _ Empty) (iter.Seq2[StuckRecord, error], error) {
	m, err := c.home.Manager(ctx)
	if err != nil {
		return nil, err
	}
	list, err := m.Engines(ctx)
	if err != nil {
		return nil, err
	}
	return func(yield func(StuckRecord, error) bool) {
		for _, e := range list {
			if e.Stuck == nil || !c.rights.Allow(e.Name) {
				continue
			}
			for _, kind := range []struct {
				name    string
				records []engine.Problem
			}{{"unsent", e.Stuck.UnsentRecords}, {"unread", e.Stuck.UnreadRecords}, {"held", e.Stuck.HeldRecords}} {
				for _, p := range kind.records {
					if !yield(StuckRecord{e.Name, kind.name, p.ID, text(p.Err)}, nil) {
						return
					}
				}
			}
		}
	}, nil
}
