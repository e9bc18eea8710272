package firefoxsync

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Codes of Firefox's Weave.Status that mean success.
const (
	statusOK        = "success.status_ok"
	engineSucceeded = "success.engine"
)

// Result is Firefox's result of a sync.
type Result struct {
	// Service, Login and Sync are the codes of Weave.Status: for the whole, the sign-in, and
	// the sync itself. "success.status_ok" means that the whole succeeded.
	Service, Login, Sync string
	// Error is the exception that stopped the sync, or "".
	Error string
	// Engines has an entry for each engine that took part, by collection.
	Engines map[string]EngineResult
}

// EngineResult is one engine's part of a sync.
type EngineResult struct {
	// Status is the engine's code in Weave.Status, or "" when it succeeded.
	Status string
	// Error is the exception that stopped the engine, or "".
	Error string
	// Applied counts incoming records; Failed those among them that could not be
	// applied, NewFailed those for the first time, and Reconciled those that were
	// here already. The tabs engine counts differently: all devices, at each sync.
	Applied, Failed, NewFailed, Reconciled int
	// Sent counts uploaded records, and SendFailed those that were not stored.
	Sent, SendFailed int
	// Checked is how many items on the server Firefox validated before it merged
	// them, and Problems what it found, by kind ("orphans", "missingChildren").
	// Bookmarks only, and only if there was something to merge.
	Checked  int
	Problems map[string]int
	// Merge counts what that merge did ("items", "dupes", "localDeletes").
	Merge map[string]int
}

// SyncError is a sync that did not succeed completely.
type SyncError struct {
	Result
}

func (e *SyncError) Error() string {
	parts := []string{"service " + e.Service, "login " + e.Login, "sync " + e.Sync}
	if e.Result.Error != "" {
		parts = append(parts, e.Result.Error)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Engines)) {
		if r := e.Engines[name]; r.Status != "" || r.Error != "" {
			parts = append(parts, fmt.Sprintf("%s: %s %s", name, r.Status, r.Error))
		}
	}
	return "Firefox's sync did not succeed: " + strings.Join(parts, "; ")
}

// StorageURL is the server at which Firefox stores, once it has synced.
func (ff *Firefox) StorageURL(ctx context.Context) (url string, err error) {
	err = ff.run(ctx, &url, `return Weave.Service.clusterURL;`)
	return url, err
}

// Sync makes Firefox sync and waits for the end: all its enabled engines, or only those named.
// If the sync or one engine failed, the error is a [*SyncError]; the result is filled either
// way.
func (ff *Firefox) Sync(ctx context.Context, engines ...string) (Result, error) {
	var r Result
	err := ff.run(ctx, &r, `
		const [only, engineSucceeded, statusOK] = args;
		const { Observers } = ChromeUtils.importESModule("resource://services-common/observers.sys.mjs");
		const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");

		const engines = {};
		const of = name => engines[name] ??= {};
		const words = e => e?.message || String(e);
		const counts = list => Object.fromEntries((list ?? []).map(({ name, count }) => [name, count]));
		let error = "";
		let began = false;
		const topics = {
			"weave:service:sync:start": () => { began = true; },
			"weave:engine:sync:start": (_, name) => { of(name); },
			"weave:engine:sync:applied": (count, name) => {
				const { applied = 0, failed = 0, newFailed = 0, reconciled = 0 } = count ?? {};
				Object.assign(of(name), { applied, failed, newFailed, reconciled });
			},
			"weave:engine:sync:uploaded": (count, name) => {
				Object.assign(of(name), { sent: (count?.sent ?? 0) - (count?.failed ?? 0), sendFailed: count?.failed ?? 0 });
			},
			"weave:engine:validate:finish": ({ checked, problems }, name) => {
				Object.assign(of(name), { checked, problems: counts(problems) });
			},
			"weave:engine:sync:step": (step, name) => {
				if (step.name == "merge") of(name).merge = counts(step.counts);
			},
			"weave:engine:sync:error": (e, name) => { of(name).error = words(e); },
			"weave:service:login:error": e => { error ||= words(e ?? "login failed"); },
			"weave:service:sync:error": e => { error ||= words(e); },
		};
		// Firefox hides a device that is not in its list of the account's devices, and relies
		// on push messages, which do not arrive here, to keep that list up to date.
		await fxAccounts.device.refreshDeviceList({ ignoreCached: true }).catch(() => {});
		// Trackers note changes in a queue of their own.
		for (const engine of Weave.Service.engineManager.getEnabled()) {
			await engine._tracker?.asyncObserver?.promiseCallsComplete();
		}
		for (const [topic, hear] of Object.entries(topics)) {
			Observers.add(topic, hear);
		}
		try {
			do {
				// The lock is held by a sign-in, or by a sync that was running before its scheduler was
				// stopped. Firefox does not notify anybody of its release, and a sync that finds it held
				// ends without a word.
				while (Weave.Service.locked) {
					await new Promise(resolve => setTimeout(resolve, 20));
				}
				await Weave.Service.sync({ why: "user", ...(only ? { engines: only } : {}) });
			} while (!began && !error && Weave.Status.service == statusOK);
		} finally {
			for (const [topic, hear] of Object.entries(topics)) {
				Observers.remove(topic, hear);
			}
		}
		for (const [name, code] of Object.entries(Weave.Status.engines)) {
			if (code != engineSucceeded) {
				of(name).status = code;
			}
		}
		const { service, login, sync } = Weave.Status;
		return { service, login, sync, error, engines };`, engines, engineSucceeded, statusOK)
	if err != nil {
		return Result{}, fmt.Errorf("syncing Firefox: %w", err)
	}
	if r.Service != statusOK || r.Error != "" {
		return r, &SyncError{r}
	}
	return r, nil
}

// EngineState is whether an engine takes part.
type EngineState struct {
	// Enabled is this Firefox's own setting.
	Enabled bool
	// Declined says that the whole account does not sync the engine, as of this Firefox's last
	// sync.
	Declined bool
}

// Engines lists Firefox's engines, by collection.
func (ff *Firefox) Engines(ctx context.Context) (map[string]EngineState, error) {
	var states map[string]EngineState
	if err := ff.run(ctx, &states, `
		const { engineManager } = Weave.Service;
		return Object.fromEntries(engineManager.getAll().map(
			e => [e.name, { enabled: e.enabled, declined: engineManager.isDeclined(e.name) }]));`); err != nil {
		return nil, fmt.Errorf("listing Firefox's engines: %w", err)
	}
	return states, nil
}

// SetEngine checks or unchecks an engine, as the settings page does. The next
// sync tells the account.
func (ff *Firefox) SetEngine(ctx context.Context, name string, enabled bool) error {
	if err := ff.run(ctx, nil, `
		const [name, enabled] = args;
		const engine = Weave.Service.engineManager.get(name);
		if (!engine) {
			throw new Error("Firefox has no engine " + name);
		}
		engine.enabled = enabled;`, name, enabled); err != nil {
		return fmt.Errorf("switching Firefox's engine %s: %w", name, err)
	}
	return nil
}
