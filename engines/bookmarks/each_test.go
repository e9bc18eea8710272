package bookmarks_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func TestEachYieldsWhatStaysOnceWhateverIsEdited(t *testing.T) {
	t.Parallel()
	e, err := bookmarks.Open(t.Context(), bookmarks.Config{Path: filepath.Join(t.TempDir(), "places.sqlite")})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	top := &bookmarks.Node{Item: bookmarks.Item{Title: "Folder"}}
	for i := range 600 {
		top.Children = append(top.Children, &bookmarks.Node{Item: bookmarks.Item{Title: "b", URL: fmt.Sprintf("https://example.com/%d", i)}})
	}
	if top, err = e.InsertTree(t.Context(), top, bookmarks.End); err != nil {
		t.Fatal(err)
	}
	seen := make(map[engine.ID]int)
	for it, err := range e.Each(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[it.ID]++; len(seen) == 100 {
			// What was yielded goes behind all the rest, and what was not to the front.
			for i, folder := range []engine.ID{bookmarks.Mobile, bookmarks.Menu} {
				if err := e.Move(t.Context(), top.Children[i*599].ID, folder, 0); err != nil {
					t.Fatal(err)
				}
			}
			if err := e.Delete(t.Context(), top.Children[300].ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, n := range top.Children {
		want := 1
		if n.ID == top.Children[300].ID {
			want = 0
		}
		if got := seen[n.ID]; got != want {
			t.Errorf("%s came %d times; want %d", n.URL, got, want)
		}
	}
	if len(seen) != 600 {
		t.Errorf("%d items came; want the folder and 599", len(seen))
	}
	err = e.Edit(t.Context(), func(tx *bookmarks.Tx) error {
		below, err := tx.Children(bookmarks.Menu)
		if len(below) != 1 || below[0].ID != top.Children[599].ID {
			t.Errorf("in the menu is %v", below)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
