package takeover_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/oldserver"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/takeover"
	"github.com/syncmanager/syncmanager/server/takeover/mozilla"
	"github.com/syncmanager/syncmanager/server/token"
)

// fill gives a server four users: one with a former key and records of every sort, one who was
// deleted, one whose storage was given up, and one with a name that no accounts server gives.
func fill(s *oldserver.Server) {
	s.AddUser(oldserver.User{UID: 3, Email: ann + mozillas, ClientState: oldKey, Generation: 100, KeysChangedAt: 50, Created: noon - 9000, Replaced: noon - 5000})
	s.AddUser(oldserver.User{UID: 7, Email: ann + mozillas, ClientState: newKey, Generation: 200, KeysChangedAt: 100, Created: noon - 5000})
	s.AddUser(oldserver.User{UID: 8, Email: bob + mozillas, ClientState: newKey, Generation: deleted, Created: noon - 4000, Replaced: noon - 3000})
	s.AddUser(oldserver.User{UID: 9, Email: "not-a-uid" + mozillas, ClientState: newKey, Generation: 1, Created: noon})
	s.Put(3, record("forms", "oldkey", -6000, "sealed with the former key"))
	s.Put(7, record("forms", "first", -3000, "one"))
	s.Put(7, oldserver.Record{Collection: "forms", ID: "second", Modified: noon - 2000, SortIndex: sorted(-140), Payload: "two"})
	s.Put(7, oldserver.Record{Collection: "clients", ID: "device", Modified: noon - 2500, Payload: "client", TTL: 1_814_400})
	s.Put(7, oldserver.Record{Collection: "tabs", ID: "expired", Modified: noon - 2_000_000, Payload: "gone", TTL: 1000})
	s.Put(7, record("x-notes", "{ab-cd}", -1500, ""))
	s.Touch(7, "history", noon-1240)
	s.Put(9, record("forms", "whose", 0, "nobody's"))
	s.AddUser(oldserver.User{UID: 10, Email: cyd + mozillas, ClientState: newKey, Generation: 5, Created: noon - 4000, Replaced: noon - 3000})
	s.Put(10, record("forms", "given-up", 0, "with a storage that is not in use"))
}

// annsCopy is what ann has after that.
func annsCopy() map[string]string {
	return map[string]string{
		"": "179499999876", "forms": "179499999800", "forms/first": "179499999700 one", "forms/second": "179499999800 two sorted -140",
		"clients": "179499999750", "clients/device": "179499999750 client until 179681439750", "tabs": "179499800000",
		"x-notes": "179499999850", "x-notes/{ab-cd}": "179499999850 ", "history": "179499999876",
	}
}

// Users of every kind of server come with their keys, their records and all times.
func TestEveryServer(t *testing.T) {
	t.Parallel()
	for _, kind := range oldserver.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			from, to := oldserver.New(t, kind), newTarget(t, "")
			fill(from)
			want := annsCopy()
			if strings.HasPrefix(string(kind), "the Python") { // it keeps whole seconds
				want["clients/device"] = "179499999750 client until 179681439700"
			} else { // it keeps the time of a deletion
				from.Tombstone(7, noon-1000)
				want[""] = "179499999900"
			}
			r := to.takes(from, takeover.Report{Users: 4, New: 2, Deleted: 1, SkippedUsers: 1, Records: 4, Expired: 1, OldKeys: 1})
			if len(r.Skips) != 1 || r.Skips[0].User != "not-a-uid"+mozillas {
				t.Errorf("left out: %+v", r.Skips)
			}
			same(t, to.holds(ann), want)
			if got := to.holds(cyd); to.uid(cyd) == 0 || len(got) != 1 {
				t.Errorf("a user without a storage in use has %v", got)
			}
			if to.uid(bob) != 0 {
				t.Error("a deleted account has a storage")
			}
			// The former key cannot come back.
			for state, wanted := range map[string]error{newKey: nil, oldKey: token.ErrNewerKey} {
				key := token.Key{ClientState: unhex(state)}
				if _, err := to.Tokens.Standing(t.Context(), token.Adoption{Account: ann, Current: key}); !errors.Is(err, wanted) {
					t.Errorf("the key %s: %v", state, err)
				}
			}

			// Again: nothing has changed, and nothing is written.
			to.takes(from, takeover.Report{Users: 4, Unchanged: 2, Deleted: 1, SkippedUsers: 1, Expired: 1, OldKeys: 1})
			same(t, to.holds(ann), want)

			// A trial counts the same, and needs no target.
			src := open(t, from, mozilla.Options{})
			trial, err := takeover.Run(t.Context(), src, nil, takeover.Options{Now: func() time.Time { return to.now }})
			must(t, errors.Join(err, src.Close()))
			if trial.New != 2 || trial.Records != 4 || trial.Expired != 1 || trial.SkippedUsers != 1 || !maps.Equal(trial.Collections, r.Collections) {
				t.Errorf("a trial: %+v, want %+v", trial, r)
			}
		})
	}
}

