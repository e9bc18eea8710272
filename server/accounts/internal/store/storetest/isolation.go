package storetest

import (
	"errors"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// populate makes an account that has one of everything, each named by its uid.
func (e *env) populate(uid string) {
	e.Helper()
	e.account(uid)
	e.change(func(tx store.Tx) error {
		return tx.AddToken(&store.Token{
			Hash: []byte(uid + "s"), Kind: store.Session, UID: uid, SealedKey: []byte{1}, CreatedAt: 1, Grant: []byte("grant"),
		})
	})
	e.refresh(uid, uid+"f", 1, []byte(uid+"s"), []byte("grant"))
	e.device(uid, uid+"d", []byte(uid+"s"), nil)
	e.change(func(tx store.Tx) error {
		return errors.Join(
			failure(tx.AddCommand(uid, uid+"d", store.Command{Payload: "{}", ExpiresAt: 99}, 9, 9)),
			tx.AddCode(&store.Code{Hash: []byte(uid + "c"), UID: uid, Session: []byte(uid + "s"), ExpiresAt: 99}, 9),
			tx.SetConfirmation(uid, []byte{1}, 99), tx.SetAvatar(uid, store.Avatar{ID: uid, Type: "image/png", Image: []byte{1}}),
			tx.SetTOTPSecret(uid, []byte{1}), tx.ReplaceBackupCodes(uid, [][]byte{[]byte(uid)}),
			tx.SetNotice(uid, store.Notice{Kind: "x", At: 1}), failure(tx.SetRecoveryKey(uid, store.RecoveryKey{Hash: []byte{1}}, false)), tx.Revoke(uid, uid+"j", 99),
			tx.KnowNetwork(uid, "net", 1, 9), tx.AddInvitation(store.Invitation{Hash: []byte(uid), ExpiresAt: 99}),
			failure(tx.UseInvitation([]byte(uid), uid, 1)))
	})
}

// state is all that can be read of an account of populate.
func (e *env) state(uid string) map[string]any {
	e.Helper()
	r := e.read()
	return map[string]any{
		"account": must(r.Account(uid)), "confirmation": must(r.Confirmation(uid)), "avatar": must(r.Avatar(uid)),
		"session": must(r.Token([]byte(uid + "s"))), "refresh token": must(r.RefreshToken([]byte(uid + "f"))),
		"device": must(r.Device(uid, uid+"d")), "commands": must(r.Commands(uid, uid+"d", 0, 1, 9)), "totp": must(r.TOTP(uid)),
		"backup codes": must(r.CountBackupCodes(uid)), "notices": must(r.Notices(uid)), "recovery key": must(r.RecoveryKey(uid + "@example.org")),
		"revoked": must(r.Revoked(uid, uid+"j")), "network": must(r.KnowsNetwork(uid, "net")), "clients": must(r.Clients(uid)),
	}
}

// A change of one account does not change another, even if the IDs given are the other's.
func isolation(e *env) {
	e.populate("a")
	e.populate("b")
	waits := *must(e.read().Account("b"))
	waits.UID, waits.Key, waits.Confirmed = "w", "w", false
	e.change(func(tx store.Tx) error { return failure(tx.AddAccount(&waits)) })
	want := e.state("b")
	r := e.read()
	e.equal("another's token that was revoked", must(r.Revoked("a", "bj")), false)
	e.equal("another's commands", len(must(r.Commands("a", "bd", 0, 1, 9))), 0)
	e.equal("another's grant", must(r.GrantHasRefreshToken("nobody", []byte("grant"))), false)
	name, b := "x", []byte("bs")
	for _, c := range []struct {
		what  string
		write func(store.Tx) error
	}{
		{"SetPassword", func(tx store.Tx) error {
			return tx.SetPassword(&store.Account{UID: "a", Salt: []byte{9}, V1: store.Password{Hash: []byte{9}, WrapWrapKB: []byte{9}}})
		}},
		{"UpgradePassword", func(tx store.Tx) error { return tx.UpgradePassword("a", []byte{2}, "salt", store.Password{}) }},
		{"SetDisplayName", func(tx store.Tx) error { return tx.SetDisplayName("a", "x") }},
		{"SetProfileChanged", func(tx store.Tx) error { return tx.SetProfileChanged("a", 900) }},
		{"RemoveUnconfirmed", func(tx store.Tx) error { return tx.RemoveUnconfirmed("b") }},
		{"RemoveUnconfirmed", func(tx store.Tx) error { return tx.RemoveUnconfirmed("a") }},
		{"SetConfirmation", func(tx store.Tx) error { return tx.SetConfirmation("a", []byte{9}, 9) }},
		{"CountConfirmationTry", func(tx store.Tx) error { return tx.CountConfirmationTry("a") }},
		{"Confirm", func(tx store.Tx) error { return tx.Confirm("a") }},
		{"SetAvatar", func(tx store.Tx) error { return tx.SetAvatar("a", store.Avatar{ID: "x", Image: []byte{9}}) }},
		{"RemoveAvatar", func(tx store.Tx) error { return failure(tx.RemoveAvatar("a", "b")) }},
		{"TouchToken", func(tx store.Tx) error { return tx.TouchToken("a", b, 900, "x") }},
		{"SetPasswordShown", func(tx store.Tx) error { return tx.SetPasswordShown("a", b, 900) }},
		{"SetSecondStepShown", func(tx store.Tx) error { return tx.SetSecondStepShown("a", b, 900) }},
		{"RemoveToken", func(tx store.Tx) error { return failure(tx.RemoveToken("a", b)) }},
		{"RemoveIdleTokens", func(tx store.Tx) error { return failure(tx.RemoveIdleTokens("a", store.Session, nil, 900, 9)) }},
		{"TouchRefreshToken", func(tx store.Tx) error { return tx.TouchRefreshToken("a", []byte("bf"), 900) }},
		{"RemoveRefreshToken", func(tx store.Tx) error { return tx.RemoveRefreshToken("a", []byte("bf")) }},
		{"RemoveIdleRefreshTokens", func(tx store.Tx) error { return failure(tx.RemoveIdleRefreshTokens("a", nil, 900, 9)) }},
		{"RemoveGrant", func(tx store.Tx) error { return tx.RemoveGrant("a", []byte("grant")) }},
		{"RemoveTokens", func(tx store.Tx) error { return tx.RemoveTokens("a") }},
		{"ChangeDevice", func(tx store.Tx) error { return failure(tx.ChangeDevice("a", "bd", store.DeviceChange{Name: &name})) }},
		{"SetPushExpired", func(tx store.Tx) error { return tx.SetPushExpired("a", "bd", "") }},
		{"SetTOTPSecret", func(tx store.Tx) error { return tx.SetTOTPSecret("a", []byte{9}) }},
		{"UseTOTP", func(tx store.Tx) error { return tx.UseTOTP("a", 900) }},
		{"ReplaceBackupCodes", func(tx store.Tx) error { return tx.ReplaceBackupCodes("a", nil) }},
		{"UseBackupCode", func(tx store.Tx) error { return failure(tx.UseBackupCode("a", []byte("b"))) }},
		{"RemoveSecondStep", func(tx store.Tx) error { return tx.RemoveSecondStep("a") }},
		{"SetRecoveryKey", func(tx store.Tx) error {
			return failure(tx.SetRecoveryKey("a", store.RecoveryKey{Hash: []byte{9}}, true))
		}},
		{"SetNotice", func(tx store.Tx) error { return tx.SetNotice("a", store.Notice{Kind: "x", At: 9}) }},
		{"RemoveNotice", func(tx store.Tx) error { return tx.RemoveNotice("a", store.Notice{Kind: "x", At: 9}) }},
		{"RemoveRecoveryKey", func(tx store.Tx) error { return failure(tx.RemoveRecoveryKey("a")) }},
		{"KnowNetwork", func(tx store.Tx) error { return tx.KnowNetwork("a", "x", 900, 0) }},
		{"RemoveAccount", func(tx store.Tx) error { return tx.RemoveAccount("a") }},
	} {
		e.change(c.write)
		e.equal(c.what+" of another that waits", *must(e.read().Account("w")), waits)
		for of, v := range e.state("b") {
			e.equal(c.what+" of another: the "+of, v, want[of])
		}
	}
}

// All that belongs to an account is removed with it, and nothing that belongs to others.
func removal(e *env) {
	e.populate("a")
	e.populate("b")
	e.change(func(tx store.Tx) error { return tx.RemoveAccount("a") })
	for uid, want := range map[string]int{"a": 0, "b": 1} {
		r := e.read()
		there := func(err error) int {
			if err != nil {
				e.missing("what is gone", err)
				return 0
			}
			return 1
		}
		known := map[bool]int{true: 1}
		got := []int{
			must(r.CountTokens(uid, store.Session)), must(r.CountRefreshTokens(uid)), len(must(r.Devices(uid))), len(must(r.Commands(uid, uid+"d", 0, 1, 9))),
			there(failure(r.Confirmation(uid))), there(failure(r.AvatarID(uid))), there(failure(r.TOTP(uid))), must(r.CountBackupCodes(uid)), len(must(r.Notices(uid))),
			known[must(r.HasRecoveryKey(uid))], known[must(r.KnowsNetwork(uid, "net"))],
			there(e.Update(e.Context(), "", func(tx store.Tx) error { return failure(tx.TakeCode([]byte(uid + "c"))) })),
		}
		for i, n := range got {
			if n != want {
				e.Errorf("of %s %d is %d, want %d", uid, i, n, want)
			}
		}
	}
	e.equal("invitations", len(must(e.read().Invitations(1))), 1)
}

func purge(e *env) {
	a := e.account("a")
	young := *a
	young.UID, young.Key, young.Confirmed, young.CreatedAt = "young", "young", false, 51
	old := young
	old.UID, old.Key, old.CreatedAt = "old", "old", 50
	e.change(func(tx store.Tx) error {
		token := func(hash string, kind store.Kind, verified bool, at int64) error {
			return tx.AddToken(&store.Token{Hash: []byte(hash), Kind: kind, UID: "a", SealedKey: []byte{1}, Verified: verified, CreatedAt: at})
		}
		return errors.Join(failure(tx.AddAccount(&young)), failure(tx.AddAccount(&old)),
			token("idle", store.Session, true, 30), token("used", store.Session, true, 31), token("device", store.Session, true, 30),
			token("needed", store.Session, true, 30),
			token("short", store.KeyFetch, true, 40), token("shorter", store.Change, true, 41), token("waits", store.Session, false, 40))
	})
	e.device("a", "d", []byte("device"), nil)
	e.refresh("a", "idle", 30, nil, nil)
	e.refresh("a", "used", 31, []byte("needed"), nil)
	e.change(func(tx store.Tx) error {
		code := func(hash string, ends int64) error {
			return tx.AddCode(&store.Code{Hash: []byte(hash), UID: "a", Session: []byte("used"), ExpiresAt: ends}, 9)
		}
		return errors.Join(code("old", 60), code("young", 61),
			tx.AddInvitation(store.Invitation{Hash: []byte("old"), ExpiresAt: 60}), tx.AddInvitation(store.Invitation{Hash: []byte("young"), ExpiresAt: 61}),
			failure(tx.AddCommand("a", "d", store.Command{Payload: "{}", ExpiresAt: 60}, 9, 9)), failure(tx.AddCommand("a", "d", store.Command{Payload: "{}", ExpiresAt: 61}, 9, 9)),
			tx.Revoke("a", "old", 60), tx.Revoke("a", "young", 61),
			countTry(tx, []byte("x"), "1", 60, 1), countTry(tx, []byte("x"), "2", 70, 1), countTry(tx, []byte("x"), "3", 80, 1), countTry(tx, []byte("x"), "", 65, 1),
			tx.KnowNetwork("a", "old", 20, 9), tx.KnowNetwork("a", "young", 21, 9),
			failure(tx.AddSigningKey(store.SigningKey{KID: "1", CreatedAt: 1, Private: []byte{1}}, "")),
			failure(tx.AddSigningKey(store.SigningKey{KID: "2", CreatedAt: 10, Private: []byte{1}}, "1")), // the first is retired at 10
			failure(tx.AddSigningKey(store.SigningKey{KID: "3", CreatedAt: 11, Private: []byte{1}}, "2")))
	})
	err := e.Purge(e.Context(), store.Expiry{Now: 60, Unconfirmed: 50, Short: 40, Idle: 30, Networks: 20, Keys: 10, Tries: 2})
	if err != nil {
		e.Fatal(err)
	}
	r := e.read()
	for what, c := range map[string]struct {
		err   error
		there bool
	}{
		"an unconfirmed account": {failure(r.Account("old")), false}, "a young one": {failure(r.Account("young")), true}, "a confirmed one": {failure(r.Account("a")), true},
		"an idle session": {failure(r.Token([]byte("idle"))), false}, "a session in use": {failure(r.Token([]byte("used"))), true},
		"a device's session": {failure(r.Token([]byte("device"))), true}, "a session with a refresh token": {failure(r.Token([]byte("needed"))), true},
		"an old key fetch token": {failure(r.Token([]byte("short"))), false}, "a token to change a password": {failure(r.Token([]byte("shorter"))), true},
		"a session that waits":  {failure(r.Token([]byte("waits"))), false},
		"an idle refresh token": {failure(r.RefreshToken([]byte("idle"))), false}, "one in use": {failure(r.RefreshToken([]byte("used"))), true},
		"a retired key": {failure(r.SigningKey("1")), false}, "one retired later": {failure(r.SigningKey("2")), true},
	} {
		if c.there != (c.err == nil) {
			e.Errorf("%s is there: %v", what, c.err)
		}
	}
	e.equal("invitations", len(must(r.Invitations(0))), 1)
	e.equal("commands", len(must(r.Commands("a", "d", 0, 0, 9))), 1)
	e.equal("revoked", []bool{must(r.Revoked("a", "old")), must(r.Revoked("a", "young"))}, []bool{false, true})
	e.equal("networks", []bool{must(r.KnowsNetwork("a", "old")), must(r.KnowsNetwork("a", "young"))}, []bool{false, true})
	for network, want := range map[string]int{"1": 0, "2": 0, "3": 1, "": 1} {
		if n, _, err := r.Tries([]byte("x"), network, 1); err != nil || n != want {
			e.Errorf("tries from %q: %d, %v, want %d", network, n, err, want)
		}
	}
	e.change(func(tx store.Tx) error {
		_, err := tx.TakeCode([]byte("old"))
		e.missing("an old code", err)
		return failure(tx.TakeCode([]byte("young")))
	})
}
