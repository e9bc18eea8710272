package journal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

func step(user, before, after int64, text string) Entry {
	return Entry{User: user, Before: before, After: after, Step: []byte(text)}
}

// opened opens a journal, and closes it as a killed process does.
func opened(t *testing.T, dir string, o Options) (*Journal, *Log) {
	t.Helper()
	if o.Settle == nil {
		o.Settle = func(int64) error { return nil }
	}
	j, log, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close(false) })
	return j, log
}

// add appends an entry of a step that its file gets at once.
func add(t *testing.T, j *Journal, e Entry) {
	t.Helper()
	s, err := j.Append(e)
	if err != nil {
		t.Fatal(err)
	}
	s.Done()
}

func missing(log *Log, user, modified int64) (texts string) {
	for _, e := range log.Missing(user, modified) {
		texts += string(e.Step)
	}
	return texts
}

func TestWhatAFileLacksIsRead(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "journal")
	j, log := opened(t, dir, Options{})
	if len(log.Users) != 0 {
		t.Errorf("a new journal has %v", log.Users)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder was made that nothing needs")
	}
	for _, e := range []Entry{step(1, 10, 20, "a"), step(2, 5, 6, "x"), step(1, 20, 30, "b"), step(1, 30, 40, "c")} {
		add(t, j, e)
	}
	_ = j.Close(false)
	_, log = opened(t, dir, Options{})
	for modified, want := range map[int64]string{5: "abc", 10: "abc", 20: "bc", 30: "c", 40: "", 50: "", 0: "", 15: "", 25: ""} {
		if got := missing(log, 1, modified); got != want {
			t.Errorf("a file of %d lacks %q, want %q", modified, got, want)
		}
	}
	if got := missing(log, 2, 5) + missing(log, 3, 5); got != "x" {
		t.Errorf("the others lack %q", got)
	}
}

// A step whose commit failed is voided by the entry that says so, or by the step in its place.
func TestStepsThatWereNotTaken(t *testing.T) {
	t.Parallel()
	for want, entries := range map[string][]Entry{
		"a":  {step(1, 10, 20, "a"), step(1, 20, 30, "b"), {User: 1, Before: 20, After: 20}},
		"ac": {step(1, 10, 20, "a"), step(1, 20, 30, "b"), step(1, 20, 30, "c")},
		"d":  {step(1, 10, 20, "a"), step(1, 20, 30, "b"), step(1, 10, 40, "d")},
		"":   {step(1, 10, 20, "a"), {User: 1, Before: 10, After: 10}},
	} {
		dir := t.TempDir()
		j, _ := opened(t, dir, Options{})
		for _, e := range entries {
			add(t, j, e)
		}
		_ = j.Close(false)
		_, log := opened(t, dir, Options{})
		if got := missing(log, 1, 10); got != want {
			t.Errorf("%v: %q, want %q", entries, got, want)
		}
	}
}

// A loss of power cuts a segment anywhere after what was on the disk, and may leave anything there.
func TestATornTailIsCutAtEveryByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, _ := opened(t, dir, Options{})
	ends := []int64{int64(headerSize)}
	var texts []string
	for i := range int64(5) {
		text := fmt.Sprint("step", i, ".")
		add(t, j, step(1, 10+i, 11+i, text))
		texts = append(texts, text)
		ends = append(ends, j.active.size)
	}
	_ = j.Close(false)
	name := segmentName(1)
	whole, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	whole = whole[:ends[len(ends)-1]]
	random := rand.New(rand.NewPCG(1, 2))
	for cut := range len(whole) + 1 {
		for _, garbage := range [][]byte{nil, make([]byte, 40), {byte(random.Int()), byte(random.Int()), 0, 0, 1, 2, 3, 4, 5, 6}} {
			dir := t.TempDir()
			if cut < headerSize && len(garbage) > 0 {
				continue // a header is on the disk before anything follows it
			}
			if err := os.WriteFile(filepath.Join(dir, name), append(bytes.Clone(whole[:cut]), garbage...), 0o600); err != nil {
				t.Fatal(err)
			}
			want, after := "", int64(10)
			for i, end := range ends[1:] {
				if int64(cut) >= end {
					want += texts[i]
					after++
				}
			}
			for range 2 { // the second time the tail is gone
				j, log := opened(t, dir, Options{})
				if got := missing(log, 1, 10); got != want {
					t.Fatalf("cut at %d: %q, want %q", cut, got, want)
				}
				if j.number > 1 || want != "" && j.number != 1 {
					t.Fatalf("cut at %d: segment %d", cut, j.number)
				}
				_ = j.Close(false)
			}
			// What comes next follows what is there.
			j, _ := opened(t, dir, Options{})
			add(t, j, step(1, after, after+1, "next"))
			_ = j.Close(false)
			if _, log := opened(t, dir, Options{}); missing(log, 1, 10) != want+"next" {
				t.Fatalf("cut at %d: %q then", cut, missing(log, 1, 10))
			}
		}
	}
}