// Records that expire soon, in an hour or two, and late come, and the copy is found to be complete.
func TestRecordsThatExpire(t *testing.T) {
	t.Parallel()
	from, to := oldserver.New(t, oldserver.PythonSQLite), newTarget(t, "")
	from.AddUser(key(7, ann))
	for id, minutes := range map[string]int64{"soon": 30, "between": 90, "late": 180} {
		from.Put(7, oldserver.Record{Collection: "clients", ID: id, Modified: noon - 1000, Payload: "client", TTL: 60 * minutes})
	}
	to.takes(from, takeover.Report{Users: 1, New: 1, Records: 3})
	same(t, to.holds(ann), map[string]string{
		"": "179499999900", "clients": "179499999900", "clients/soon": "179499999900 client until 179500179900",
		"clients/between": "179499999900 client until 179500539900", "clients/late": "179499999900 client until 179501079900",
	})
}

// Users come into PostgreSQL as well.
func TestIntoPostgres(t *testing.T) {
	t.Parallel()
	from, to := oldserver.New(t, oldserver.PythonSQLite), newTarget(t, pgtest.Database(t))
	fill(from)
	to.takes(from, takeover.Report{Users: 4, New: 2, Deleted: 1, SkippedUsers: 1, Records: 4, Expired: 1, OldKeys: 1})
	want := annsCopy()
	want["clients/device"] = "179499999750 client until 179681439700"
	same(t, to.holds(ann), want)
	to.takes(from, takeover.Report{Users: 4, Unchanged: 2, Deleted: 1, SkippedUsers: 1, Expired: 1, OldKeys: 1})
	from.Put(7, record("forms", "third", 500, "three"))
	to.takes(from, takeover.Report{Users: 4, Updated: 1, Unchanged: 1, Deleted: 1, SkippedUsers: 1, Records: 5, Expired: 1, OldKeys: 1})
	want["forms/third"], want["forms"], want[""] = "179500000050 three", "179500000050", "179500000050"
	same(t, to.holds(ann), want)
}

// The other server goes on, and no device writes here: what is there replaces the copy, deletions
// included.
func TestTheOtherServerGoesOn(t *testing.T) {
	t.Parallel()
	from, to := oldserver.New(t, oldserver.PythonSQLite), newTarget(t, "")
	from.AddUser(key(7, ann))
	from.Put(7, record("forms", "stays", 0, "one"))
	from.Put(7, record("forms", "goes", 10, "two"))
	to.takes(from, takeover.Report{Users: 1, New: 1, Records: 2})
	first := to.uid(ann)

	from.Exec(`DELETE FROM bso WHERE id = 'goes'`)
	from.Put(7, record("forms", "comes", 5000, "three"))
	to.takes(from, takeover.Report{Users: 1, Updated: 1, Records: 2})
	same(t, to.holds(ann), map[string]string{
		"": "179500000500", "forms": "179500000500", "forms/stays": "179500000000 one", "forms/comes": "179500000500 three",
	})
	// The first copy is given up, and the purge finds it.
	to.now = to.now.Add(2 * token.DefaultDuration)
	if uids, err := to.Tokens.Replaced(t.Context()); err != nil || len(uids) != 1 || uids[0].UID != first {
		t.Errorf("to purge: %v, %v; want %d", uids, err, first)
	}
}

