package collection_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
)

// childPath is the environment variable that makes the test binary change the key of that file.
// childStop is a line that it prints before it stops for ever: a key of killPoints.
const (
	childPath = "COLLECTION_TEST_REKEY"
	childStop = "COLLECTION_TEST_STOP"
)

const (
	killedRecords = 200
	// killedText makes the file larger than SQLite's cache: part of a Rekey is in the journal
	// before it commits.
	killedText = 20_000
)

// killPoints are where the process is killed: after how many reads of randomness, one for each
// record and the last one for the canary, or after Rekey returned.
var killPoints = map[string]int{"in the middle": killedRecords * 3 / 4, "at the last write": killedRecords, "afterwards": 1 << 30}

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		fmt.Println(rekeyAndStop(path, os.Getenv(childStop)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func killedOptions(path string, key byte) collection.Options[note] {
	return collection.Options[note]{Path: path, Key: [32]byte{key}, Same: func(n note) string { return n.Title }}
}

// rekeyAndStop changes the key of a file from 1 to 2, and does not return unless that fails.
func rekeyAndStop(path, where string) error {
	ctx, stop := context.Background(), &stopping{line: where, after: 1 << 30}
	o := killedOptions(path, 1)
	o.Rand = stop
	e, err := collection.Open(ctx, "test-notes", o)
	if err != nil {
		return err
	}
	stop.after = killPoints[where]
	if err := e.Rekey(ctx, [32]byte{2}); err != nil {
		return err
	}
	stop.now()
	return nil
}

// stopping is a source of randomness that says so after some reads, and then blocks.
type stopping struct {
	line  string
	after int
}

func (s *stopping) Read(p []byte) (int, error) {
	if s.after--; s.after < 0 {
		s.now()
	}
	return rand.Read(p)
}

func (s *stopping) now() {
	fmt.Println(s.line)
	select {}
}

// killWhere runs the test binary until it says where it is, and kills it.
func killWhere(t *testing.T, path, where string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childPath+"="+path, childStop+"="+where)
	out, err := child.StdoutPipe()
	check(t, err)
	child.Stderr = os.Stderr
	check(t, child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	check(t, errors.Join(child.Process.Kill(), err))
	_ = child.Wait()
	if line != where+"\n" {
		t.Fatalf("the child said %q", line)
	}
}

// A process that is killed while it changes a file's key leaves a file that one of the two keys
// opens, with all records.
func TestARekeyThatIsKilled(t *testing.T) {
	t.Parallel()
	from := filepath.Join(t.TempDir(), "x.db")
	e, err := collection.Open(t.Context(), "test-notes", killedOptions(from, 1))
	check(t, err)
	check(t, e.Edit(t.Context(), func(tx *collection.Tx[note]) error {
		for i := range killedRecords {
			n := killedNote(i)
			if err := tx.Add(&n); err != nil {
				return err
			}
		}
		return nil
	}))
	check(t, e.Close())
	for where := range killPoints {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x.db")
			copyFile(t, from, path)
			killWhere(t, path, where)
			right, wrong := byte(1), byte(2)
			if where == "afterwards" {
				right, wrong = wrong, right
			} else if i, err := os.Stat(path + "-wal"); err != nil || i.Size() < 1<<20 {
				t.Errorf("the journal does not hold the half of it: %v, %v", i, err)
			}
			if _, err := collection.Open(t.Context(), "test-notes", killedOptions(path, wrong)); !errors.Is(err, engine.ErrKey) {
				t.Errorf("opened with key %d: %v", wrong, err)
			}
			e, err := collection.Open(t.Context(), "test-notes", killedOptions(path, right))
			check(t, err)
			defer e.Close()
			wantKilledNotes(t, e)
			check(t, e.Rekey(t.Context(), [32]byte{3})) // nothing is left that a further one cannot read
			wantKilledNotes(t, e)
		})
	}
}

func killedNote(i int) note {
	return note{Title: fmt.Sprint("note ", i), Text: strings.Repeat(string(rune('a'+i%26)), killedText)}
}

// wantKilledNotes fails the test if a record is missing, damaged or not found as a duplicate.
func wantKilledNotes(t *testing.T, e *collection.Engine[note]) {
	t.Helper()
	texts := map[string]string{}
	for n, err := range e.List(t.Context()) {
		check(t, err)
		texts[n.Title] = n.Text
	}
	if len(texts) != killedRecords {
		t.Errorf("there are %d records", len(texts))
	}
	for i := range killedRecords {
		if n := killedNote(i); texts[n.Title] != n.Text {
			t.Fatalf("the text of %q is %.20q", n.Title, texts[n.Title])
		}
	}
	if _, err := e.Add(t.Context(), killedNote(7)); !errors.Is(err, engine.ErrDuplicate) {
		t.Errorf("a second one: %v", err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	check(t, err)
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	check(t, err)
	_, err = io.Copy(out, in)
	check(t, errors.Join(err, out.Close()))
}
