package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite"
)

var clock = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func open(t testing.TB, now *time.Time) Local {
	t.Helper()
	b, err := sqlite.New(sqlite.Config{Dir: t.TempDir(), Now: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	return Local{b}
}

func fill(t testing.TB, to Local, uid int64) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		err := to.Update(t.Context(), uid, storage.Deferred, func(tx storage.Tx) error {
			var changes []storage.Change
			for n := range random.IntN(100) {
				c := storage.Change{ID: bso.ID(fmt.Sprintf("<%d&%d>", i%7, n)), Fields: storage.FieldPayload}
				c.Payload = bytes.Repeat([]byte{byte(random.Uint32()), '\n', 0}, random.IntN(1400))
				if n%3 == 0 {
					c.Fields |= storage.FieldSortIndex
					c.SortIndex.V, c.SortIndex.Valid = int64(random.IntN(2000)-1000), true
				}
				if n%5 == 0 {
					c.Fields |= storage.FieldTTL
					c.TTL.V, c.TTL.Valid = int64(random.IntN(4000)), true
				}
				changes = append(changes, c)
			}
			return tx.Put(fmt.Sprint("collection", i%4), changes)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	now := clock
	from, to := open(t, &now), open(t, &now)
	fill(t, from, 1)
	fill(t, to, 2) // what is there is replaced
	at := bso.TimestampOf(now)
	sum, err := Copy(t.Context(), at, from, 1, to, 2)
	if err != nil || sum.Collections != 4 || sum.Records == 0 || sum.Bytes == 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	var a, b bytes.Buffer
	if err := errors.Join(from.Export(t.Context(), 1, &a), to.Export(t.Context(), 2, &b)); err != nil {
		t.Fatal(err)
	}
	if a.Len() < 2*chunkSize || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("streams of %d and %d bytes differ", a.Len(), b.Len())
	}

	// Records that expire on one of the two machines before the other do not count.
	now = now.Add(9 * time.Minute)
	if again, err := Compare(t.Context(), at, from, 1, to, 2); err != nil || again != sum {
		t.Errorf("%+v, %v", again, err)
	}

	// One byte, or one time, is a difference.
	for name, change := range map[string]storage.Change{
		"a payload": {ID: "<1&1>", Fields: storage.FieldPayload, Payload: []byte("x")},
		"a weight":  {ID: "<1&1>", Fields: storage.FieldSortIndex, Payload: []byte{}},
	} {
		err := to.Update(t.Context(), 2, storage.Durable, func(tx storage.Tx) error {
			return tx.Put("collection1", []storage.Change{change})
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Compare(t.Context(), at, from, 1, to, 2); !errors.Is(err, ErrDiffers) {
			t.Errorf("%s: %v", name, err)
		}
	}

	// A user who never wrote has an empty copy.
	if sum, err := Copy(t.Context(), at, from, 7, to, 2); err != nil || sum.Records != 0 || sum.Modified != 0 {
		t.Errorf("an empty storage: %+v, %v", sum, err)
	}
}

// cut is a Peer whose stream ends early, or that fails.
type cut struct {
	Peer
	after int64
	fails error
}

func (c cut) Export(ctx context.Context, uid int64, w io.Writer) error {
	var b bytes.Buffer
	if err := c.Peer.Export(ctx, uid, &b); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes()[:c.after])
	return errors.Join(err, c.fails)
}

func TestACutStream(t *testing.T) {
	t.Parallel()
	now := clock
	from, to := open(t, &now), open(t, &now)
	fill(t, from, 1)
	var whole bytes.Buffer
	if err := from.Export(t.Context(), 1, &whole); err != nil {
		t.Fatal(err)
	}
	for _, after := range []int64{0, 1, 40, 5000, int64(whole.Len()) / 2, int64(whole.Len()) - 1} {
		if _, err := Copy(t.Context(), 0, cut{Peer: from, after: after}, 1, to, 2); !errors.Is(err, ErrStream) {
			t.Errorf("cut after %d bytes: %v", after, err)
		}
	}
	var source *SourceError
	if _, err := Copy(t.Context(), 0, cut{from, 5000, storage.ErrDamaged}, 1, to, 2); !errors.As(err, &source) || !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("a source that fails: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Copy(ended, 0, from, 1, to, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// What is not a chunk changes nothing.
func TestHostileChunks(t *testing.T) {
	t.Parallel()
	now := clock
	to := open(t, &now)
	for _, chunk := range []string{
		"{", "{}\n", "null\n", "[]\n", "\n",
		`{"id":"a","modified":1,"size":1}` + "\nx", // in no collection
		`{"collection":"c","modified":1}` + "\n" + `{"id":"a","modified":0}` + "\n",
		`{"collection":"c","modified":1}` + "\n" + `{"id":"a","modified":1,"size":-1}` + "\n",
		`{"collection":"c","modified":1}` + "\n" + `{"id":"a","modified":1,"size":9}` + "\nx",
		`{"collection":"c","modified":1}` + "\n" + `{"id":"a","modified":1,"size":99999999}` + "\nx",
		`{"collection":"c","modified":1}` + "\n" + `{"id":"a","modified":1,"sortindex":1000000000}` + "\n",
		`{"collection":"c","modified":1}` + "\n" + `{"id":"ä","modified":1}` + "\n",
		`{"collection":"c/d","modified":1}` + "\n",
		`{"collection":"c","modified":-1}` + "\n",
		`{"collection":"c","id":"a","modified":1}` + "\n",
		`{"end":1}` + "\n",
		`{"storage":-1}` + "\n",
		`{"collection":"c","modified":1` + strings.Repeat(" ", 70000) + "}\n",
		strings.Repeat("x", MaxChunk+1),
	} {
		if err := to.Import(t.Context(), 1, []byte(chunk)); !errors.Is(err, ErrStream) {
			t.Errorf("%.80q: %v", chunk, err)
		}
	}
	if s, err := to.Sum(t.Context(), 1, 0); err != nil || s.Collections != 0 || s.Modified != 0 {
		t.Errorf("stored: %+v, %v", s, err)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte(`{"storage":1}` + "\n" + `{"collection":"c","modified":1}` + "\n" + `{"id":"a","modified":1,"size":1}` + "\nx" + `{"end":1}` + "\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		_ = split(bytes.NewReader(stream), func(chunk []byte) error {
			if len(chunk) > MaxChunk {
				t.Errorf("a chunk of %d bytes", len(chunk))
			}
			return nil
		})
	})
}