// Devices write to both servers: the records that are newer there come as new ones, so that the
// devices here see them.
func TestBothGoOn(t *testing.T) {
	t.Parallel()
	from, to := oldserver.New(t, oldserver.PythonSQLite), newTarget(t, "")
	from.AddUser(key(7, ann))
	from.Put(7, record("meta", "global", 0, "engines"))
	for _, id := range []string{"same", "theirs", "ours", "deleted"} {
		from.Put(7, record("forms", id, 0, "first"))
	}
	to.takes(from, takeover.Report{Users: 1, New: 1, Records: 5})
	uid := to.uid(ann)

	from.Put(7, record("forms", "theirs", 1000, "there"))
	from.Put(7, oldserver.Record{Collection: "forms", ID: "late", Modified: noon + 1000, SortIndex: sorted(5), Payload: "there", TTL: 60})
	from.Put(7, record("forms", "ours", 1000, "there"))
	to.now = to.now.Add(10 * time.Second)
	to.put(ann, "forms", "ours", "here, later")
	to.put(ann, "forms", "more", "here")
	must(t, to.delete(ann, "forms", "deleted"))
	to.takes(from, takeover.Report{Users: 1, Merged: 1, Records: 2})
	got := to.holds(ann)
	// All that came is after the last write here, at noon and ten seconds.
	same(t, got, map[string]string{
		"": "179500001003", "meta": "179500000000", "meta/global": "179500000000 engines", "forms": "179500001003", "forms/same": "179500000000 first",
		"forms/theirs": "179500001003 there", "forms/late": "179500001003 there sorted 5 until 179500006100", "forms/ours": "179500001000 here, later",
		"forms/more": "179500001001 here",
	})
	if to.uid(ann) != uid {
		t.Error("the devices here lost their storage")
	}
	to.takes(from, takeover.Report{Users: 1, Unchanged: 1})
	same(t, to.holds(ann), got)

	// New keys or engines there would make the records here unreadable.
	from.Put(7, record("crypto", "keys", 20_000, "new keys"))
	r := to.takes(from, takeover.Report{Users: 1, SkippedUsers: 1})
	if len(r.Skips) != 1 || !strings.Contains(r.Skips[0].Reason, "keys or its engines changed there") {
		t.Errorf("%+v", r.Skips)
	}
	same(t, to.holds(ann), got)
}

// A user with a newer key there gets that key's records; one with a newer key here stays.
func TestNewerKeys(t *testing.T) {
	t.Parallel()
	from, to := oldserver.New(t, oldserver.PythonSQLite), newTarget(t, "")
	old := key(7, ann)
	old.ClientState = oldKey
	from.AddUser(old)
	from.Put(7, record("forms", "first", 0, "with the first key"))
	to.takes(from, takeover.Report{Users: 1, New: 1, Records: 1})
	to.put(ann, "forms", "second", "with the first key")

	from.Exec(`UPDATE users SET replaced_at = ?`, noon)
	next := key(8, ann)
	next.Generation, next.KeysChangedAt, next.Created = 400, 400, noon
	from.AddUser(next)
	from.Put(8, record("forms", "third", 1000, "with the second key"))
	to.takes(from, takeover.Report{Users: 1, Updated: 1, Records: 1, OldKeys: 1})
	want := map[string]string{"": "179500000100", "forms": "179500000100", "forms/third": "179500000100 with the second key"}
	same(t, to.holds(ann), want)

	// Another server that knows only the first key.
	behind := oldserver.New(t, oldserver.PythonSQLite)
	behind.AddUser(old)
	behind.Put(7, record("forms", "late", 9000, "with the first key"))
	r := to.takes(behind, takeover.Report{Users: 1, SkippedUsers: 1})
	if len(r.Skips) != 1 || r.Skips[0].User != ann || r.Skips[0].Reason != token.ErrNewerKey.Error() {
		t.Errorf("%+v", r.Skips)
	}
	same(t, to.holds(ann), want)
}

