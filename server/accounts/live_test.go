package accounts_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/accounts"
)

// A step on the storage asks by LiveCheck what others ask by Live: both say the same of every binding, whether there
// is something that it names or not, and whosever that is.
func TestLiveCheckSaysWhatLiveSays(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
	w.phone(w.signUp(email))
	w.signUp("bob@example.org")
	alice, bob := w.signIn(email, password).text("uid"), w.signIn("bob@example.org", password).text("uid")
	bounds, err := w.AllLive(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	kinds := ""
	for _, b := range bounds[1:] {
		kinds += b[:1]
	}
	if !strings.Contains(kinds, "s") || !strings.Contains(kinds, "r") {
		t.Fatalf("a phone is bound by %q", kinds)
	}
	for _, b := range bounds[1:] {
		other := map[string]string{"s": "r", "r": "s"}[b[:1]]
		bounds = append(bounds, other+b[1:], b[:len(b)-2], b[:len(b)-1], b+"00", strings.ToUpper(b[1:]), b[:1]+strings.ToUpper(b[1:]))
	}
	bounds = append(bounds, "s", "r", "x", "x00", "szz", "rzz", "s\x00", "é")

	db, err := sql.Open(sqlite.Driver, "file:"+filepath.Join(w.dir, "accounts.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ended := errors.New("ended")
	alike := func(when string) (live int) {
		t.Helper()
		for _, uid := range []string{alice, bob, "nobody", ""} {
			for _, bound := range bounds {
				want, err := w.Live(t.Context(), uid, bound)
				if err != nil {
					t.Fatal(err)
				}
				c := accounts.LiveCheck(uid, bound, ended)
				err = c.Judge(db.QueryRowContext(t.Context(), c.SQL, c.Args...).Scan)
				if err != nil && !errors.Is(err, ended) {
					t.Fatalf("%s, %q bound by %q: %v", when, uid, bound, err)
				}
				if (err == nil) != want {
					t.Errorf("%s, %q bound by %q: live is %v by Live, and LiveCheck says %v", when, uid, bound, want, err)
				}
				if want {
					live++
				}
			}
		}
		return live
	}
	before := alike("signed in")
	if _, err := db.ExecContext(t.Context(), "UPDATE tokens SET verified = 0"); err != nil {
		t.Fatal(err)
	}
	if after := alike("waiting for a code"); after >= before || after == 0 {
		t.Errorf("%d bindings were live, and %d while the sessions wait for a code", before, after)
	}
	if _, err := db.ExecContext(t.Context(), "DELETE FROM refresh_tokens"); err != nil {
		t.Fatal(err)
	}
	if after := alike("without refresh tokens"); after != 2 {
		t.Errorf("%d bindings are live, want those that need the accounts alone", after)
	}
}

// What goes wrong with a row is not taken for the end of a token, and nothing for its life.
func TestLiveCheckJudgesRows(t *testing.T) {
	t.Parallel()
	ended, broken := errors.New("ended"), errors.New("broken")
	for _, bound := range []string{"", "s00", "r00", "nonsense"} {
		c := accounts.LiveCheck("alice", bound, ended)
		for name, row := range map[string]struct {
			scan func(dest ...any) error
			want error
		}{
			"none":  {func(...any) error { return sql.ErrNoRows }, ended},
			"error": {func(...any) error { return broken }, broken},
			"false": {func(dest ...any) error { *dest[0].(*bool) = false; return nil }, ended},
			"true":  {func(dest ...any) error { *dest[0].(*bool) = true; return nil }, nil},
		} {
			for range 2 { // a step may run again
				if err := c.Judge(row.scan); !errors.Is(err, row.want) {
					t.Errorf("bound by %q, %s: %v, want %v", bound, name, err, row.want)
				}
			}
		}
	}
}
