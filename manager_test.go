package syncmanager_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/engine"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys" // signs in often
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

const ann = "ann@example.org"

// two is an environment with two devices of one account that have synced.
func two(t *testing.T) (w *testenv.Env, a, b *testenv.Device) {
	w = testenv.New(t)
	a, b = w.Device("a", ann), w.Device("b", ann)
	a.Add("https://example.org", "ann", "secret")
	a.Sync()
	b.Sync()
	a.Sync()
	return w, a, b
}

func TestTwoDevicesShareALogin(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	if !maps.Equal(a.Logins(), b.Logins()) || len(b.Logins()) != 1 {
		t.Errorf("a has %v, b has %v", a.Logins(), b.Logins())
	}
}

// TestRequestBudget counts the requests of whole syncs, each in a new process.
func TestRequestBudget(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	budget := func(d *testenv.Device, what string, requests int) {
		t.Helper()
		d.Restart()
		if r := d.Sync(); r.Requests != requests || r.AccountRequests != 0 {
			t.Errorf("%s: %d requests to the storage and %d to the accounts, want %d and 0", what, r.Requests, r.AccountRequests, requests)
		}
	}
	budget(a, "nothing changed", 1)
	budget(b, "nothing changed", 1)
	a.Add("https://example.com", "ann", "another")
	budget(a, "one local change", 2)
	budget(a, "nothing changed", 1)
	budget(b, "one remote change", 2)
	budget(b, "nothing changed", 1)
}

func TestEditsOfDifferentFieldsBothSurvive(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	for l, err := range a.Passwords.List(t.Context()) {
		check(t, err)
		l.Password = "changed on a"
		_, err = a.Passwords.Update(t.Context(), l)
		check(t, err)
	}
	for l, err := range b.Passwords.List(t.Context()) {
		check(t, err)
		l.Username = "ann of b"
		_, err = b.Passwords.Update(t.Context(), l)
		check(t, err)
	}
	a.Sync()
	b.Sync()
	a.Sync()
	want := map[string]string{"https://example.org ann of b": "changed on a"}
	if !maps.Equal(a.Logins(), want) || !maps.Equal(b.Logins(), want) {
		t.Errorf("a has %v, b has %v", a.Logins(), b.Logins())
	}
}

func TestAChoiceOfEnginesReachesTheAccount(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	check(t, a.Manager.SetEnabled(t.Context(), false, "tabs", "history"))
	list, err := a.Manager.Engines(t.Context())
	check(t, err)
	if i := slices.IndexFunc(list, func(e syncmanager.EngineStatus) bool { return e.Name == "tabs" }); list[i].Enabled || !list[i].Pending {
		t.Errorf("tabs before the sync: %+v", list[i])
	}
	a.Restart() // the choice outlives the process
	r := a.Sync()
	want := []string{"forms", "history", "tabs"} // forms go with history
	if !slices.Equal(r.Declined, want) || r.Engines["tabs"].Status != syncmanager.StatusDeclined || r.Engines["passwords"].Status != syncmanager.StatusOK {
		t.Errorf("a: %+v", r)
	}
	if r := b.Sync(); !slices.Equal(r.Declined, want) || r.Engines["tabs"].Status != syncmanager.StatusDeclined {
		t.Errorf("b: %+v", r)
	}
	list, err = b.Manager.Engines(t.Context())
	check(t, err)
	var shown []string
	for _, e := range list {
		shown = append(shown, fmt.Sprintf("%s %v %v", e.Name, e.Enabled, e.Registered))
	}
	if !slices.Equal(shown, []string{"passwords true true", "tabs false true", "forms false false", "history false false"}) {
		t.Errorf("b's engines: %v", shown)
	}
	check(t, b.Manager.SetEnabled(t.Context(), true, "tabs"))
	b.Sync()
	if r := a.Sync(); !slices.Equal(r.Declined, []string{"forms", "history"}) || r.Engines["tabs"].Status != syncmanager.StatusOK {
		t.Errorf("a: %+v", r)
	}
	if err := a.Manager.SetEnabled(t.Context(), true, "martians"); !errors.Is(err, syncmanager.ErrUnknownEngine) {
		t.Errorf("an unknown engine: %v", err)
	}
}

