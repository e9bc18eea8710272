package history

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/plantest"
)

func TestNoStatementReadsATableWhole(t *testing.T) {
	t.Parallel()
	e, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "places.sqlite"), Now: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	plantest.Check(t, e.db.Read(), "sql.go", map[string]string{})
}

// The list of uses does not grow without end: the oldest go.
func TestUsesAreCapped(t *testing.T) {
	t.Parallel()
	e, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "places.sqlite")})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const url = "https://example.org/"
	if _, err := e.AddVisit(t.Context(), url, "", Visit{}); err != nil {
		t.Fatal(err)
	}
	err = e.update(t.Context(), func(tx *tx) error {
		r, err := tx.askedFor(url)
		for i := range 5 {
			if err == nil {
				err = tx.addUse(3, r.id, "", nil, 0, i+1, 0)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for u, err := range e.Uses(t.Context(), Between{}) {
		if n++; err != nil || u.To.UnixMilli() < 3 {
			t.Errorf("%+v is left, %v", u, err)
		}
	}
	if n != 3 {
		t.Errorf("%d uses are left; want 3", n)
	}
}
