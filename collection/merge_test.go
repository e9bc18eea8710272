package collection_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
)

// both has two devices change one record: a first, then b; and a sync first.
func both(t *testing.T, o collection.Options[note], start note, onA, onB func(*note)) *pair[note] {
	t.Helper()
	p := newPair(t, o)
	n := p.share(start)
	edit(t, p.a, n.ID, onA)
	edit(t, p.b, n.ID, onB)
	return p
}

func title(s string) func(*note) { return func(n *note) { n.Title = s } }
func text(s string) func(*note)  { return func(n *note) { n.Text = s } }

func TestFieldsOfTwoDevicesBothStand(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]collection.Rule{"the newer field": collection.NewerField, "both": collection.KeepBoth} {
		t.Run(name, func(t *testing.T) {
			p := both(t, collection.Options[note]{OnConflict: rule}, note{Title: "x", Text: "x"}, title("a"), text("b"))
			want(p, "a:b 0 { }")
		})
	}
}

func TestNewerFieldStands(t *testing.T) {
	t.Parallel()
	p := both(t, collection.Options[note]{}, note{Title: "x"}, func(n *note) { n.Title, n.Text = "a", "a" }, title("b"))
	want(p, "a:a 0 { }") // by the server's time a's record is the newer: it went up after b's edit
	p = both(t, collection.Options[note]{}, note{Title: "x"}, title("a"), title("b"))
	p.sync(p.a)
	edit(t, p.b, one(t, p.b), text("b")) // and now b's is
	want(p, "b:b 0 { }")
}

func one(t *testing.T, e *collection.Engine[note]) collection.ID {
	t.Helper()
	for n, err := range e.List(t.Context()) {
		check(t, err)
		return n.ID
	}
	t.Fatal("there is no record")
	return ""
}

func TestNewerRecordStandsWhole(t *testing.T) {
	t.Parallel()
	o := collection.Options[note]{OnConflict: collection.NewerRecord}
	p := both(t, o, note{Title: "x", Text: "x"}, title("a"), text("b"))
	want(p, "a:x 0 { }")
	for side, stands := range map[engine.Side]string{engine.PreferLocal: "x:b 0 { }", engine.PreferRemote: "a:x 0 { }"} {
		p = both(t, o, note{Title: "x", Text: "x"}, title("a"), text("b"))
		p.sync(p.a)
		_, err := p.cloud.sync(p.b, engine.Start{Prefer: side})
		check(t, err)
		want(p, stands)
	}
}

func TestKeepBoth(t *testing.T) {
	t.Parallel()
	p := both(t, collection.Options[note]{OnConflict: collection.KeepBoth}, note{Title: "x", Text: "x"}, title("a"), func(n *note) { n.Title, n.Text = "b", "b" })
	want(p, "a:x 0 { }", "b:b 0 { }")
}

func TestFieldsWithin(t *testing.T) {
	t.Parallel()
	p := both(t, collection.Options[note]{},
		note{Title: "x", By: author{"x", "x"}, Editor: &author{"x", "x"}, Labels: map[string]string{"x": "x", "y": "y"}},
		func(n *note) { n.By.Name, n.Editor.Name, n.Labels["x"] = "a", "a", "a" },
		func(n *note) { n.By.Mail, n.Editor.Mail = "b", "b"; delete(n.Labels, "y") })
	want(p, "x: 0 {a x} editor{a b} map[x:a]")
}

// A sum is what only an app can merge: by the common past.
func sum(base *note, local, remote, merged note) note {
	merged.Count = local.Count + remote.Count
	if base != nil {
		merged.Count -= base.Count
	}
	return merged
}

func TestMergeOfTheApp(t *testing.T) {
	t.Parallel()
	p := both(t, collection.Options[note]{Merge: sum}, note{Title: "x", Count: 10}, func(n *note) { n.Count += 5 }, func(n *note) { n.Count += 7 })
	want(p, "x: 22 { }")

	// Without a common past, where two records are about the same.
	p = newPair(t, collection.Options[note]{Merge: sum, Same: func(n note) string { return n.Title }})
	add(t, p.a, note{Title: "x", Count: 1})
	add(t, p.b, note{Title: "x", Count: 2})
	want(p, "x: 3 { }")
}

