package takeover_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/test/mariadbtest"
	"github.com/syncmanager/syncmanager/internal/test/oldserver"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/postgres"
	"github.com/syncmanager/syncmanager/server/storage/sqlite"
	"github.com/syncmanager/syncmanager/server/takeover"
	"github.com/syncmanager/syncmanager/server/takeover/mozilla"
	"github.com/syncmanager/syncmanager/server/token"
)

func TestMain(m *testing.M) {
	os.Exit(mariadbtest.Main(func() int { return pgtest.Main(m) }))
}

const (
	ann = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	bob = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	cyd = "cccccccccccccccccccccccccccccccc"
	dan = "dddddddddddddddddddddddddddddddd"

	mozillas = "@api.accounts.firefox.com"

	oldKey = "00000000000000000000000000000001"
	newKey = "00000000000000000000000000000002"
)

// noon is the time of the tests, in milliseconds, and a first record's.
const noon = 1_795_000_000_000

// target is a server without a server: where users are copied to.
type target struct {
	t *testing.T
	takeover.Target
	now time.Time
}

// newTarget makes an empty one, in the PostgreSQL database or if it is "" in files.
func newTarget(t *testing.T, database string) *target {
	t.Helper()
	to := &target{t: t, now: time.UnixMilli(noon)}
	now := func() time.Time { return to.now }
	dir := t.TempDir()
	var err error
	if database != "" {
		to.Backend, err = postgres.Open(t.Context(), postgres.Config{Database: database, Now: now, Rand: rand.Reader})
	} else {
		to.Backend, err = sqlite.New(sqlite.Config{Dir: filepath.Join(dir, "storage"), Now: now})
	}
	must(t, err)
	to.Tokens, err = token.Open(t.Context(), token.Config{
		Database: database, Dir: dir, Node: func(context.Context) string { return "https://here.test" }, NodeType: "sqlite",
		Signer: token.NewSigner(make([]byte, 32)), HashKey: []byte("key"), Now: now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	to.State, err = takeover.OpenState(t.Context(), database, dir)
	must(t, err)
	t.Cleanup(func() {
		must(t, to.State.Close())
		must(t, to.Tokens.Close())
		must(t, to.Backend.Close(context.Background()))
	})
	return to
}

// take takes over a server, as it is now.
func (to *target) take(from *oldserver.Server) (takeover.Report, error) {
	to.t.Helper()
	src := open(to.t, from, mozilla.Options{})
	defer func() { must(to.t, src.Close()) }()
	return takeover.Run(to.t.Context(), src, &to.Target, takeover.Options{Now: func() time.Time { return to.now }})
}

// must takes over a server, and expects counts of users.
func (to *target) takes(from *oldserver.Server, want takeover.Report) takeover.Report {
	to.t.Helper()
	got, err := to.take(from)
	must(to.t, err)
	counts := func(r takeover.Report) string {
		return fmt.Sprintf("%d users: %d new, %d updated, %d merged, %d unchanged, %d deleted, %d skipped; %d records, %d expired, %d skipped; %d old keys",
			r.Users, r.New, r.Updated, r.Merged, r.Unchanged, r.Deleted, r.SkippedUsers, r.Records, r.Expired, r.SkippedRecords, r.OldKeys)
	}
	if counts(got) != counts(want) {
		to.t.Errorf("it took %s\nwant    %s\n%v", counts(got), counts(want), got.Skips)
	}
	return got
}

func open(t *testing.T, from *oldserver.Server, o mozilla.Options) *mozilla.Reader {
	t.Helper()
	o.Getenv = func(string) string { return "" }
	src, err := mozilla.Open(t.Context(), from.From, o)
	must(t, err)
	return src
}

// uid returns the number of an account's storage; 0: it has none.
func (to *target) uid(account string) int64 {
	to.t.Helper()
	users, err := to.Tokens.Users(to.t.Context())
	must(to.t, err)
	for _, u := range users {
		if u.Account == account {
			return u.UID
		}
	}
	return 0
}

// holds returns what is stored of an account: the time of the storage and of each collection, and the records.
func (to *target) holds(account string) (all map[string]string) {
	to.t.Helper()
	all = make(map[string]string)
	must(to.t, to.Backend.View(to.t.Context(), to.uid(account), func(v storage.View) error {
		modified, err := v.Modified("", "")
		if err != nil {
			return err
		}
		all[""] = fmt.Sprint(int64(modified))
		collections, err := v.Collections()
		if err != nil {
			return err
		}
		for _, c := range collections {
			all[c.Name] = fmt.Sprint(int64(c.Modified))
			err := v.(storage.Exporter).Export(c.Name, func(d *storage.Dated) error {
				text := fmt.Sprintf("%d %s", d.Modified, d.Payload)
				if d.SortIndex.Valid {
					text += fmt.Sprint(" sorted ", d.SortIndex.V)
				}
				if d.Expires != 0 {
					text += fmt.Sprint(" until ", int64(d.Expires))
				}
				all[c.Name+"/"+string(d.ID)] = text
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	return all
}

// put does what a device does that writes here.
func (to *target) put(account, collection string, id bso.ID, payload string) {
	to.t.Helper()
	must(to.t, to.Backend.Update(to.t.Context(), to.uid(account), storage.Durable, func(tx storage.Tx) error {
		return tx.Put(collection, []storage.Change{{ID: id, Fields: storage.FieldPayload, Payload: []byte(payload)}})
	}))
}

// same compares what is stored.
func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%q is %q, want %q", name, got[name], text)
		}
	}
	for name, text := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%q is %q, and should not be there", name, text)
		}
	}
}

// key is the row of an account's one key.
func key(uid int64, account string) oldserver.User {
	return oldserver.User{UID: uid, Email: account + mozillas, ClientState: newKey, Generation: 200, KeysChangedAt: 100, Created: noon - 1000}
}

// record is a plain record, so many milliseconds after noon.
func record(collection, id string, after int64, payload string) oldserver.Record {
	return oldserver.Record{Collection: collection, ID: id, Modified: noon + after, Payload: payload}
}

func sorted(n int64) sql.Null[int64] { return sql.Null[int64]{V: n, Valid: true} }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const deleted = math.MaxInt64

func (f failing) Records(ctx context.Context, uid int64, take func(takeover.Record) error) error {
	n := 0
	return f.Source.Records(ctx, uid, func(r takeover.Record) error {
		if n++; uid == f.uid && n > 500 {
			return f.err
		}
		return take(r)
	})
}

// delete does what a device does that deletes a record here.
func (to *target) delete(account, collection string, id bso.ID) error {
	return to.Backend.Update(to.t.Context(), to.uid(account), storage.Durable, func(tx storage.Tx) error {
		return tx.DeleteRecords(collection, []bso.ID{id})
	})
}

func unhex(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}