func TestOnlyTheChosenEnginesSync(t *testing.T) {
	t.Parallel()
	_, a, _ := two(t)
	a.Add("https://example.com", "ann", "another")
	r, err := a.Manager.Sync(t.Context(), syncmanager.Options{Engines: []string{"tabs"}})
	check(t, err)
	if len(r.Engines) != 1 || r.Engines["tabs"].Status != syncmanager.StatusOK {
		t.Errorf("the result is %+v", r)
	}
	if _, err := a.Manager.Sync(t.Context(), syncmanager.Options{Engines: []string{"martians"}}); !errors.Is(err, syncmanager.ErrUnknownEngine) {
		t.Errorf("an unknown engine: %v", err)
	}
	if r := a.Sync(); r.Engines["passwords"].Uploaded != 1 {
		t.Errorf("the login waited in vain: %+v", r)
	}
}

// TestOneEnginesFailureHidesNoOthersSuccess: a storage that fails for tabs alone.
func TestOneEnginesFailureHidesNoOthersSuccess(t *testing.T) {
	t.Parallel()
	w, a, b := two(t)
	a.Add("https://example.com", "ann", "another")
	check(t, a.Tabs.OpenTab(t.Context(), "https://example.com/", "A page"))
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/storage/tabs") {
			return testenv.Answer(r, 500, "application/json", "0"), nil
		}
		return nil, nil
	})
	r, err := a.Manager.Sync(t.Context(), syncmanager.Options{})
	if err != nil || r.Status != syncmanager.StatusPartial || r.Engines["passwords"].Status != syncmanager.StatusOK || r.Engines["passwords"].Uploaded != 1 || r.Engines["tabs"].Status != syncmanager.StatusFailed {
		t.Errorf("%v: %+v", err, r)
	}
	list, err := a.Manager.Engines(t.Context())
	check(t, err)
	if list[1].Name != "tabs" || !strings.Contains(list[1].LastError, "500") || list[0].LastError != "" {
		t.Errorf("what is remembered: %+v", list)
	}
	w.Net.Before(nil)
	b.Sync()
	if len(b.Logins()) != 2 {
		t.Errorf("b has %v", b.Logins())
	}
	a.Sync()
}

// TestWhereAllEnginesFailTheSyncFailed: nothing could be synced, and Sync says so.
func TestWhereAllEnginesFailTheSyncFailed(t *testing.T) {
	t.Parallel()
	w, a, _ := two(t)
	a.Add("https://example.com", "ann", "another")
	check(t, a.Tabs.OpenTab(t.Context(), "https://example.com/", "A page"))
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPost {
			return testenv.Answer(r, 500, "application/json", "0"), nil
		}
		return nil, nil
	})
	if r, err := a.Manager.Sync(t.Context(), syncmanager.Options{}); err == nil || r.Status != syncmanager.StatusFailed || !strings.Contains(err.Error(), "500") {
		t.Errorf("%v: %+v", err, r)
	}
}

// bomb is an engine that fails on demand.
type bomb struct {
	engine.Engine
	begin func() (engine.Session, error)
}

func (b bomb) Collection() string { return "bombs" }
func (b bomb) Version() int       { return 1 }
func (b bomb) Association(context.Context) (engine.Association, error) {
	return engine.Association{}, nil
}
func (b bomb) Reset(context.Context, engine.Association) error { return nil }
func (b bomb) Begin(context.Context, engine.Start) (engine.Session, error) {
	return b.begin()
}

func TestAnEngineThatPanicsIsAFailedEngine(t *testing.T) {
	t.Parallel()
	_, a, _ := two(t)
	check(t, a.Manager.Register(bomb{begin: func() (engine.Session, error) { panic("boom") }}))
	a.Add("https://example.com", "ann", "another")
	r, err := a.Manager.Sync(t.Context(), syncmanager.Options{})
	if err != nil || r.Status != syncmanager.StatusPartial || r.Engines["passwords"].Uploaded != 1 || !strings.Contains(r.Engines["bombs"].Err.Error(), "boom") {
		t.Errorf("%v: %+v", err, r)
	}
	a.Manager.Unregister("bombs")
	a.Sync()
}