func TestMergeThatFailsKeepsBothAndIsTold(t *testing.T) {
	t.Parallel()
	secret := "a secret"
	for name, c := range map[string]struct {
		merge func(*note, note, note, note) note
		says  string
	}{
		"it panics":          {func(*note, note, note, note) note { panic(secret) }, "panicked with a string"},
		"it has a bug":       {func(b *note, l, _, _ note) note { l.Title = []string{}[len(l.Title)]; return l }, "index out of range"},
		"its outcome is bad": {func(*note, note, note, note) note { return note{} }, "it has no title"},
	} {
		t.Run(name, func(t *testing.T) {
			o := collection.Options[note]{Merge: c.merge, Valid: hasTitle}
			p := both(t, o, note{Title: "x"}, title("a"), title("b"))
			p.sync(p.a)
			m := p.sync(p.b)
			if m.Failed != 1 || m.NewFailed != 1 || len(m.Problems) != 1 || !strings.Contains(m.Problems[0].Err.Error(), c.says) {
				t.Errorf("the sync says %+v, want one problem with %q", m, c.says)
			}
			if strings.Contains(fmt.Sprint(m.Problems), secret) {
				t.Errorf("the sync tells what it panicked with: %v", m.Problems)
			}
			want(p, "a: 0 { }", "b: 0 { }")
		})
	}
}

func hasTitle(n note) error {
	if n.Title == "" {
		return errors.New("it has no title")
	}
	return nil
}

// Where both are the same by the app's word, there is no room for two.
func TestMergeThatFailsOnTheSame(t *testing.T) {
	t.Parallel()
	o := collection.Options[note]{
		Merge: func(*note, note, note, note) note { panic("always") },
		Same:  func(n note) string { return n.Title },
	}
	p := both(t, o, note{Title: "x"}, text("a"), func(n *note) { n.Count = 1 })
	want(p, "x:a 1 { }")
}

// Each change is valid, and the two together are not.
func TestWhatDoesNotGoTogetherIsKeptApart(t *testing.T) {
	t.Parallel()
	o := collection.Options[note]{Valid: func(n note) error {
		if n.Text != "" && n.Count > 0 {
			return errors.New("it has a text and a count")
		}
		return nil
	}}
	p := both(t, o, note{Title: "x"}, text("a"), func(n *note) { n.Count = 1 })
	want(p, "x: 1 { }", "x:a 0 { }")
}

func TestAnEditBeatsADeletion(t *testing.T) {
	t.Parallel()
	p := newPair(t, collection.Options[note]{})
	n := p.share(note{Title: "x"})
	gone := p.share(note{Title: "gone"})
	edit(t, p.a, n.ID, title("a"))
	check(t, p.b.Delete(t.Context(), n.ID))
	check(t, p.b.Delete(t.Context(), gone.ID))
	want(p, "a: 0 { }")
}

func TestSameThingOnTwoDevices(t *testing.T) {
	t.Parallel()
	p := newPair(t, collection.Options[note]{Same: func(n note) string { return n.Title }})
	add(t, p.a, note{Title: "x", Text: "a"})
	other := add(t, p.b, note{Title: "x", Count: 1})
	_, err := p.b.Add(t.Context(), note{Title: "x"})
	dupe, ok := errors.AsType[*engine.DuplicateError](err)
	if !ok || dupe.ID != other.ID || !errors.Is(err, engine.ErrDuplicate) {
		t.Errorf("a second one is refused with %v", err)
	}
	want(p, "x:a 1 { }")
	check(t, p.a.Edit(t.Context(), func(tx *collection.Tx[note]) error {
		n, err := tx.Same(note{Title: "x"})
		if err != nil || n.Text != "a" {
			t.Errorf("found %+v, %v", n, err)
		}
		_, err = tx.Same(note{Title: "y"})
		if !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("found what is not there: %v", err)
		}
		return nil
	}))
}

func TestNewerFormCanOnlyBeRead(t *testing.T) {
	t.Parallel()
	p := newPair(t, collection.Options[note]{})
	reads := collection.Options[note]{ReadOnly: func(n note) error {
		if n.Form > 1 {
			return errors.New("a newer version of the app wrote it")
		}
		return nil
	}}
	p.b = open(t, p.cloud, reads)
	n := p.share(note{Title: "x", Form: 1})
	edit(t, p.a, n.ID, func(n *note) { n.Form = 2 })
	edit(t, p.b, n.ID, title("b"))
	want(p, "b: 0 { }", "x: 0 { }") // it was changed here before that was known

	n, err := p.b.Get(t.Context(), n.ID)
	check(t, err)
	n.Title = "c"
	if _, err := p.b.Update(t.Context(), n); !errors.Is(err, engine.ErrReadOnly) || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("an edit of it gives %v", err)
	}
	check(t, p.b.Reset(t.Context(), engine.Association{}))
	want(p, "b: 0 { }", "x: 0 { }")
	check(t, p.b.Delete(t.Context(), n.ID))
	want(p, "b: 0 { }")
}