// Damage that no loss of power causes is not taken for the end.
func TestDamage(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, first string){
		"in a segment that another follows": func(t *testing.T, first string) {
			b, err := os.ReadFile(first)
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)-1] ^= 1
			if err := os.WriteFile(first, b, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"a header": func(t *testing.T, first string) {
			b, err := os.ReadFile(first)
			if err != nil {
				t.Fatal(err)
			}
			b[len(magic)] ^= 1
			if err := os.WriteFile(first, b, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		dir := t.TempDir()
		hold := make(chan struct{})
		j, _ := opened(t, dir, Options{Size: 1, Settle: func(int64) error { <-hold; return errors.New("the test ends") }})
		add(t, j, step(1, 1, 2, "a"))
		add(t, j, step(1, 2, 3, "b"))
		first := filepath.Join(dir, segmentName(1))
		damage(t, first)
		close(hold)
		_ = j.Close(false)
		if _, _, err := Open(dir, Options{}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(first); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	newer := append([]byte("smredo2\n"), make([]byte, 100)...)
	if err := os.WriteFile(filepath.Join(dir, segmentName(1)), newer, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(dir, Options{}); !errors.Is(err, ErrNewer) {
		t.Errorf("of a newer program: %v", err)
	}
}

// Steps that come while one waits for the disk wait for it together.
func TestStepsWaitTogether(t *testing.T) {
	t.Parallel()
	const users = 50
	dir := t.TempDir()
	var syncs atomic.Int64
	entered, leave := make(chan struct{}), make(chan struct{})
	j, _ := opened(t, dir, Options{Sync: func(f *os.File) error {
		if syncs.Add(1) == 2 { // the first was the segment's own
			close(entered)
			<-leave
		}
		return f.Sync()
	}})
	var all sync.WaitGroup
	all.Go(func() { add(t, j, step(users, 1, 2, "first")) })
	<-entered
	for user := range int64(users) {
		all.Go(func() { add(t, j, step(user, 1, 2, "x")) })
	}
	together := func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.next != nil && len(j.next.users) == users
	}
	for !together() {
		runtime.Gosched()
	}
	close(leave)
	all.Wait()
	if n := syncs.Load(); n != 3 {
		t.Errorf("%d steps waited for the disk %d times", users+1, n-1)
	}
	_ = j.Close(false)
	if _, log := opened(t, dir, Options{}); len(log.Users) != users+1 {
		t.Errorf("%d users are known", len(log.Users))
	}
}

// A full segment is removed when its steps are in the files of their users, and these on the disk.
func TestFullSegmentsAreSettled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	settled := make(chan int64, 100)
	j, _ := opened(t, dir, Options{Size: 100, Settle: func(user int64) error { settled <- user; return nil }})
	late, err := j.Append(step(7, 1, 2, string(make([]byte, 200))))
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(5) {
		add(t, j, step(8, 1+i, 2+i, string(make([]byte, 100))))
	}
	if j.Room() {
		t.Error("the journal grows without bound")
	}
	if len(settled) > 0 {
		t.Errorf("user %d was settled before its file had the step", <-settled)
	}
	late.Done()
	if user := <-settled; user != 7 {
		t.Errorf("user %d was settled", user)
	}
	j.Settled()
	add(t, j, step(8, 6, 7, "x"))
	j.Settled()
	if !j.Room() {
		t.Error("there is no room")
	}
	if err := j.Close(true); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*"+suffix)); len(left) != 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
}

// What the journal has of a user goes when that is asked for, whoever else it has.
func TestAUserIsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var settled atomic.Int64
	j, _ := opened(t, dir, Options{Settle: func(int64) error { settled.Add(1); return nil }})
	if err := j.Remove(1); err != nil {
		t.Error(err)
	}
	add(t, j, step(1, 1, 2, "a"))
	add(t, j, step(2, 1, 2, "b"))
	if err := j.Remove(3); err != nil || settled.Load() != 0 {
		t.Errorf("settled %d for a user who is not there, %v", settled.Load(), err)
	}
	if err := j.Remove(1); err != nil {
		t.Error(err)
	}
	if log := mustRead(t, dir); len(log.Users) != 0 || settled.Load() != 2 {
		t.Errorf("left %v, settled %d", log.Users, settled.Load())
	}
	add(t, j, step(2, 2, 3, "c"))
	if got := missing(mustRead(t, dir), 2, 2); got != "c" {
		t.Errorf("then %q", got)
	}
}

// A failed wait for the disk says nothing about what is there, and a second one may succeed whatever is.
func TestAfterAFailureNothingIsTaken(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is broken")
	for name, fails := range map[string]string{"a segment's name": "new", "an entry": "entry", "a file": "settle"} {
		dir := t.TempDir()
		var failing atomic.Value
		failing.Store("")
		j, _ := opened(t, dir, Options{
			Size: 50,
			Sync: func(f *os.File) error {
				if failing.Load() != "" && failing.Load() != "settle" {
					return broken
				}
				return f.Sync()
			},
			Settle: func(int64) error {
				if failing.Load() == "settle" {
					return broken
				}
				return nil
			},
		})
		if fails != "new" {
			add(t, j, step(1, 1, 2, "taken"))
		}
		failing.Store(fails)
		if fails == "settle" {
			add(t, j, step(1, 2, 3, string(make([]byte, 100))))
			add(t, j, step(1, 3, 4, "another segment"))
			j.Settled()
		} else if _, err := j.Append(step(1, 2, 3, "refused")); !errors.Is(err, ErrFailed) || !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
		failing.Store("")
		if _, err := j.Append(step(1, 2, 3, "refused")); !errors.Is(err, ErrFailed) || !errors.Is(j.Err(), broken) {
			t.Errorf("%s, then: %v, %v", name, err, j.Err())
		}
		if err := j.Close(true); fails == "settle" && len(mustRead(t, dir).Missing(1, 1)) != 3 {
			t.Errorf("the journal was removed: %v", err)
		}
		if fails == "entry" && len(mustRead(t, dir).Missing(1, 1)) == 0 {
			t.Error("what was taken is gone")
		}
	}
}

func mustRead(t *testing.T, dir string) *Log {
	t.Helper()
	log, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// On a full disk nothing is taken, and nothing of it is left; then it goes on.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, _ := opened(t, dir, Options{})
	add(t, j, step(1, 1, 2, "a"))
	size := j.active.size
	j.writeAt = func(f *os.File, b []byte, at int64) (int, error) {
		n, err := f.WriteAt(b[:len(b)-1], at)
		return n, errors.Join(err, syscall.ENOSPC)
	}
	if _, err := j.Append(step(1, 2, 3, "no room")); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, ErrFailed) {
		t.Errorf("%v", err)
	}
	if info, err := j.active.file.Stat(); err != nil || info.Size() != size {
		t.Errorf("%d bytes are left of %d, %v", info.Size(), size, err)
	}
	j.writeAt = (*os.File).WriteAt
	add(t, j, step(1, 2, 3, "b"))
	_ = j.Close(false)
	if _, log := opened(t, dir, Options{}); missing(log, 1, 1) != "ab" {
		t.Errorf("%q", missing(log, 1, 1))
	}
}

func TestOneProcessAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, _ := opened(t, dir, Options{})
	add(t, j, step(1, 1, 2, "a"))
	if _, _, err := Open(dir, Options{}); err == nil {
		t.Error("it was opened twice")
	}
	if _, err := Read(dir); err != nil { // a backup
		t.Error(err)
	}
}

// Whatever is in a segment, it is read without a panic, and what was read is what was written.
func FuzzDecode(f *testing.F) {
	_, some := Segment([]Entry{step(1, 2, 3, "x"), {User: 1 << 40, Before: 3, After: 3}})
	f.Add(some)
	f.Add(some[:len(some)-1])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		var got []Entry
		n := decode(b, func(e Entry) { got = append(got, e) })
		if n > len(b) || n == 0 && len(got) > 0 {
			t.Fatalf("%d of %d bytes, %v", n, len(b), got)
		}
		_, again := Segment(got)
		var same []Entry
		decode(again, func(e Entry) { same = append(same, e) })
		if !reflect.DeepEqual(got, same) {
			t.Errorf("%v, then %v", got, same)
		}
	})
}