// Users who have something here that did not come from there stay as they are.
func TestUsersOfThisServer(t *testing.T) {
	t.Parallel()
	from, to := oldserver.New(t, oldserver.PythonSQLite), newTarget(t, "")
	for i, account := range []string{ann, bob, cyd, dan} {
		from.AddUser(key(int64(i+1), account))
		from.Put(int64(i+1), record("forms", "there", 0, "there"))
	}
	// ann has records here, bob has none yet, cyd was removed, and dan is new.
	for _, account := range []string{ann, bob} {
		a := token.Adoption{Account: account, Current: token.Key{ClientState: unhex(newKey), Generation: 999, Created: noon}}
		uid, err := to.Tokens.Reserve(t.Context(), account, "")
		must(t, err)
		must(t, to.Tokens.Adopt(t.Context(), a, 0, uid))
	}
	to.put(ann, "forms", "here", "here")
	must(t, to.Tokens.Retire(t.Context(), cyd))
	r := to.takes(from, takeover.Report{Users: 4, New: 2, SkippedUsers: 2, Records: 2})
	reasons := make(map[string]string)
	for _, s := range r.Skips {
		reasons[s.User] = s.Reason
	}
	if !strings.Contains(reasons[ann], "has records here") || !strings.Contains(reasons[cyd], "was removed here") {
		t.Errorf("%v", reasons)
	}
	if to.holds(ann)["forms/there"] != "" || to.holds(bob)["forms/there"] == "" || to.holds(dan)["forms/there"] == "" {
		t.Errorf("ann %v, bob %v, dan %v", to.holds(ann), to.holds(bob), to.holds(dan))
	}
}

// What the protocol does not allow is counted and named, and the rest comes.
func TestWhatIsNotAllowed(t *testing.T) {
	t.Parallel()
	from, to := oldserver.New(t, oldserver.PythonSQLite), newTarget(t, "")
	from.AddUser(key(7, ann))
	from.Put(7, record("forms", "good", 0, "good"))
	bad := map[string]oldserver.Record{
		"not allow the name of its collection": record("a/b", "x", 0, ""),
		"not allow its ID":                     record("forms", "täbs", 0, ""),
		"is not after 1970":                    {Collection: "forms", ID: "past", Modified: -10},
		"a day in the future":                  record("forms", "future", 100_000_000, ""),
		"its sortindex":                        {Collection: "forms", ID: "heavy", Modified: noon, SortIndex: sorted(1_000_000_000)},
		"its payload is larger":                record("forms", "large", 0, strings.Repeat("x", takeover.MaxPayload+1)),
	}
	for _, r := range bad {
		from.Put(7, r)
	}
	from.Exec(`UPDATE user_collections SET last_modified = ? WHERE last_modified > ?`, noon, noon)
	from.Exec(`INSERT INTO bso (userid, collection, id, modified, payload) VALUES (7, 1, 'word', 'yesterday', 'x')`)
	// Two more for the collection: its own time, and that it has no valid name.
	r := to.takes(from, takeover.Report{Users: 1, New: 1, Records: 1, SkippedRecords: int64(len(bad) + 2)})
	all := fmt.Sprint(r.Skips)
	for why := range bad {
		if !strings.Contains(all, why) {
			t.Errorf("nothing says %q: %s", why, all)
		}
	}
	if !strings.Contains(all, "forms/word a column") || !strings.Contains(all, `"t\u00e4bs"`) {
		t.Error(all)
	}
	same(t, to.holds(ann), map[string]string{"": "179500000000", "forms": "179500000000", "forms/good": "179500000000 good"})
}

// A run that was interrupted within a user leaves nothing of this user, and the next goes on.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	from, to := oldserver.New(t, oldserver.PythonSQLite), newTarget(t, "")
	for i, account := range []string{ann, bob} {
		from.AddUser(key(int64(i+1), account))
		for n := range 600 {
			from.Put(int64(i+1), record("forms", fmt.Sprint("r", n), 0, "x"))
		}
	}
	src := open(t, from, mozilla.Options{})
	defer func() { must(t, src.Close()) }()
	stop := errors.New("the power failed")
	_, err := takeover.Run(t.Context(), failing{src, 2, stop}, &to.Target, takeover.Options{Now: func() time.Time { return to.now }})
	if !errors.Is(err, stop) {
		t.Fatalf("it ended with %v", err)
	}
	if len(to.holds(ann)) != 602 || to.uid(bob) != 0 {
		t.Errorf("ann has %d things, and bob storage %d", len(to.holds(ann)), to.uid(bob))
	}
	to.takes(from, takeover.Report{Users: 2, New: 1, Unchanged: 1, Records: 600})
	if len(to.holds(bob)) != 602 {
		t.Errorf("bob has %d things", len(to.holds(bob)))
	}
}

// failing is a source that breaks within the records of a uid.
type failing struct {
	takeover.Source
	uid int64
	err error
}
