package syncmanager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/sync15"
)

// Sync syncs the engines that are registered and enabled, or those that o names. Registering
// or unregistering an engine meanwhile affects the next sync only. The error is [Result].Err,
// which stopped the sync as a whole: [ErrBusy], [ErrClosed], *[AuthError], *[BackedOffError],
// a server that cannot be reached, or a context that ended. The error of a single engine is
// in [Result].Engines only.
func (m *Manager) Sync(ctx context.Context, o Options) (Result, error) {
	if err := m.tryLock(ctx); err != nil {
		return Result{Status: StatusFailed, Err: err}, err
	}
	defer m.unlock()
	return m.sync(ctx, o)
}

// sync is Sync for a caller that holds running.
func (m *Manager) sync(ctx context.Context, o Options) (Result, error) {
	chosen, err := m.pick(o.Engines)
	if err != nil {
		return Result{Status: StatusFailed, Err: err}, err
	}
	return m.syncEngines(ctx, o, chosen)
}

// syncEngines is sync of the chosen engines, which may be none.
func (m *Manager) syncEngines(ctx context.Context, o Options, chosen []engine.Engine) (Result, error) {
	ctx, done := m.untilClosed(ctx)
	defer done()
	s := m.start(o, chosen)
	s.perform(ctx)
	saveErr := s.finish(ctx)
	if s.result.Err == nil && saveErr != nil {
		s.result.Status, s.result.Err = StatusFailed, saveErr
	}
	m.mu.Lock()
	m.results.add(s.result)
	m.mu.Unlock()
	return s.result, s.result.Err
}

// syncing is one Sync as it runs.
type syncing struct {
	m       *Manager
	options Options
	began   time.Time
	// all are the engines registered as it began, chosen those to sync.
	all, chosen []engine.Engine
	pending     map[string]bool
	name        string
	accountBase int
	run         *sync15.Run

	// unconfirmed are the engines that wait for the user's word on a command, and why.
	unconfirmed map[string]error

	mu     sync.Mutex
	result Result
	// stats is what the protocol counted, for the telemetry document.
	stats map[string]sync15.Stats
}

func (m *Manager) start(o Options, chosen []engine.Engine) *syncing {
	if o.Reason == "" {
		o.Reason = ReasonUser
	}
	s := &syncing{
		m: m, options: o, began: m.cfg.Now(), all: m.registered(), chosen: chosen,
		name: string(bso.NewGUID(m.cfg.Rand)), accountBase: m.cfg.Account.Requests(),
		result: Result{some: o.some, Engines: map[string]EngineResult{}, Changed: map[string]engine.Change{}}, stats: map[string]sync15.Stats{}, unconfirmed: map[string]error{},
	}
	s.result.Run = s.name
	m.client.StartRun()
	m.mu.Lock()
	s.pending = maps.Clone(m.saved.Pending)
	m.mu.Unlock()
	return s
}

func (s *syncing) perform(ctx context.Context) {
	m := s.m
	if err := m.refused(); err != nil {
		s.fail(err)
		return
	}
	userAsked := s.options.Reason == ReasonUser || len(s.pending) > 0
	if until := m.state.Wait(m.cfg.Now(), userAsked); !until.IsZero() {
		s.fail(&BackedOffError{Until: until})
		return
	}
	// A storage that moved to another node is set up there, once.
	for first := true; ; first = false {
		err := s.account(ctx)
		if err == nil {
			s.engines(ctx)
			err = s.moved()
		}
		switch {
		case err == nil:
			s.summarize(ctx)
			return
		case !first || !errors.Is(err, sync15.ErrReassigned):
			s.fail(err)
			return
		}
	}
}

// moved is ErrReassigned if an engine found that the storage moved.
func (s *syncing) moved() error {
	for _, r := range s.result.Engines {
		if errors.Is(r.Err, sync15.ErrReassigned) {
			return sync15.ErrReassigned
		}
	}
	return nil
}

