package interop_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/account/pairing"
	"github.com/syncmanager/syncmanager/internal/test/chromium"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// showsCode opens "Connect another device" in Firefox's settings, and returns what the QR code
// contains.
func (p person) showsCode() string {
	p.t.Helper()
	_, err := p.Chrome(p.t.Context(), `
		const { FxAccountsPairingFlow } = ChromeUtils.importESModule("resource://gre/modules/FxAccountsPairing.sys.mjs");
		const start = FxAccountsPairingFlow.start;
		globalThis.FxAccountsPairingFlow = FxAccountsPairingFlow;
		FxAccountsPairingFlow.shown = new Promise((resolve, reject) => {
			FxAccountsPairingFlow.start = async options => {
				FxAccountsPairingFlow.start = start;
				try {
					const uri = await start.call(FxAccountsPairingFlow, options);
					resolve(uri);
					return uri;
				} catch (e) {
					reject(e);
					throw e;
				}
			};
		});`)
	check(p.t, err)
	check(p.t, p.Navigate(p.t.Context(), "about:preferences?action=pair#sync"))
	raw, err := p.Chrome(p.t.Context(), `
		const { FxAccountsPairingFlow } = ChromeUtils.importESModule("resource://gre/modules/FxAccountsPairing.sys.mjs");
		return FxAccountsPairingFlow.shown;`)
	check(p.t, err)
	var uri string
	check(p.t, json.Unmarshal(raw, &uri))
	return uri
}

// pairConfig is that of our device that joins.
func pairConfig(w *testenv.Env) account.Config {
	return account.Config{Server: w.URL, Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler), UserAgent: "Sync Manager test"}
}

// TestPairWithFirefox: our device reads the QR code that a real Firefox shows, and joins its
// account; both users confirm, Firefox's on our server's page.
func TestPairWithFirefox(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	p := person{t, firefox(t, w)}
	check(t, p.SetDeviceName(t.Context(), "Ann's Firefox"))

	s, err := pairing.Join(t.Context(), pairConfig(w), p.showsCode())
	check(t, err)
	t.Cleanup(func() { s.Close(t.Context()) })
	if s.Peer.Email != ann || s.Peer.DeviceName != "Ann's Firefox" || s.Peer.Address != "127.0.0.1" {
		t.Errorf("we see %+v", s.Peer)
	}
	p.sees(onStep("ask")+"#program", "Sync Manager test")
	p.sees("#address", "127.0.0.1")
	p.sees("#account", ann)
	type joined struct {
		a   *account.Account
		err error
	}
	done := make(chan joined, 1)
	go func() {
		a, err := s.Accept(t.Context())
		done <- joined{a, err}
	}()
	p.click("#ask-form button[value=allow]")
	p.sees(onStep("joined")+"h1", "The device has joined")
	j := <-done
	check(t, j.err)
	kid, key, err := j.a.SyncKey(t.Context())
	check(t, err)
	wantKid, want, err := w.SignIn(ann).SyncKey(t.Context())
	check(t, err)
	if kid != wantKid || !bytes.Equal(key, want) {
		t.Error("the key is another one")
	}
	check(t, j.a.RegisterDevice(t.Context(), "Ann's terminal", "desktop"))
	list, err := j.a.Devices(t.Context())
	check(t, err)
	if len(list) < 2 {
		t.Errorf("the account's devices are %+v", list)
	}
}

// TestFirefoxRefusesToPair: the user of Firefox refuses, and our device is told.
func TestFirefoxRefusesToPair(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	p := person{t, firefox(t, w)}
	s, err := pairing.Join(t.Context(), pairConfig(w), p.showsCode())
	check(t, err)
	t.Cleanup(func() { s.Close(t.Context()) })
	p.click(onStep("ask") + "button[value=decline]")
	p.sees(onStep("refused")+"h1", "The device was refused")
	if _, err := s.Accept(t.Context()); !errors.Is(err, pairing.ErrEnded) {
		t.Errorf("we are told %v", err)
	}

	// And the other way: our device leaves before Firefox's user has decided.
	s, err = pairing.Join(t.Context(), pairConfig(w), p.showsCode())
	check(t, err)
	p.sees(onStep("ask")+"#program", "Sync Manager test")
	s.Close(t.Context())
	p.sees(onStep("failed")+"h1", "The device did not join")
}

// TestJoinInABrowser: a browser joins on the server's page, as Firefox for Android opens it
// after it has read the code that our device shows, and ends where the app waits for its code.
func TestJoinInABrowser(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	d := w.Device("our device", ann)
	begin := func(v visitor) (*pairing.Authority, *account.CodeSignIn) {
		t.Helper()
		code, err := pairing.Show(t.Context(), pairConfig(w), d.Account, "Ann's terminal")
		check(t, err)
		t.Cleanup(func() { code.Close(t.Context()) })
		app, err := w.Client().CodeSignIn(t.Context())
		check(t, err)
		in := app.Request()
		_, fragment, _ := strings.Cut(code.URL, "#")
		v.Open(w.URL + "/pair/supp?" + url.Values{
			"client_id": {in.ClientID}, "scope": {in.Scope}, "state": {in.State}, "code_challenge": {in.Challenge}, "code_challenge_method": {in.Method},
			"keys_jwk": {in.KeysJWK}, "access_type": {"online"}, "redirect_uri": {w.URL + "/oauth/success/" + in.ClientID},
		}.Encode() + "#" + fragment)
		_, err = code.Wait(t.Context())
		check(t, err)
		v.at("Join this account?")
		v.sees(ann)
		v.sees("Ann's terminal")
		return code, app
	}
	b := chromium.Start(t)

	v := visit(t, b, w)
	code, app := begin(v)
	allowed := make(chan error, 1)
	go func() { allowed <- code.Allow(t.Context()) }()
	if address := chromium.Eval[string](v.Page, `return location.href`); strings.Contains(address, "channel_key") {
		t.Errorf("the address bar shows %s", address)
	}
	v.looksWell("join an account")
	v.goes("Join")
	v.Press(chromium.Enter)
	v.at("You are signed in")
	check(t, <-allowed)
	end, err := url.Parse(chromium.Eval[string](v.Page, `return location.href`))
	check(t, err)
	a, err := app.Finish(t.Context(), end.Query().Get("code"), end.Query().Get("state"))
	check(t, err)
	sameAccount(t, a, d)

	v = visit(t, b, w)
	code, _ = begin(v)
	v.goes("Refuse")
	v.Press(chromium.Enter)
	v.at("You did not join")
	if err := code.Allow(t.Context()); !errors.Is(err, pairing.ErrEnded) {
		t.Errorf("our device is told %v", err)
	}

	v = visit(t, b, w)
	code, _ = begin(v)
	code.Close(t.Context())
	v.at("The device did not join")
	v.Open(w.URL + "/pair/supp")
	v.at("The device did not join")
}
