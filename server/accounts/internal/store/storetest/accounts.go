package storetest

import (
	"errors"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

func accounts(e *env) {
	e.equal("any", must(e.read().AnyAccount()), false)
	_, err := e.read().Account("a")
	e.missing("an account", err)
	_, err = e.read().AccountByKey("a@example.org")
	e.missing("an account by key", err)
	a := e.account("a")
	e.equal("any", must(e.read().AnyAccount()), true)
	e.equal("the account", must(e.read().Account("a")), a)
	e.equal("the account by key", must(e.read().AccountByKey(a.Key)), a)
	e.change(func(tx store.Tx) error {
		twin := *a
		twin.UID = "b"
		e.equal("adding another with its key", must(tx.AddAccount(&twin)), false)
		return nil
	})

	v2 := store.Password{Hash: []byte{5}, WrapWrapKB: []byte{6}}
	e.change(func(tx store.Tx) error { return tx.UpgradePassword("a", []byte{9}, "salt", v2) })
	e.equal("an upgrade of another password", must(e.read().Account("a")), a)
	e.change(func(tx store.Tx) error { return tx.UpgradePassword("a", a.V1.Hash, "salt", v2) })
	a.ClientSalt, a.V2 = "salt", v2
	e.equal("an upgrade", must(e.read().Account("a")), a)
	e.change(func(tx store.Tx) error { return tx.UpgradePassword("a", a.V1.Hash, "other", v2) })
	e.equal("a second upgrade", must(e.read().Account("a")), a)
	a.Generation, a.Salt, a.Cost, a.ClientSalt, a.V1, a.V2 = 200, []byte{7}, 5, "", v2, store.Password{}
	e.change(func(tx store.Tx) error { return tx.SetPassword(a) })
	e.equal("another password", must(e.read().Account("a")), a)
	e.change(func(tx store.Tx) error { return tx.SetDisplayName("a", "Ä") })
	for _, c := range []struct{ at, want int64 }{{150, 150}, {150, 151}, {1, 152}} {
		e.change(func(tx store.Tx) error { return tx.SetProfileChanged("a", c.at) })
		a.ProfileAt = c.want
		a.DisplayName = "Ä"
		e.equal("the profile's time", must(e.read().Account("a")), a)
	}

	decoy := *a
	decoy.UID, decoy.Key, decoy.Confirmed = "d", store.DecoyPrefix+"a@example.org", false
	e.change(func(tx store.Tx) error { _, err := tx.AddAccount(&decoy); return err })
	e.session("a", "s", 300)
	e.device("a", "id", []byte("s"), nil)
	want := store.User{UID: "a", Email: a.Email, CreatedAt: 100, SeenAt: 300, Devices: 1}
	e.equal("the users", must(e.read().Users()), []store.User{want})
	e.equal("the user by key", must(e.read().User(a.Key)), want)
	e.equal("the user by uid", must(e.read().User("a")), want)
	_, err = e.read().User("d")
	e.missing("a decoy as a user", err)

	e.change(func(tx store.Tx) error { return errors.Join(tx.RemoveUnconfirmed("a"), tx.RemoveUnconfirmed("d")) })
	e.equal("a confirmed account", must(e.read().Account("a")), a)
	_, err = e.read().Account("d")
	e.missing("an account that was not confirmed", err)
	e.change(func(tx store.Tx) error { return tx.RemoveAccount("a") })
	_, err = e.read().Account("a")
	e.missing("an account that was removed", err)
}

func confirmations(e *env) {
	a := e.account("u")
	e.change(func(tx store.Tx) error {
		a.UID, a.Key, a.Confirmed = "a", "a", false
		return errors.Join(failure(tx.AddAccount(a)), tx.SetConfirmation("nobody", []byte{1}, 1),
			tx.AddToken(&store.Token{Hash: []byte("s"), Kind: store.Session, UID: "a", SealedKey: []byte{1}, CreatedAt: 1}))
	})
	_, err := e.read().Confirmation("a")
	e.missing("a code", err)
	for range 2 {
		e.change(func(tx store.Tx) error { return tx.SetConfirmation("a", []byte{7}, 900) })
		e.equal("the code", must(e.read().Confirmation("a")), store.Confirmation{MAC: []byte{7}, ExpiresAt: 900})
		e.change(func(tx store.Tx) error { return tx.CountConfirmationTry("a") })
		e.equal("the code", must(e.read().Confirmation("a")).Tries, 1)
	}
	e.equal("the session", must(e.read().Token([]byte("s"))).Verified, false)
	e.change(func(tx store.Tx) error { return tx.Confirm("a") })
	s := must(e.read().Token([]byte("s")))
	e.equal("the session is verified, the account confirmed", []bool{s.Verified, s.Confirmed}, []bool{true, true})
	_, err = e.read().Confirmation("a")
	e.missing("a code that was used", err)
}

func invitations(e *env) {
	a := e.account("a")
	for i, hash := range []string{"xyz-1", "xyz-2", "abc"} {
		e.change(func(tx store.Tx) error {
			return tx.AddInvitation(store.Invitation{Hash: []byte(hash), Note: hash, CreatedAt: int64(i), ExpiresAt: int64(10 + i)})
		})
	}
	e.equal("one that is open", must(e.read().InvitationOpen([]byte("abc"), 11)), true)
	e.equal("one that ended", must(e.read().InvitationOpen([]byte("abc"), 12)), false)
	e.change(func(tx store.Tx) error {
		e.equal("using one that ended", must(tx.UseInvitation([]byte("xyz-1"), "a", 10)), false)
		e.equal("using one", must(tx.UseInvitation([]byte("xyz-1"), "a", 9)), true)
		e.equal("using it again", must(tx.UseInvitation([]byte("xyz-1"), "a", 9)), false)
		return nil
	})
	e.equal("the list", must(e.read().Invitations(11)), []store.Invitation{
		{Hash: []byte("xyz-1"), Note: "xyz-1", ExpiresAt: 10, Email: a.Email},
		{Hash: []byte("abc"), Note: "abc", CreatedAt: 2, ExpiresAt: 12},
	})
	e.change(func(tx store.Tx) error {
		e.equal("removing by a prefix", must(tx.RemoveInvitations([]byte("xyz"))), 1)
		e.equal("removing none", must(tx.RemoveInvitations([]byte("ab\xff"))), 0)
		e.equal("removing one", must(tx.RemoveInvitations([]byte("abc"))), 1)
		return nil
	})
	e.equal("the list", len(must(e.read().Invitations(0))), 1)
}

func avatars(e *env) {
	e.account("a")
	_, err := e.read().AvatarID("a")
	e.missing("a picture", err)
	for _, id := range []string{"1", "2"} {
		want := store.Avatar{ID: id, Type: "image/png", Image: []byte(id)}
		e.change(func(tx store.Tx) error { return tx.SetAvatar("a", want) })
		e.equal("its id", must(e.read().AvatarID("a")), id)
		e.equal("the picture", must(e.read().Avatar(id)), want)
	}
	_, err = e.read().Avatar("1")
	e.missing("a picture that was replaced", err)
	e.change(func(tx store.Tx) error {
		e.equal("removing another", must(tx.RemoveAvatar("a", "1")), false)
		e.equal("removing another's", must(tx.RemoveAvatar("b", "2")), false)
		e.equal("removing it", must(tx.RemoveAvatar("a", "2")), true)
		return nil
	})
}
