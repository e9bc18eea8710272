package mirror

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
)

// A sync that brings nothing and sends nothing only reads: the connection that writes, which
// costs as much as all the rest, is not opened.
func TestASyncWithNothingToDoWritesNothing(t *testing.T) {
	t.Parallel()
	c := engine.StoreConfig{Path: filepath.Join(t.TempDir(), "x.db"), Now: time.Now, Rand: rand.Reader}
	sync := func(at engine.Timestamp, use func(*Store[testRecord]), in ...engine.Incoming) (writers int) {
		t.Helper()
		s, err := open(t.Context(), Schema[testRecord]{Collection: "test"}, c, 0)
		if err != nil {
			t.Fatal(err)
		}
		if use != nil {
			use(s)
		}
		if _, _, err := stage(t, s, engine.Start{}, at, in...); err != nil {
			t.Error(err)
		}
		writers = s.db.WriterStats().OpenConnections
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		return writers
	}
	record := engine.Incoming{ID: "a", Modified: 5, Payload: []byte(`{"id":"a"}`)}
	if n := sync(5, nil, record); n != 1 {
		t.Errorf("a sync that brought a record has %d writers", n)
	}
	if n := sync(5, nil); n != 0 {
		t.Errorf("a sync with nothing to do has %d writers", n)
	}
	if n := sync(6, nil); n != 1 {
		t.Errorf("a sync up to a later time has %d writers: it must be noted", n)
	}
	edit := func(s *Store[testRecord]) { put(t, s, "b", `{"id":"b"}`) }
	if n := sync(6, edit); n != 1 {
		t.Errorf("a sync of an edit has %d writers", n)
	}
}