// The version before had a field that this one dropped, and the one after has a new
// one: neither is lost by an edit in between.
func TestVersionsOfAnAppShareACollection(t *testing.T) {
	t.Parallel()
	type before struct {
		ID    collection.ID `json:"id"`
		Title string        `json:"title"`
		Color string        `json:"color"`
		By    struct {
			Name  string `json:"name"`
			Phone string `json:"phone"`
		} `json:"by"`
	}
	p := newPair(t, collection.Options[before]{})
	old := before{Title: "x", Color: "red"}
	old.By.Name, old.By.Phone = "ann", "1"
	old = p.share(old)
	now := open(t, p.cloud, collection.Options[note]{Merge: sum})
	_, err := p.cloud.sync(now, engine.Start{})
	check(t, err)
	edit(t, now, old.ID, func(n *note) { n.Title, n.By.Name = "y", "bob" })
	edit(t, p.a, old.ID, func(n *before) { n.Color = "blue" })
	p.sync(p.a)
	_, err = p.cloud.sync(now, engine.Start{})
	check(t, err)
	p.sync(p.a, p.b)
	got, err := p.b.Get(t.Context(), old.ID)
	check(t, err)
	// What the one device changed stands beside the other's new colour, which it does not know.
	if got.Title != "y" || got.Color != "blue" || got.By.Phone != "1" {
		t.Errorf("the old version has %+v", got)
	}
	edit(t, now, old.ID, func(n *note) { n.Title, n.By.Name = "z", "bob" })
	_, err = p.cloud.sync(now, engine.Start{})
	check(t, err)
	p.sync(p.b)
	if got, err = p.b.Get(t.Context(), old.ID); err != nil || got.Title != "z" || got.Color != "blue" || got.By.Name != "bob" || got.By.Phone != "1" {
		t.Errorf("after an edit by the new version the old one has %+v, %v", got, err)
	}
}

func TestBadRecordsOfOthersStopNothing(t *testing.T) {
	t.Parallel()
	o := collection.Options[note]{
		Valid: func(n note) error {
			if n.Count == 99 {
				panic("secret")
			}
			return hasTitle(n)
		},
		Same: func(n note) string { return n.Title[:1] },
	}
	p := newPair(t, o)
	for id, payload := range map[collection.ID]string{
		"good": `{"id":"good","title":"x"}`, "wrong": `{"id":"wrong","title":12345678}`, "twice": `{"id":"twice","ID":"good","title":"y"}`,
		"none": `{"id":"none","title":""}`, "bug": `{"id":"bug","title":"bug","count":99}`, "nested": `{"id":"nested","title":"z","by":[]}`,
	} {
		p.records[id] = engine.Incoming{ID: id, Modified: p.at, Payload: []byte(payload)}
	}
	m := p.sync(p.a)
	var told []string
	for _, problem := range m.Problems {
		told = append(told, fmt.Sprint(problem.ID, ": ", problem.Err))
	}
	if m.Applied != 1 || !slices.Equal(told, []string{
		"bug: its check panicked with a string", "nested: its by is not what it should be", "none: it has no title",
		"twice: it has two fields for its id", "wrong: its title is not what it should be",
	}) {
		t.Errorf("%d were applied, and the others are told as %q", m.Applied, told)
	}
}

func TestAHoldAsksFirst(t *testing.T) {
	t.Parallel()
	p := newPair(t, collection.Options[note]{TooManyDeletions: func(deletions, total int) bool { return deletions > total/2 }})
	n := p.share(note{Title: "x"})
	check(t, p.a.Delete(t.Context(), n.ID))
	p.sync(p.a)
	_, err := p.cloud.sync(p.b, engine.Start{})
	if hold, ok := errors.AsType[*engine.TooManyDeletionsError](err); !ok || hold.Deletions != 1 {
		t.Fatalf("the sync gives %v, want to be asked", err)
	}
	_, err = p.cloud.sync(p.b, engine.Start{AcceptDeletions: true})
	check(t, err)
	want(p)
}

// The documented example, on two devices: no field that either changed is lost.
func TestTheExampleOfAMergeLosesNoField(t *testing.T) {
	t.Parallel()
	p := newPair(t, collection.Options[Task]{Merge: everyTag})
	task := p.share(Task{Title: "Fence", Tags: []string{"home"}})
	edit(t, p.a, task.ID, func(x *Task) { x.Title, x.Tags = "Paint the fence", []string{"home", "red"} })
	edit(t, p.b, task.ID, func(x *Task) {
		x.Done, x.Tags, x.Hours = true, []string{"garden", "home"}, map[string]int{"Monday": 2}
	})
	p.sync(p.a, p.b, p.a)
	want := Task{task.ID, "Paint the fence", true, []string{"garden", "home", "red"}, map[string]int{"Monday": 2}}
	for name, e := range map[string]*collection.Engine[Task]{"a": p.a, "b": p.b} {
		if got, err := e.Get(t.Context(), task.ID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s has %+v, %v; want %+v", name, got, err, want)
		}
	}
}
