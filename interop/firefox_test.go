package interop_test

import (
	"encoding/base64"
	"maps"
	"slices"
	"testing"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

const ann = "ann@example.org"

// firefox starts a real Firefox that is signed in to the account.
func firefox(t *testing.T, w *testenv.Env) *firefoxsync.Firefox {
	t.Helper()
	return firefoxWith(t, w, nil)
}

// firefoxWith is firefox with preferences.
func firefoxWith(t *testing.T, w *testenv.Env, prefs map[string]any) *firefoxsync.Firefox {
	t.Helper()
	ff := firefoxsync.Start(t, firefoxsync.Options{Root: w.URL, Prefs: prefs})
	s := w.SignIn(ann).Session()
	_, err := ff.SignIn(t.Context(), firefoxsync.Account{
		UID: s.UID, Email: s.Email, SessionToken: s.Token, Key: base64.RawURLEncoding.EncodeToString(s.Key), KeyID: s.KeyID,
	})
	check(t, err)
	return ff
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// syncFirefox makes Firefox sync, and fails the test unless that succeeded.
func syncFirefox(t *testing.T, ff *firefoxsync.Firefox) firefoxsync.Result {
	t.Helper()
	r, err := ff.Sync(t.Context())
	check(t, err)
	return r
}

// loginsOf maps "site username" to the password, as testenv's Logins does.
func loginsOf(t *testing.T, ff *firefoxsync.Firefox) map[string]string {
	t.Helper()
	list, err := ff.Logins(t.Context())
	check(t, err)
	all := map[string]string{}
	for _, l := range list {
		all[l.Origin+" "+l.Username] = l.Password
	}
	return all
}

func guidOf(t *testing.T, ff *firefoxsync.Firefox, origin string) string {
	t.Helper()
	list, err := ff.Logins(t.Context())
	check(t, err)
	for _, l := range list {
		if l.Origin == origin {
			return l.GUID
		}
	}
	t.Fatalf("Firefox has no login for %s", origin)
	return ""
}

func addToFirefox(t *testing.T, ff *firefoxsync.Firefox, site, username, password string) {
	t.Helper()
	_, err := ff.AddLogin(t.Context(), firefoxsync.Login{Origin: site, FormActionOrigin: &site, Username: username, Password: password})
	check(t, err)
}

// agree fails unless both have just these logins.
func agree(t *testing.T, d *testenv.Device, ff *firefoxsync.Firefox, want map[string]string) {
	t.Helper()
	if ours, theirs := d.Logins(), loginsOf(t, ff); !maps.Equal(ours, want) || !maps.Equal(theirs, want) {
		t.Fatalf("we have %v, Firefox has %v; want %v", ours, theirs, want)
	}
}

// TestPasswords starts on an empty account that Firefox sets up, and goes through
// new, edited and deleted logins in both directions.
func TestPasswords(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	ff := firefox(t, w)
	addToFirefox(t, ff, "https://theirs.example", "ann", "made in Firefox")
	syncFirefox(t, ff)
	d := w.Device("our device", ann)
	d.Add("https://ours.example", "ann", "made here")
	d.Sync()
	syncFirefox(t, ff)
	agree(t, d, ff, map[string]string{"https://theirs.example ann": "made in Firefox", "https://ours.example ann": "made here"})

	// Each edits what the other made.
	theirs := guidOf(t, ff, "https://theirs.example")
	l, err := d.Passwords.Get(t.Context(), engine.ID(theirs))
	check(t, err)
	l.Password = "edited here"
	_, err = d.Passwords.Update(t.Context(), l)
	check(t, err)
	check(t, ff.EditLogin(t.Context(), guidOf(t, ff, "https://ours.example"), func(l *firefoxsync.Login) { l.Password = "edited in Firefox" }))
	d.Sync()
	syncFirefox(t, ff)
	d.Sync()
	agree(t, d, ff, map[string]string{"https://theirs.example ann": "edited here", "https://ours.example ann": "edited in Firefox"})

	// Different fields of one login, edited on both sides before either syncs.
	l, err = d.Passwords.Get(t.Context(), engine.ID(theirs))
	check(t, err)
	l.UsernameField = "login-name"
	_, err = d.Passwords.Update(t.Context(), l)
	check(t, err)
	check(t, ff.EditLogin(t.Context(), theirs, func(l *firefoxsync.Login) { l.Password = "edited again" }))
	syncFirefox(t, ff)
	d.Sync()
	syncFirefox(t, ff)
	list, err := ff.Logins(t.Context())
	check(t, err)
	i := slices.IndexFunc(list, func(l firefoxsync.Login) bool { return l.GUID == theirs })
	if list[i].UsernameField != "login-name" || list[i].Password != "edited again" {
		t.Errorf("Firefox has %+v", list[i])
	}

	// Each deletes what it made itself.
	check(t, ff.RemoveLogin(t.Context(), theirs))
	check(t, d.Passwords.Delete(t.Context(), engine.ID(guidOf(t, ff, "https://ours.example"))))
	d.Sync()
	syncFirefox(t, ff)
	d.Sync()
	agree(t, d, ff, map[string]string{})
}

// TestFirefoxJoinsAnAccountThatWeFilled: Firefox has logins of its own, one of
// them the same as ours.
func TestFirefoxJoinsAnAccountThatWeFilled(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	d := w.Device("our device", ann)
	d.Add("https://same.example", "ann", "same")
	d.Add("https://ours.example", "ann", "made here")
	_, err := d.Passwords.Add(t.Context(), passwords.Login{Hostname: "https://realm.example", HTTPRealm: "Members", Username: "ann", Password: "realm"})
	check(t, err)
	d.Sync()

	ff := firefox(t, w)
	addToFirefox(t, ff, "https://same.example", "ann", "same")
	addToFirefox(t, ff, "https://theirs.example", "ann", "made in Firefox")
	r := syncFirefox(t, ff)
	if r.Engines["passwords"].Failed != 0 {
		t.Errorf("Firefox could not apply some of our records: %+v", r.Engines["passwords"])
	}
	// If Firefox had started the storage afresh, our device would read all of it again.
	if r := d.Sync(); r.Engines["passwords"].Downloaded > 2 {
		t.Errorf("we downloaded %d logins, where Firefox had 2 to bring", r.Engines["passwords"].Downloaded)
	}
	agree(t, d, ff, map[string]string{
		"https://same.example ann": "same", "https://ours.example ann": "made here",
		"https://realm.example ann": "realm", "https://theirs.example ann": "made in Firefox",
	})
	// Neither sends the other's records back.
	syncFirefox(t, ff)
	if r := d.Sync(); r.Engines["passwords"].Uploaded != 0 || r.Engines["passwords"].Applied != 0 {
		t.Errorf("the passwords do not come to rest: %+v", r.Engines["passwords"])
	}
	// Firefox accepted the account as our device set it up.
	engines, err := ff.Engines(t.Context())
	check(t, err)
	for _, name := range []string{"passwords", "tabs", "bookmarks", "history", "forms"} {
		if s := engines[name]; !s.Enabled || s.Declined {
			t.Errorf("Firefox's %s is %+v", name, s)
		}
	}
}

// TestDevicesTabsEnginesAndCommands covers what concerns the account as a whole.
func TestDevicesTabsEnginesAndCommands(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	d := w.Device("Ann's terminal", ann)
	ff := firefox(t, w)
	check(t, ff.SetDeviceName(t.Context(), "Ann's Firefox"))
	d.Sync()
	syncFirefox(t, ff)
	d.Sync()

	t.Run("devices", func(t *testing.T) {
		list := d.Manager.Devices()
		if len(list) != 2 || list[0].Name != "Ann's Firefox" || list[0].Type != "desktop" || !list[1].Local {
			t.Errorf("we see %+v", list)
		}
		clients, err := ff.Clients(t.Context())
		check(t, err)
		if len(clients) != 1 || clients[0].Name != "Ann's terminal" || clients[0].DeviceID == "" {
			t.Errorf("Firefox sees the clients %+v", clients)
		}
		devices, err := ff.Devices(t.Context())
		check(t, err)
		if !slices.ContainsFunc(devices, func(d firefoxsync.Device) bool { return d.Name == "Ann's terminal" && !d.Current }) {
			t.Errorf("Firefox sees the devices %+v", devices)
		}
		check(t, d.Manager.RenameDevice(t.Context(), "Ann's new terminal"))
		d.Sync()
		syncFirefox(t, ff)
		clients, err = ff.Clients(t.Context())
		check(t, err)
		devices, err = ff.Devices(t.Context())
		check(t, err)
		if clients[0].Name != "Ann's new terminal" || !slices.ContainsFunc(devices, func(d firefoxsync.Device) bool { return d.Name == "Ann's new terminal" }) {
			t.Errorf("Firefox sees %+v and %+v", clients, devices)
		}
	})

	t.Run("tabs", func(t *testing.T) {
		check(t, d.Tabs.OpenTab(t.Context(), "https://ours.example/page", "Our page"))
		check(t, ff.OpenTab(t.Context(), w.URL+"/__version__"))
		d.Sync()
		syncFirefox(t, ff)
		d.Sync()
		remote, err := ff.RemoteTabs(t.Context())
		check(t, err)
		if len(remote) != 1 || remote[0].Name != "Ann's new terminal" || len(remote[0].Tabs) != 1 ||
			remote[0].Tabs[0].URL != "https://ours.example/page" || remote[0].Tabs[0].Title != "Our page" {
			t.Errorf("Firefox shows %+v", remote)
		}
		others, err := engine.Collect(d.Tabs.Others(t.Context()))
		check(t, err)
		if len(others) != 1 || others[0].Device.Name != "Ann's Firefox" || len(others[0].Tabs) != 1 || others[0].Tabs[0].URL() != w.URL+"/__version__" {
			t.Errorf("we show %+v", others)
		}
		check(t, ff.CloseTab(t.Context(), w.URL+"/__version__"))
		check(t, d.Tabs.CloseTab(t.Context(), "https://ours.example/page"))
		d.Sync()
		syncFirefox(t, ff)
		d.Sync()
		others, err = engine.Collect(d.Tabs.Others(t.Context()))
		check(t, err)
		for _, o := range others {
			if len(o.Tabs) != 0 {
				t.Errorf("we still show %+v", o)
			}
		}
		remote, err = ff.RemoteTabs(t.Context())
		check(t, err)
		for _, r := range remote {
			if len(r.Tabs) != 0 {
				t.Errorf("Firefox still shows %+v", r)
			}
		}
	})

	t.Run("an engine declined in Firefox is declined here", func(t *testing.T) {
		check(t, ff.SetEngine(t.Context(), "tabs", false))
		syncFirefox(t, ff)
		r := d.Sync()
		if !slices.Contains(r.Declined, "tabs") || r.Engines["tabs"].Status != syncmanager.StatusDeclined {
			t.Errorf("declined: %v, tabs: %v", r.Declined, r.Engines["tabs"].Status)
		}
		check(t, ff.SetEngine(t.Context(), "tabs", true))
		syncFirefox(t, ff)
		if r := d.Sync(); slices.Contains(r.Declined, "tabs") || r.Engines["tabs"].Status != syncmanager.StatusOK {
			t.Errorf("declined: %v, tabs: %v", r.Declined, r.Engines["tabs"].Status)
		}
	})

	t.Run("an engine declined here is declined in Firefox", func(t *testing.T) {
		check(t, d.Manager.SetEnabled(t.Context(), false, "tabs", "history"))
		d.Sync()
		syncFirefox(t, ff)
		engines, err := ff.Engines(t.Context())
		check(t, err)
		for _, name := range []string{"tabs", "history", "forms"} {
			if s := engines[name]; s.Enabled || !s.Declined {
				t.Errorf("Firefox's %s is %+v", name, s)
			}
		}
		if s := engines["passwords"]; !s.Enabled || s.Declined {
			t.Errorf("Firefox's passwords are %+v", s)
		}
		check(t, d.Manager.SetEnabled(t.Context(), true, "tabs", "history"))
		d.Sync()
		syncFirefox(t, ff)
		engines, err = ff.Engines(t.Context())
		check(t, err)
		for _, name := range []string{"tabs", "history", "forms"} {
			if s := engines[name]; !s.Enabled || s.Declined {
				t.Errorf("Firefox's %s is %+v after it was enabled again", name, s)
			}
		}
	})

	t.Run("a wipe sent from here", func(t *testing.T) {
		addToFirefox(t, ff, "https://synced.example", "ann", "synced")
		syncFirefox(t, ff)
		d.Sync()
		// This login was never uploaded: a Firefox that carries out the command loses it.
		addToFirefox(t, ff, "https://unsynced.example", "ann", "never synced")
		id, err := ff.ClientID(t.Context())
		check(t, err)
		check(t, d.Manager.SendCommand(t.Context(), engine.ID(id), "wipeEngine", "passwords"))
		if r := d.Sync(); r.CommandsSent != 1 {
			t.Errorf("%d commands sent", r.CommandsSent)
		}
		syncFirefox(t, ff)
		// The wipe came before the download in the same sync, or comes back with the next.
		syncFirefox(t, ff)
		agree(t, d, ff, map[string]string{"https://synced.example ann": "synced"})
	})

	t.Run("a wipe that Firefox sends", func(t *testing.T) {
		d.Add("https://mine.example", "ann", "not synced yet")
		_, err := ff.Chrome(t.Context(), `
			const { Weave } = ChromeUtils.importESModule("resource://services-sync/main.sys.mjs");
			const [client] = Weave.Service.clientsEngine.remoteClients;
			await Weave.Service.clientsEngine.sendCommand("wipeEngine", ["passwords"], client.id);`)
		check(t, err)
		syncFirefox(t, ff)
		r := d.Sync()
		if len(r.Commands) != 1 || r.Commands[0].Name != "wipeEngine" || r.Engines["passwords"].Applied != 1 {
			t.Errorf("commands %+v, passwords %+v", r.Commands, r.Engines["passwords"])
		}
		// What was not uploaded from here survives the wipe, and is uploaded.
		syncFirefox(t, ff)
		agree(t, d, ff, map[string]string{"https://synced.example ann": "synced", "https://mine.example ann": "not synced yet"})
	})

	t.Run("leaving", func(t *testing.T) {
		check(t, d.Manager.SignOut(t.Context()))
		syncFirefox(t, ff)
		clients, err := ff.Clients(t.Context())
		check(t, err)
		devices, err := ff.Devices(t.Context())
		check(t, err)
		if len(clients) != 0 || len(devices) != 1 {
			t.Errorf("Firefox still sees %+v and %+v", clients, devices)
		}
		if len(d.Logins()) != 2 {
			t.Errorf("we lost something: %v", d.Logins())
		}
	})
}
