package storetest

import (
	"errors"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

func devices(e *env) {
	e.account("a")
	e.session("a", "s", 1)
	e.refresh("a", "f", 2, nil, nil)
	_, err := e.read().DeviceOf("a", []byte("s"), nil)
	e.missing("a session's device", err)
	e.device("a", "2", []byte("s"), nil)
	e.device("a", "1", nil, []byte("f"))
	e.equal("a session's device", must(e.read().DeviceOf("a", []byte("s"), nil)), "2")
	e.equal("a refresh token's device", must(e.read().DeviceOf("a", nil, []byte("f"))), "1")
	want := store.Device{ID: "2", UID: "a", Session: []byte("s"), Name: "2", Type: "desktop", Commands: "{}", CreatedAt: 100, UsedAt: 1}
	e.equal("the device", *must(e.read().Device("a", "2")), want)
	_, err = e.read().Device("b", "2")
	e.missing("another's device", err)
	list := must(e.read().Devices("a"))
	e.equal("the list", []string{list[0].ID, list[1].ID}, []string{"2", "1"})
	if err := e.Update(e.Context(), "", func(tx store.Tx) error {
		return tx.AddDevice(&store.Device{ID: "3", UID: "a", Session: []byte("s"), Commands: "{}"})
	}); err == nil {
		e.Error("a session has two devices")
	}

	text := func(s string) *string { return &s }
	e.change(func(tx store.Tx) error {
		e.equal("changing another's", must(tx.ChangeDevice("b", "2", store.DeviceChange{Name: text("x")})), false)
		e.equal("changing it", must(tx.ChangeDevice("a", "2", store.DeviceChange{
			Name: text("n"), Type: text("t"), PushCallback: text("c"), PushPublicKey: text("k"), PushAuthKey: text("a"), Commands: text(`{"x":""}`),
		})), true)
		return errors.Join(tx.SetPushExpired("a", "2", "other"), tx.SetPushExpired("b", "2", "c"))
	})
	want.Name, want.Type, want.Push, want.Commands = "n", "t", store.PushSubscription{Callback: "c", PublicKey: "k", AuthKey: "a"}, `{"x":""}`
	e.equal("the device, changed", *must(e.read().Device("a", "2")), want)
	e.change(func(tx store.Tx) error {
		return errors.Join(tx.SetPushExpired("a", "2", "c"), failure(tx.ChangeDevice("a", "2", store.DeviceChange{Name: text("m")})))
	})
	want.Name, want.PushExpired = "m", true
	e.equal("the device, expired", *must(e.read().Device("a", "2")), want)
	e.change(func(tx store.Tx) error {
		return failure(tx.ChangeDevice("a", "2", store.DeviceChange{PushCallback: text("d")}))
	})
	e.equal("the device, subscribed again", must(e.read().Device("a", "2")).PushExpired, false)

	e.change(func(tx store.Tx) error {
		_, _, err := tx.RemoveDevice("b", "2")
		e.missing("removing another's", err)
		session, refresh, err := tx.RemoveDevice("a", "2")
		e.equal("what it belonged to", []any{session, refresh, err}, []any{[]byte("s"), []byte(nil), nil})
		return tx.RemoveRefreshToken("a", []byte("f"))
	})
	e.equal("the list", len(must(e.read().Devices("a"))), 0)
}

func commands(e *env) {
	e.account("a")
	for _, id := range []string{"1", "2"} {
		e.session("a", "s"+id, 1)
		e.device("a", id, []byte("s"+id), nil)
	}
	last := map[string]int64{}
	add := func(device string, ends int64) {
		e.change(func(tx store.Tx) error {
			i, err := tx.AddCommand("a", device, store.Command{Sender: "s", Command: "c", Payload: "{}", ExpiresAt: ends}, 3, 5)
			if i <= last[device] {
				e.Errorf("index %d after %d", i, last[device])
			}
			last[device] = i
			return err
		})
	}
	list := func(device string, from int64, limit int) (indexes []int64) {
		for _, c := range must(e.read().Commands("a", device, from, 10, limit)) {
			indexes = append(indexes, c.Index)
		}
		return indexes
	}
	add("1", 11)
	e.equal("a command", must(e.read().Commands("a", "1", 0, 10, 9)), []store.Command{
		{Index: last["1"], Sender: "s", Command: "c", Payload: "{}", ExpiresAt: 11},
	})
	add("1", 10)
	add("1", 11)
	add("1", 11)
	e.equal("the last three, but one that ended", len(list("1", 0, 9)), 2)
	e.equal("from an index", list("1", last["1"], 9), []int64{last["1"]})
	e.equal("up to a limit", len(list("1", 0, 1)), 1)
	for range 4 {
		add("2", 11)
	}
	e.equal("the last three of the other", len(list("2", 0, 9)), 3)
	e.equal("the last five of all", list("1", 0, 9), []int64{last["1"] - 1, last["1"]})
	e.change(func(tx store.Tx) error { return failure(tx.RemoveToken("a", []byte("s1"))) })
	e.equal("of a device that went", len(list("1", 0, 9)), 0)
}

func clients(e *env) {
	e.account("a")
	e.session("a", "s", 2)
	e.device("a", "1", []byte("s"), nil)
	e.refresh("a", "f", 1, nil, nil)
	e.change(func(tx store.Tx) error {
		return tx.AddToken(&store.Token{Hash: []byte("waits"), Kind: store.Session, UID: "a", SealedKey: []byte{1}, CreatedAt: 3})
	})
	e.equal("the clients", must(e.read().Clients("a")), []store.Client{
		{Refresh: []byte("f"), ClientID: "client", Scope: "scope", CreatedAt: 1, UsedAt: 1},
		{Session: []byte("s"), CreatedAt: 2, UsedAt: 2, Device: &store.ClientDevice{ID: "1", Name: "1", Type: "desktop"}},
	})
}