// account does what concerns the account as a whole: its storage, the choice of
// engines, the devices and their commands.
func (s *syncing) account(ctx context.Context) error {
	m := s.m
	run, err := m.client.Setup(ctx, sync15.Choice{Engines: s.all, Enable: s.pending})
	if err != nil {
		return err
	}
	s.run = run
	s.result.Declined = run.Declined
	m.mu.Lock()
	for name, on := range s.pending {
		// What was chosen meanwhile waits for the next sync.
		if now, still := m.saved.Pending[name]; still && now == on {
			delete(m.saved.Pending, name)
		}
	}
	m.saved.Declined = run.Declined
	m.state.Send(m.saved.Outbox...)
	m.saved.Outbox = nil
	device, renamed := m.cfg.Device, m.saved.Renamed
	device.Name = m.deviceName()
	m.mu.Unlock()

	if renamed {
		if err := m.cfg.Account.RenameDevice(ctx, device.Name); err != nil {
			m.cfg.Log.Warn("the accounts server was not told the device's new name", "err", err)
		} else {
			m.mu.Lock()
			m.saved.Renamed = m.deviceName() != device.Name
			m.mu.Unlock()
		}
	}
	clients, err := run.SyncClients(ctx, device, s.runCommand)
	s.result.Commands = append(s.result.Commands, clients.Applied...)
	s.result.CommandsSent += clients.Sent
	for _, o := range clients.Undelivered {
		m.cfg.Log.Warn("a command's device is gone", "command", o.Name, "device", o.To)
	}
	m.mu.Lock()
	m.devices = m.state.Devices()
	m.mu.Unlock()
	m.notifyDevices(ctx, clients)
	return err
}

// notifyDevices tells other devices by push that their list changed, as Firefox does: all of them after this one
// joined, and those that got a command. It is all that a Firefox acts on at once.
func (m *Manager) notifyDevices(ctx context.Context, c sync15.Clients) {
	to, ok := m.cfg.Account.(DeviceNotifier)
	if !ok || !c.Joined && len(c.Changed) == 0 {
		return
	}
	var err error
	if c.Joined {
		err = to.Notify(ctx, []string{clientsCollection})
	} else {
		err = to.Notify(ctx, []string{clientsCollection}, c.Changed...)
	}
	if err != nil {
		m.cfg.Log.Warn("the other devices were not notified; they find it with their next sync", "err", err)
	}
}

// deviceName is this device's name: the one that the user gave, or the default. The caller holds mu.
func (m *Manager) deviceName() string { return cmp.Or(m.saved.DeviceName, m.cfg.Device.Name) }

// engines syncs the chosen engines, some at once, in the order in which a user
// misses them.
func (s *syncing) engines(ctx context.Context) {
	var group errgroup.Group
	group.SetLimit(s.m.cfg.Parallel)
	devices := s.m.Devices()
	for _, e := range s.chosen {
		group.Go(func() error {
			s.engine(ctx, e, devices)
			return nil
		})
	}
	_ = group.Wait()
}

func (s *syncing) engine(ctx context.Context, e engine.Engine, devices []engine.Device) {
	name := e.Collection()
	began := s.m.cfg.Now()
	var r EngineResult
	var c sync15.Stats
	switch {
	case slices.Contains(s.run.Declined, name):
		r.Status = StatusDeclined
	case slices.Contains(s.run.Newer, name):
		r.Status = StatusNewer
		r.Err = fmt.Errorf("the account has a newer version of %s, which this program does not know; it was not touched", name)
	case s.unconfirmed[name] != nil:
		r.Status, r.Err = StatusNeedsConfirmation, s.unconfirmed[name]
	default:
		r, c = s.collection(ctx, e, devices)
	}
	r.Took = s.m.cfg.Now().Sub(began)
	r.Failure = failureOf(r.Status, r.Err)
	s.mu.Lock()
	s.result.Engines[name] = r
	s.stats[name] = c
	s.noteChanged(name, &c.Merged)
	s.mu.Unlock()
}

