// Package firefoxsync makes a real Firefox a device of an account: it signs Firefox in, makes
// it sync, and reads and changes its logins, tabs and engines the way its own pages do. The
// interop tests sync with it.
//
// It calls Firefox's own modules (FxAccounts, Weave, the login manager), so all that goes over
// the wire comes from Firefox. Seen in Firefox ESR 153.
package firefoxsync

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/marionette"
)

// Firefox is a running Firefox, seen as a device that syncs. Chrome, Content,
// Navigate, Quit and the like are those of the embedded browser.
type Firefox struct {
	*marionette.Firefox
}

// Options say what to start.
type Options struct {
	// Root is the server's root URL, where /.well-known/fxa-client-configuration
	// is; "": Firefox knows no server and can sign in to none.
	Root string
	// Profile is the folder of the profile, kept for another start; "": a new one
	// that is removed in the end.
	Profile string
	// Prefs override those that this package sets.
	Prefs map[string]any
	// Log receives a message at each start and end; nil: nothing is logged.
	Log *slog.Logger
}

// Start starts a Firefox for one test, and kills it when the test ends. It fails the test if
// that does not work. See [marionette.Require] for a machine without Firefox.
//
// This Firefox syncs when it is told to and never by itself, so that a test can
// say what each sync did.
func Start(t testing.TB, o Options) *Firefox {
	t.Helper()
	prefs := syncPrefs(o.Root)
	maps.Copy(prefs, o.Prefs)
	ff := &Firefox{marionette.StartTest(t, marionette.Options{Profile: o.Profile, Prefs: prefs, Log: o.Log})}
	// On a profile that is signed in already, before its scheduler's first sync.
	if err := ff.run(t.Context(), nil, untilPlaces); err != nil {
		t.Fatalf("preparing Firefox for sync: %v", err)
	}
	return ff
}

func syncPrefs(root string) map[string]any {
	prefs := map[string]any{
		"services.sync.testing.tps":                        true, // no sync by itself at sign-in
		"services.sync.syncedTabs.syncDelayAfterTabChange": 0,    // nor after a change of tabs
		"services.sync.log.appender.file.logOnError":       false,
		// Marionette's own preferences turn saving off; the passwords engine works
		// without it, but a page that signs in should find what a user has.
		"signon.rememberSignons": true,
	}
	if root != "" {
		prefs["identity.fxaccounts.autoconfig.uri"] = root
		prefs["identity.fxaccounts.allowHttp"] = true
	}
	return prefs
}

// prelude is what every script of this package begins with: Firefox's modules,
// the sync service ready, and its scheduler's syncs off.
const prelude = `
const { Weave } = ChromeUtils.importESModule("resource://services-sync/main.sys.mjs");
const { getFxAccountsSingleton } = ChromeUtils.importESModule("resource://gre/modules/FxAccounts.sys.mjs");
const fxAccounts = getFxAccountsSingleton();
await Cc["@mozilla.org/weave/service;1"].getService(Ci.nsISupports).wrappedJSObject.whenLoaded();
Weave.Service.scheduler.syncIfMPUnlocked = () => {};
`

// untilPlaces waits for Firefox to have its bookmarks: on a new profile it replaces all
// bookmarks with its own some time after the start.
const untilPlaces = `
const topic = "places-browser-init-complete";
await new Promise(resolve => {
	const done = () => {
		Services.obs.removeObserver(done, topic);
		resolve();
	};
	Services.obs.addObserver(done, topic);
	// It may have been already.
	Cc["@mozilla.org/browser/browserglue;1"].getService(Ci.nsIObserver).observe(null, "browser-glue-test", topic);
});`

// run runs script, and decodes what it returns into result unless that is nil.
func (ff *Firefox) run(ctx context.Context, result any, script string, args ...any) error {
	raw, err := ff.Chrome(ctx, prelude+script, args...)
	if err != nil || result == nil {
		return err
	}
	if err := json.Unmarshal(raw, result); err != nil {
		return fmt.Errorf("what Firefox returned: %w", err)
	}
	return nil
}

// Scope is the OAuth scope of sync, under which the account's sync key is kept.
const Scope = "https://identity.mozilla.com/apps/oldsync"

// Account is a session at an accounts server, as Firefox keeps one.
type Account struct {
	// UID is the account's id, 32 hexadecimal digits.
	UID string
	// Email is the address the account was made with.
	Email string
	// SessionToken is a session that the server knows, 64 hexadecimal digits.
	SessionToken string
	// Key is the sync key, 64 bytes in base64url without padding ("k" of the scoped key).
	Key string
	// KeyID names the key: "<keys_changed_at>-<fingerprint>" ("kid" of the scoped key).
	KeyID string
}

// SignIn signs Firefox in with an existing session, without the server's pages, and turns sync
// on. Firefox reads the server's configuration document first and registers itself as a device;
// the result is the ID that it got. It does not sync yet.
func (ff *Firefox) SignIn(ctx context.Context, a Account) (deviceID string, err error) {
	err = ff.run(ctx, &deviceID, `
		const [{ uid, email, sessionToken, key, keyID, scope }] = args;
		const { FxAccountsConfig } = ChromeUtils.importESModule("resource://gre/modules/FxAccountsConfig.sys.mjs");
		await FxAccountsConfig.updateConfigURLs();
		await fxAccounts._internal.setSignedInUser({
			uid, email, sessionToken, verified: true,
			scopedKeys: { [scope]: { kty: "oct", k: key, kid: keyID, scope } },
		});
		const id = await fxAccounts.device.getLocalId();
		if (!id) {
			throw new Error("the accounts server did not register Firefox as a device");
		}
		await Weave.Service.configure();
		return id;`,
		map[string]string{
			"uid": a.UID, "email": a.Email, "sessionToken": a.SessionToken,
			"key": a.Key, "keyID": a.KeyID, "scope": Scope,
		})
	if err != nil {
		return "", fmt.Errorf("signing Firefox in: %w", err)
	}
	return deviceID, nil
}

// SignOut signs Firefox out and turns sync off, as its settings page does; the
// user's data stays.
func (ff *Firefox) SignOut(ctx context.Context) error {
	if err := ff.run(ctx, nil, `
		const { SyncDisconnect } = ChromeUtils.importESModule("resource://services-sync/SyncDisconnect.sys.mjs");
		await SyncDisconnect.disconnect(false);`); err != nil {
		return fmt.Errorf("signing Firefox out: %w", err)
	}
	return nil
}