func TestAnEngineThatHoldsIsNamed(t *testing.T) {
	t.Parallel()
	_, a, _ := two(t)
	check(t, a.Manager.Register(bomb{begin: func() (engine.Session, error) { return nil, &engine.TooManyDeletionsError{Deletions: 50, Total: 60} }}))
	r, err := a.Manager.Sync(t.Context(), syncmanager.Options{})
	if err != nil || r.Status != syncmanager.StatusPartial || r.Engines["bombs"].Status != syncmanager.StatusNeedsConfirmation {
		t.Errorf("%v: %+v", err, r)
	}
}

func TestRegisterRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	_, a, _ := two(t)
	if err := a.Manager.Register(a.Tabs); err == nil {
		t.Error("tabs twice")
	}
	for _, name := range []string{"meta", "crypto", "clients", "", "a/b", strings.Repeat("x", 33)} {
		if err := a.Manager.Register(named{bomb{}, name}); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

type named struct {
	bomb
	name string
}

func (n named) Collection() string { return n.name }

func TestOneSyncAtATime(t *testing.T) {
	t.Parallel()
	w, a, _ := two(t)
	var inner error
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		w.Net.Before(nil)
		_, inner = a.Manager.Sync(t.Context(), syncmanager.Options{})
		// What does not use the protocol works meanwhile.
		check(t, a.Manager.SetEnabled(t.Context(), false, "tabs"))
		if err := a.Manager.Reset(t.Context()); !errors.Is(err, syncmanager.ErrBusy) {
			t.Errorf("a reset during a sync: %v", err)
		}
		return nil, nil
	})
	if r := a.Sync(); len(r.Declined) != 0 {
		t.Errorf("a choice made during a sync waits for the next: %v", r.Declined)
	}
	if !errors.Is(inner, syncmanager.ErrBusy) {
		t.Errorf("a second sync: %v", inner)
	}
	if r := a.Sync(); !slices.Equal(r.Declined, []string{"tabs"}) {
		t.Errorf("the choice got lost: %v", r.Declined)
	}
}

func TestBackoffYieldsToTheUserRetryAfterDoesNot(t *testing.T) {
	t.Parallel()
	w, a, _ := two(t)
	header := ""
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/info/collections") && header != "" {
			return testenv.Answer(r, 503, "application/json", "0", header, "600"), nil
		}
		return nil, nil
	})
	scheduled := syncmanager.Options{Reason: syncmanager.ReasonSchedule}
	header = "X-Weave-Backoff"
	_, err := a.Manager.Sync(t.Context(), scheduled)
	if err == nil {
		t.Fatal("a 503 went unnoticed")
	}
	header = ""
	var backed *syncmanager.BackedOffError
	r, err := a.Manager.Sync(t.Context(), scheduled)
	if !errors.As(err, &backed) || r.Status != syncmanager.StatusBackedOff || r.Requests != 0 || !r.NextSyncAllowedAt.Equal(w.Clock.Now().Add(10*time.Minute)) {
		t.Errorf("%v: %+v", err, r)
	}
	a.Restart()
	if !a.Manager.BackoffUntil().Equal(w.Clock.Now().Add(10 * time.Minute)) {
		t.Errorf("the next process knows of no backoff: %v", a.Manager.BackoffUntil())
	}
	check(t, a.Manager.SetEnabled(t.Context(), false, "tabs"))
	if _, err := a.Manager.Sync(t.Context(), scheduled); err != nil {
		t.Errorf("a choice of the user's waits: %v", err)
	}
	a.Sync() // the user asked
	header = "Retry-After"
	if _, err := a.Manager.Sync(t.Context(), syncmanager.Options{}); !errors.As(err, &backed) {
		t.Errorf("the order to wait: %v", err)
	}
	header = ""
	if r, err := a.Manager.Sync(t.Context(), syncmanager.Options{}); !errors.As(err, &backed) || r.Requests != 0 {
		t.Errorf("a user goes before an order to wait: %v", err)
	}
	w.Clock.Pass(11 * time.Minute)
	a.Sync()
}