func (s *syncing) collection(ctx context.Context, e engine.Engine, devices []engine.Device) (r EngineResult, c sync15.Stats) {
	defer func() {
		// An engine is the app's code, or a third party's: what it does wrong must
		// not take the other engines down.
		if p := recover(); p != nil {
			r.Status, r.Err = StatusFailed, fmt.Errorf("the engine for %s broke: %v", e.Collection(), p)
		}
	}()
	c, err := s.run.SyncEngine(ctx, e, engine.Start{
		Run: s.name, Prefer: s.options.Prefer[e.Collection()], AcceptDeletions: s.options.AcceptDeletions, Devices: devices,
	})
	r = EngineResult{
		Status: StatusOK, Downloaded: c.Downloaded, Applied: c.Merged.Applied, Reconciled: c.Merged.Reconciled,
		Uploaded: c.Uploaded, Failed: c.Merged.Failed + len(c.Refused), Problems: c.Merged.Problems, Err: err,
	}
	for _, refused := range c.Refused {
		r.Problems = append(r.Problems, engine.Problem{ID: refused.ID, Err: errors.New(refused.Reason)})
	}
	if err != nil {
		r.Status = statusOf(err)
	}
	if left, err := stuck(context.WithoutCancel(ctx), e, 0); err != nil {
		s.m.cfg.Log.Warn("an engine cannot tell what is stuck", "engine", e.Collection(), "err", err)
	} else if left != nil {
		r.Unsent, r.Unread, r.Held = left.Unsent, left.Unread, left.Held
	}
	return r, c
}

func statusOf(err error) Status {
	switch {
	case errors.As(err, new(*AuthError)):
		return StatusSignInAgain
	case errors.As(err, new(*BackedOffError)):
		return StatusBackedOff
	case errors.As(err, new(*engine.TooManyDeletionsError)):
		return StatusNeedsConfirmation
	}
	return StatusFailed
}

// noteChanged notes which items of an engine a merge changed. The caller holds s.mu.
func (s *syncing) noteChanged(name string, m *engine.Merged) {
	if len(m.Changed) == 0 && m.Applied == 0 {
		return
	}
	change := engine.Change{Sync: true}
	before, wiped := s.result.Changed[name]
	if !m.MoreChanged && len(m.Changed) > 0 && (!wiped || before.IDs != nil) {
		change.IDs = slices.Compact(slices.Sorted(slices.Values(m.Changed)))
	}
	s.result.Changed[name] = change
}

// fail ends a sync that could not begin its engines.
func (s *syncing) fail(err error) {
	s.result.Status, s.result.Err = statusOf(err), err
}

// summarize sets the result of the sync from the engines' results.
func (s *syncing) summarize(ctx context.Context) {
	s.result.Status = StatusOK
	good, bad := 0, 0
	var first error
	for _, e := range s.chosen {
		r := s.result.Engines[e.Collection()]
		switch r.Status {
		case StatusOK, StatusDeclined:
			good++
		case StatusSignInAgain, StatusBackedOff:
			// These concern the account, whichever engine met them.
			s.fail(r.Err)
			return
		default:
			bad++
			if first == nil {
				first = r.Err
			}
		}
	}
	switch {
	case ctx.Err() != nil:
		s.fail(context.Cause(ctx))
	case bad > 0 && good == 0:
		s.fail(first)
	case bad > 0:
		s.result.Status = StatusPartial
	}
}

// finish counts, remembers and reports.
func (s *syncing) finish(ctx context.Context) error {
	m, now := s.m, s.m.cfg.Now()
	s.result.Took = now.Sub(s.began)
	s.result.Requests = m.client.Requests()
	s.result.AccountRequests = m.client.TokenRequests() + m.cfg.Account.Requests() - s.accountBase
	s.result.NextSyncAllowedAt = m.state.NextAllowed(now)
	s.result.Failure = failureOf(s.result.Status, s.result.Err)
	s.result.Ping = s.ping()
	if s.result.Status == StatusSignInAgain {
		m.noteRefusal(s.result.Err)
	}

	m.mu.Lock()
	if m.saved.Engines == nil {
		m.saved.Engines = map[string]engineNote{}
	}
	for name, r := range s.result.Engines {
		note := m.saved.Engines[name]
		note.LastError = ""
		switch {
		case r.Status == StatusOK:
			note.LastSync = now
		case r.Err != nil:
			note.LastError = r.Err.Error()
		}
		m.saved.Engines[name] = note
	}
	if s.result.Status == StatusOK && len(s.chosen) > 0 {
		m.saved.LastSync = now
	}
	m.saved.Backoff = s.result.NextSyncAllowedAt
	m.mu.Unlock()
	return m.keep(ctx)
}