func TestASessionThatWasEndedElsewhereAsksToSignInAgain(t *testing.T) {
	t.Parallel()
	w, a, _ := two(t)
	check(t, w.Client().Resume(a.Account.Session()).SignOut(t.Context()))
	w.Clock.Pass(48 * time.Hour) // all tokens end
	r, err := a.Manager.Sync(t.Context(), syncmanager.Options{})
	if !errors.As(err, new(*syncmanager.AuthError)) || r.Status != syncmanager.StatusSignInAgain || !strings.Contains(err.Error(), "sign in again") {
		t.Errorf("%v: %+v", err, r)
	}
	if len(a.Logins()) != 1 {
		t.Errorf("a lost %v", a.Logins())
	}
}

func TestCommandsAreCarriedOut(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	devices := a.Manager.Devices()
	i := slices.IndexFunc(devices, func(d engine.Device) bool { return !d.Local })
	if len(devices) != 2 || devices[i].Name != "b" {
		t.Fatalf("a sees %+v", devices)
	}
	id := devices[i].ID
	b.Add("https://b.example", "ann", "not synced")
	check(t, a.Manager.SendCommand(t.Context(), id, "wipeEngine", "passwords"))
	a.Restart()
	if r := a.Sync(); r.CommandsSent != 1 {
		t.Errorf("sent: %+v", r)
	}
	r := b.Sync()
	if len(r.Commands) != 1 || r.Commands[0].Name != "wipeEngine" || r.Engines["passwords"].Applied != 1 {
		t.Errorf("b: %+v", r)
	}
	if c := r.Commands[0]; len(c.Effects) != 1 || c.Effects[0].Did != "wiped" || *c.Effects[0].Removed != 1 || *c.Effects[0].Kept != 1 {
		t.Errorf("the command's effects are %+v", c.Effects)
	}
	if got := b.Logins(); len(got) != 2 || got["https://example.org ann"] != "secret" || r.Engines["passwords"].Uploaded != 1 {
		t.Errorf("b has %v: it drops what the account had, fetches what it has, and sends what was not synced", got)
	}
	if r := b.Sync(); len(r.Commands) != 0 {
		t.Errorf("again: %+v", r.Commands)
	}

	b.Add("https://own.example", "ann", "b's own")
	check(t, a.Manager.SendCommand(t.Context(), id, "resetEngine", "passwords"))
	check(t, a.Manager.SendCommand(t.Context(), id, "wipeEngine", "bookmarks"))
	check(t, a.Manager.SendCommand(t.Context(), id, "logout"))
	a.Sync()
	r = b.Sync()
	if len(r.Commands) != 2 || !r.SignedOut || len(b.Logins()) != 3 {
		t.Errorf("b: %+v with %v", r, b.Logins())
	}
	if err := a.Manager.SendCommand(t.Context(), "nobody", "resetAll"); !errors.Is(err, syncmanager.ErrUnknownDevice) {
		t.Errorf("to nobody: %v", err)
	}
}

func TestResetAndWipe(t *testing.T) {
	t.Parallel()
	_, a, _ := two(t)
	check(t, a.Manager.Reset(t.Context(), "passwords"))
	if r := a.Sync(); r.Engines["passwords"].Downloaded != 1 || r.Engines["passwords"].Uploaded != 0 || len(a.Logins()) != 1 {
		t.Errorf("after a reset: %+v", r.Engines["passwords"])
	}
	check(t, a.Manager.Wipe(t.Context(), "passwords"))
	if len(a.Logins()) != 0 {
		t.Errorf("after a wipe: %v", a.Logins())
	}
	a.Sync()
	if len(a.Logins()) != 1 {
		t.Errorf("after a wipe and a sync: %v", a.Logins())
	}
}

// What this device showed the others goes with it, and another account may be next.
func TestSigningOutAndInWithAnotherAccount(t *testing.T) {
	t.Parallel()
	w, a, b := two(t)
	check(t, a.Tabs.OpenTab(t.Context(), "https://example.com/", "A page"))
	a.Sync()
	b.Sync()
	check(t, a.Manager.SignOut(t.Context()))
	b.Sync()
	if devices := b.Manager.Devices(); len(devices) != 1 || !devices[0].Local {
		t.Errorf("b sees %+v", devices)
	}
	others, err := engine.Collect(b.Tabs.Others(t.Context()))
	check(t, err)
	if len(others) != 0 {
		t.Errorf("b still shows %+v", others)
	}
	// The data stayed, and is synced with another account.
	a.Account = w.SignIn("bob@example.org")
	a.Restart()
	r := a.Sync()
	if len(a.Logins()) != 1 || r.Engines["passwords"].Uploaded != 1 {
		t.Errorf("at the new account: %+v", r.Engines["passwords"])
	}
}

func TestStateThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	_, a, _ := two(t)
	path := filepath.Join(a.Dir, "state")
	good, err := os.ReadFile(path)
	check(t, err)
	if strings.Contains(string(good), "ann@example.org") || strings.Contains(string(good), "http") {
		t.Error("the state is not sealed")
	}
	open := func(key [32]byte) error {
		_, err := syncmanager.New(t.Context(), syncmanager.Config{Account: a.Account, State: syncmanager.FileState(path), Key: key})
		return err
	}
	if err := open([32]byte{1}); !errors.Is(err, syncmanager.ErrState) {
		t.Errorf("another key: %v", err)
	}
	for _, damaged := range [][]byte{good[:len(good)/2], {}, []byte("<html>")} {
		check(t, os.WriteFile(path, damaged, 0o600))
		if err := open(a.Key()); !errors.Is(err, syncmanager.ErrState) {
			t.Errorf("%d bytes: %v", len(damaged), err)
		}
	}
	check(t, os.WriteFile(path, a.Seal(`{"version":99}`), 0o600))
	if err := open(a.Key()); !errors.Is(err, syncmanager.ErrNewerState) {
		t.Errorf("a newer version: %v", err)
	}
	check(t, os.WriteFile(path, good, 0o600))
	check(t, open(a.Key()))
}

func TestACancelledSyncSaysSoAndLosesNothing(t *testing.T) {
	t.Parallel()
	w, a, b := two(t)
	a.Add("https://example.com", "ann", "another")
	ctx, cancel := context.WithCancel(t.Context())
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPost {
			cancel()
			return nil, ctx.Err()
		}
		return nil, nil
	})
	r, err := a.Manager.Sync(ctx, syncmanager.Options{})
	if !errors.Is(err, context.Canceled) || r.Status != syncmanager.StatusFailed {
		t.Errorf("%v: %+v", err, r)
	}
	w.Net.Before(nil)
	a.Sync()
	b.Sync()
	if len(b.Logins()) != 2 {
		t.Errorf("b has %v", b.Logins())
	}
}

func TestTheResultAsJSON(t *testing.T) {
	t.Parallel()
	_, a, _ := two(t)
	r := a.Sync()
	r.Took = 12 * time.Millisecond
	text, err := json.Marshal(r)
	check(t, err)
	want := `{"status":"ok","engines":{"passwords":{"status":"ok","downloaded":0,"applied":0,"uploaded":0,"failed":0},` +
		`"tabs":{"status":"ok","downloaded":0,"applied":0,"uploaded":0,"failed":0}},"declined":[],"requests":1,"accountRequests":0,` +
		`"nextSyncAllowedAt":null,"durationMs":12}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestTheTelemetryDocument(t *testing.T) {
	t.Parallel()
	w, a, _ := two(t)
	a.Add("https://example.com", "ann", "another")
	r, err := a.Manager.Sync(t.Context(), syncmanager.Options{Reason: syncmanager.ReasonSchedule})
	check(t, err)
	text, err := json.Marshal(r.Ping)
	check(t, err)
	var doc struct {
		UID, DeviceID string
		Syncs         []struct {
			When    int64
			Why     string
			Devices []struct{ ID, OS, Type string }
			Engines []struct {
				Name     string
				Outgoing []struct{ Sent int }
			}
		}
	}
	check(t, json.Unmarshal(text, &doc))
	if doc.UID == "" || doc.DeviceID == "" || len(doc.Syncs) != 1 || doc.Syncs[0].Why != "schedule" || doc.Syncs[0].When != w.Clock.Now().UnixMilli() ||
		len(doc.Syncs[0].Devices) != 1 || len(doc.Syncs[0].Engines) != 2 || doc.Syncs[0].Engines[0].Name != "passwords" || doc.Syncs[0].Engines[0].Outgoing[0].Sent != 1 {
		t.Errorf("the document is %s", text)
	}
	for _, secret := range []string{"example", ann, "sync.test", a.Account.Session().UID, a.Account.DeviceID()} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the document names %s: %s", secret, text)
		}
	}
	for _, reason := range []syncmanager.Reason{syncmanager.ReasonPreSleep, syncmanager.ReasonBackgrounded, syncmanager.ReasonPush} {
		r, err := a.Manager.Sync(t.Context(), syncmanager.Options{Reason: reason})
		if check(t, err); r.Ping.Syncs[0].Why != string(reason) {
			t.Errorf("why is %q, want %q", r.Ping.Syncs[0].Why, reason)
		}
	}
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		return testenv.Answer(r, 500, "application/json", "0"), nil
	})
	r, _ = a.Manager.Sync(t.Context(), syncmanager.Options{})
	if f := r.Ping.Syncs[0].FailureReason; f == nil || f.Name != "httperror" || f.Code != 500 {
		t.Errorf("the failure is %+v", f)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// After an account refused this device, nothing is sent until the app gives the account that
// the user signed in to.
func TestSignInAgainIsLatched(t *testing.T) {
	t.Parallel()
	w, a, b := two(t)
	check(t, w.Client().Resume(a.Account.Session()).SignOut(t.Context()))
	w.Clock.Pass(48 * time.Hour) // all tokens end
	_, err := a.Manager.Sync(t.Context(), syncmanager.Options{})
	if !errors.As(err, new(*syncmanager.AuthError)) {
		t.Fatal(err)
	}
	a.Add("https://later.example", "ann", "p")
	for _, when := range []string{"at once", "after a restart"} {
		w.Net.Asked()
		r, again := a.Manager.Sync(t.Context(), syncmanager.Options{})
		if !errors.As(again, new(*syncmanager.AuthError)) || again.Error() != err.Error() || r.Status != syncmanager.StatusSignInAgain {
			t.Errorf("%s: the next sync ends with %v, want %v", when, again, err)
		}
		if err := a.Manager.Run(t.Context(), syncmanager.RunOptions{}); !errors.As(err, new(*syncmanager.AuthError)) {
			t.Errorf("%s: Run ends with %v", when, err)
		}
		if _, err := a.Manager.Records().Collections(t.Context()); !errors.As(err, new(*syncmanager.AuthError)) {
			t.Errorf("%s: Records says %v", when, err)
		}
		if n := len(w.Net.Asked()); n != 0 {
			t.Errorf("%s: %d requests were made", when, n)
		}
		a.Restart()
	}
	if err := a.Manager.SignIn(t.Context(), nil); err == nil {
		t.Error("no account is an account")
	}
	check(t, a.Manager.SignIn(t.Context(), w.SignIn("ann@example.org")))
	a.Sync()
	b.Sync()
	if len(b.Logins()) != 2 {
		t.Errorf("b has %v", b.Logins())
	}
}

// One call leaves the account: the device's records go while the session still lets it in.
func TestSignOut(t *testing.T) {
	t.Parallel()
	w, a, b := two(t)
	check(t, a.Tabs.OpenTab(t.Context(), "https://example.com/", "A page"))
	a.Sync()
	session := a.Account.Session()
	check(t, a.Manager.SignOut(t.Context()))
	b.Sync()
	if devices := b.Manager.Devices(); len(devices) != 1 || !devices[0].Local {
		t.Errorf("b sees %+v", devices)
	}
	if _, err := w.Client().Resume(session).DeviceIDs(t.Context()); !errors.Is(err, account.ErrSignedOut) {
		t.Errorf("the session goes on: %v", err)
	}
	for range 2 {
		w.Net.Asked()
		if _, err := a.Manager.Sync(t.Context(), syncmanager.Options{}); !errors.As(err, new(*syncmanager.AuthError)) || !strings.Contains(err.Error(), "is signed out") {
			t.Errorf("a sync afterwards: %v", err)
		}
		check(t, a.Manager.SignOut(t.Context())) // again, there is nothing to do
		if n := len(w.Net.Asked()); n != 0 {
			t.Errorf("%d requests were made", n)
		}
	}
	// The data stayed, and meets another user's account, with nothing of the first one's.
	check(t, a.Manager.SignIn(t.Context(), w.SignIn("bob@example.org")))
	if r := a.Sync(); len(a.Logins()) != 1 || r.Engines["passwords"].Uploaded != 1 {
		t.Errorf("at the new account: %+v", r.Engines["passwords"])
	}
}

// A device is signed out also when no server can be told, which the error says.
func TestSignOutWithoutTheServers(t *testing.T) {
	t.Parallel()
	w, a, b := two(t)
	check(t, a.Tabs.OpenTab(t.Context(), "https://example.com/", "A page"))
	a.Sync()
	ctx, cancel := context.WithCancel(t.Context())
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		cancel() // the app gives up, too
		return nil, errors.New("the network is unreachable")
	})
	err := a.Manager.SignOut(ctx)
	if err == nil || !strings.Contains(err.Error(), "delete this device's records") || !strings.Contains(err.Error(), "end the session") || strings.Contains(err.Error(), "reset") {
		t.Errorf("the error is %v", err)
	}
	w.Net.Before(nil)
	for range 2 {
		w.Net.Asked()
		if _, err := a.Manager.Sync(t.Context(), syncmanager.Options{}); !errors.As(err, new(*syncmanager.AuthError)) || len(w.Net.Asked()) != 0 {
			t.Errorf("a sync afterwards: %v", err)
		}
		a.Restart()
	}
	if len(a.Logins()) != 1 || len(a.Manager.Devices()) != 0 {
		t.Errorf("a has %v, and remembers %v", a.Logins(), a.Manager.Devices())
	}
	// Another device removes it from the account, and it signs in again.
	check(t, b.Account.Disconnect(t.Context(), account.Device{ID: a.Account.DeviceID()}))
	check(t, a.Manager.SignIn(t.Context(), w.SignIn(ann)))
	a.Sync()
	b.Sync()
	if devices := b.Manager.Devices(); len(devices) != 2 {
		t.Errorf("b sees %+v", devices)
	}
	others, err := engine.Collect(b.Tabs.Others(t.Context()))
	if check(t, err); len(others) != 1 || len(others[0].Tabs) != 1 {
		t.Errorf("b shows %+v; want the page that is open on a", others)
	}
}

// A new account may be another user's although nobody signed out: no record of one goes to
// the other's storage under the first one's keys or choices.
func TestSigningInAsAnotherUser(t *testing.T) {
	t.Parallel()
	w, a, b := two(t)
	check(t, a.Manager.SetEnabled(t.Context(), false, "tabs"))
	a.Sync()
	bob := w.Device("bob's", "bob@example.org")
	bob.Add("https://bob.example", "bob", "p")
	bob.Sync()
	check(t, a.Manager.SignIn(t.Context(), w.SignIn("bob@example.org")))
	a.Add("https://new.example", "ann", "p")
	r := a.Sync()
	if len(r.Declined) != 0 || len(a.Logins()) != 3 {
		t.Errorf("declined are %v, logins %v", r.Declined, a.Logins())
	}
	bob.Sync()
	b.Sync()
	if len(bob.Logins()) != 3 || len(b.Logins()) != 1 {
		t.Errorf("bob has %v, b has %v", bob.Logins(), b.Logins())
	}
}

// The storage refuses every request of a device whose clock is wrong, and a server may have
// lost its keys for an hour: the account did not refuse this device, and the next sync asks again.
func TestARefusalByTheStorageIsNotLatched(t *testing.T) {
	t.Parallel()
	w, a, _ := two(t)
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/info/collections") {
			return testenv.Answer(r, http.StatusUnauthorized, "application/json", "0"), nil
		}
		return nil, nil
	})
	r, err := a.Manager.Sync(t.Context(), syncmanager.Options{})
	if errors.As(err, new(*syncmanager.AuthError)) || r.Status != syncmanager.StatusFailed || r.Failure != syncmanager.FailureRefused ||
		r.Ping.Syncs[0].FailureReason.Code != http.StatusUnauthorized || !strings.Contains(err.Error(), "check this device's clock") {
		t.Errorf("%v: %+v", err, r)
	}
	w.Net.Before(nil)
	a.Sync()
}
