package interop_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
)

func mark(title string) item {
	return item{Kind: firefoxsync.PlainBookmark, Title: title, URL: "https://" + strings.ToLower(strings.ReplaceAll(title, " ", "-")) + ".example/"}
}

func labelled(title, url, keyword string, tags ...string) item {
	return item{Kind: firefoxsync.PlainBookmark, Title: title, URL: url, Keyword: keyword, Tags: tags}
}

func folder(title string, children ...item) item {
	return item{Kind: firefoxsync.Folder, Title: title, Children: children}
}

var line = item{Kind: firefoxsync.Separator}

// outline is what a folder holds, on one line: titles, "-" for a separator, and
// what is in a folder in parentheses.
func outline(b *item) string {
	var parts []string
	for i := range b.Children {
		switch c := &b.Children[i]; c.Kind {
		case firefoxsync.Separator:
			parts = append(parts, "-")
		case firefoxsync.Folder:
			parts = append(parts, c.Title+"("+outline(c)+")")
		default:
			parts = append(parts, c.Title)
		}
	}
	return strings.Join(parts, " ")
}

// story is a sequence of changes in a folder that both sides have.
type story struct {
	name  string
	given []item
	// one and two make the changes, each on its side; who is one syncs first, and late has the
	// changes that two makes after that and before it syncs itself.
	one, two, late act
	// want is the folder's outline when both have synced, as Firefox makes it; ours,
	// if that is not "", what we make of it where the merge is ours.
	want, ours string
	// labels are what bookmarks have besides, by title, as Firefox makes them;
	// ourLabels, if not nil, what we make of them where the merge is ours.
	labels, ourLabels map[string]string
}

// scene is the folder and the sides of a story.
type scene struct {
	folder string
	guids  map[string]string
	// host is put before the hosts of bookmarks, so that each story has its own URLs: tags and
	// keywords belong to the URLs, not to the bookmarks.
	host string
}

// own gives an item, and the items below it, URLs that only this scene has.
func (s *scene) own(b item) item {
	b.URL = strings.Replace(b.URL, "https://", "https://"+s.host, 1)
	children := b.Children
	b.Children = nil
	for _, c := range children {
		b.Children = append(b.Children, s.own(c))
	}
	return b
}

// labels are the properties of a bookmark besides its title.
func (s *scene) labels(b *item) string {
	return strings.TrimSpace(fmt.Sprintf("%s %v %s", strings.Replace(b.URL, s.host, "", 1), b.Tags, b.Keyword))
}

// id returns the GUID of the item that had the title when the story began; "" is the folder of
// the story.
func (s *scene) id(title string) string {
	if title == "" {
		return s.folder
	}
	guid, ok := s.guids[title]
	if !ok {
		panic("the scene has no " + title)
	}
	return guid
}

// The steps of stories.
type act = func(t *testing.T, s *scene, me side)

func all(steps ...act) act {
	return func(t *testing.T, s *scene, me side) {
		t.Helper()
		for _, f := range steps {
			f(t, s, me)
		}
	}
}

func add(b item, into string, index int) act {
	return func(t *testing.T, s *scene, me side) {
		t.Helper()
		b.Parent, b.Index = s.id(into), index
		me.add(t, s.own(b))
	}
}

func edit(title string, f func(*item)) act {
	return func(t *testing.T, s *scene, me side) {
		t.Helper()
		me.edit(t, s.id(title), func(b *item) {
			url := b.URL
			if f(b); b.URL != url {
				*b = s.own(*b)
			}
		})
	}
}

func rename(title, to string) act { return edit(title, func(b *item) { b.Title = to }) }

func tag(title string, tags ...string) act { return edit(title, func(b *item) { b.Tags = tags }) }

func keyword(title, keyword string) act {
	return edit(title, func(b *item) { b.Keyword = keyword })
}

func move(title, into string, index int) act {
	return func(t *testing.T, s *scene, me side) {
		t.Helper()
		me.move(t, s.id(title), s.id(into), index)
	}
}

func order(in string, titles ...string) act {
	return func(t *testing.T, s *scene, me side) {
		t.Helper()
		var guids []string
		for _, title := range titles {
			guids = append(guids, s.id(title))
		}
		me.order(t, s.id(in), guids...)
	}
}

func remove(titles ...string) act {
	return func(t *testing.T, s *scene, me side) {
		t.Helper()
		for _, title := range titles {
			me.remove(t, s.id(title))
		}
	}
}

// many are five hundred bookmarks.
func many() (list []item, titles []string) {
	for i := range 500 {
		b := mark(fmt.Sprintf("B%d", i))
		list, titles = append(list, b), append(titles, b.Title)
	}
	return list, titles
}

// stories are those without conflicts.
func stories() []story {
	hundreds, titles := many()
	moved := slices.Concat(titles[499:], titles[:250], titles[251:499])
	return []story{
		{
			name: "create",
			one: all(
				add(mark("One"), "", last),
				add(folder("F", mark("Two"), line, folder("G", labelled("Thrée", "https://three.example/%C3%A9", ""), folder("Empty"))), "", last),
				add(line, "", 0),
				add(mark("Four"), "", 1),
				add(labelled("", "https://untitled.example/?a=b&c=%20#d", ""), "", last),
				add(labelled("Query", "place:tag=to%20read&sort=8", ""), "", last),
				add(labelled("Recent", "place:type=6&sort=14&maxResults=10", ""), "", last),
				add(labelled("Tagged", "https://tagged.example/", "tg", "to read", "ünï"), "", last),
			),
			want: "- Four One F(Two - G(Thrée Empty()))  Query Recent Tagged",
			labels: map[string]string{
				"":       "https://untitled.example/?a=b&c=%20#d []",
				"Query":  "place:tag=to%20read&sort=8 []",
				"Tagged": "https://tagged.example/ [to read ünï] tg",
			},
		},
		{
			name: "addresses as people write them",
			one: all(
				add(labelled("Host", "https://BÜCHER.Example:443", ""), "", last),
				add(labelled("Path", "https://path.example/ä b/./c/%2e%2E/\"<>^`{}|[]'%zz\\d", ""), "", last),
				add(labelled("Query", "https://query.example?q=ü '\"<>^`{}|[]\\%zz", ""), "", last),
				add(labelled("Fragment", "https://fragment.example/#ß '\"<>^`{}|[]\\#%zz", ""), "", last),
				add(labelled("Port", "https://ann:pw@port.example:80/..", ""), "", last),
			),
			want: "Host Path Query Fragment Port",
		},
		{
			name:  "edit",
			given: []item{mark("One"), labelled("Two", "https://two.example/x", "", "old"), folder("F", mark("Three")), labelled("Query", "place:tag=old", "")},
			one: all(
				rename("One", "Uno 🦊"), rename("F", "Ordner"),
				edit("Two", func(b *item) { b.URL, b.Tags = "https://zwei.example/y", []string{"new"} }),
				edit("Three", func(b *item) { b.Title, b.Tags, b.Keyword = "", []string{"a", "b"}, "drei" }),
				edit("Query", func(b *item) { b.URL = "place:tag=new" }),
			),
			want: "Uno 🦊 Two Ordner() Query",
			labels: map[string]string{
				"Two":   "https://zwei.example/y [new]",
				"":      "https://three.example/ [a b] drei",
				"Query": "place:tag=new []",
			},
		},
		{
			name:  "move",
			given: []item{mark("One"), mark("Two"), line, folder("F", mark("Three"), folder("G", mark("Four")))},
			one:   all(move("One", "G", 0), move("G", "", 0), move("F", "G", last), move("Three", "", last)),
			want:  "G(One Four F()) Two - Three",
		},
		{
			name:  "reorder",
			given: []item{mark("One"), mark("Two"), mark("Three"), folder("F"), mark("Four")},
			one:   order("", "Four", "F", "Two", "One", "Three"),
			want:  "Four F() Two One Three",
		},
		{
			name:  "delete",
			given: []item{mark("One"), line, folder("F", mark("Two"), folder("G", mark("Three"))), mark("Four"), labelled("Tagged", "https://gone.example/", "gone", "gone")},
			one:   remove("One", "F", "Tagged"),
			want:  "- Four",
		},
		{
			name:  "tags and keywords of a URL that two bookmarks have",
			given: []item{labelled("One", "https://shared.example/", "", "a"), folder("F", labelled("Two", "https://shared.example/", "")), mark("Three")},
			one:   all(tag("Two", "b", "c"), keyword("One", "sh"), tag("Three", "a")),
			want:  "One F(Two) Three",
			labels: map[string]string{
				"One": "https://shared.example/ [b c] sh", "Two": "https://shared.example/ [b c] sh", "Three": "https://three.example/ [a]",
			},
		},
		{
			name:   "tags and keyword taken away",
			given:  []item{labelled("One", "https://one.example/labelled", "k1", "a", "b"), labelled("Two", "https://two.example/labelled", "k2", "b")},
			one:    all(tag("One", "b"), keyword("One", ""), tag("Two")),
			want:   "One Two",
			labels: map[string]string{"One": "https://one.example/labelled [b]", "Two": "https://two.example/labelled [] k2"},
		},
		{
			name:   "a keyword goes over to another URL",
			given:  []item{labelled("One", "https://one.example/kw", "kw1"), mark("Two")},
			one:    all(keyword("One", ""), keyword("Two", "kw1")),
			want:   "One Two",
			labels: map[string]string{"One": "https://one.example/kw []", "Two": "https://two.example/ [] kw1"},
		},
		{
			name:  "a folder with 500 children",
			given: []item{folder("Hundreds", hundreds...)},
			one:   move("B499", "Hundreds", 0),
			two:   remove("B250"),
			want:  "Hundreds(" + strings.Join(moved, " ") + ")",
		},
	}
}

// conflicts are the stories in which both sides change the same thing.
func conflicts() []story {
	return []story{
		{
			name:  "both edit the same bookmark",
			given: []item{labelled("One", "https://one.example/both", "", "t")},
			one:   all(rename("One", "first"), tag("One", "first")),
			two:   all(rename("One", "second"), tag("One", "second")),
			want:  "first", labels: map[string]string{"first": "https://one.example/both [first]"},
			// Tags are merged as a set here; Firefox takes those of one side.
			ourLabels: map[string]string{"first": "https://one.example/both [first second]"},
		},
		{
			name:  "both rename the same folder, and one fills it",
			given: []item{folder("F", mark("One"))},
			one:   rename("F", "first"),
			two:   all(rename("F", "second"), add(mark("Two"), "F", last)),
			want:  "first(One Two)",
		},
		{
			name:  "one moves what the other deletes",
			given: []item{mark("One"), folder("F", mark("Two"))},
			one:   move("One", "F", 0),
			two:   remove("One"),
			want:  "F(One Two)",
		},
		{
			name:  "one deletes what the other moves",
			given: []item{mark("One"), folder("F", mark("Two"))},
			one:   remove("One"),
			two:   move("One", "F", 0),
			want:  "F(One Two)",
		},
		{
			name:  "one moves the folder that the other deletes",
			given: []item{folder("F", mark("One")), folder("G")},
			one:   move("F", "G", 0),
			two:   remove("F"),
			want:  "G()",
		},
		{
			name:  "one deletes the folder that the other moves",
			given: []item{folder("F", mark("One")), folder("G")},
			one:   remove("F"),
			two:   move("F", "G", 0),
			want:  "G()",
		},
		{
			name:  "one deletes a bookmark that the other edits",
			given: []item{mark("One"), mark("Two")},
			one:   remove("One"),
			two:   rename("One", "edited"),
			want:  "Two edited", ours: "edited Two",
		},
		{
			name:  "one edits a bookmark that the other deletes",
			given: []item{mark("One"), mark("Two")},
			one:   rename("One", "edited"),
			two:   remove("One"),
			want:  "Two edited", ours: "edited Two",
		},
		{
			name:  "one deletes a folder that the other fills",
			given: []item{folder("F", mark("One"), folder("G", mark("Two"))), mark("Three")},
			one:   remove("F"),
			two:   all(add(mark("Four"), "F", last), add(mark("Five"), "G", 0)),
			want:  "Three Five Four", ours: "Five Four Three",
		},
		{
			name:  "one fills a folder that the other deletes",
			given: []item{folder("F", mark("One"), folder("G", mark("Two"))), mark("Three")},
			one:   all(add(mark("Four"), "F", last), add(mark("Five"), "G", 0)),
			two:   remove("F"),
			want:  "Three Five Four", ours: "Five Four Three",
		},
		{
			name:  "both delete, each something around the other's",
			given: []item{folder("F", mark("One"), mark("Two")), mark("Three")},
			one:   remove("F"),
			two:   remove("One", "Three"),
			want:  "",
		},
		{
			name:  "both reorder one folder",
			given: []item{mark("One"), mark("Two"), mark("Three"), mark("Four")},
			one:   order("", "Four", "Three", "Two", "One"),
			two:   order("", "Two", "One", "Four", "Three"),
			want:  "Four Three Two One",
		},
		{
			name:  "one reorders what the other adds to and takes from",
			given: []item{mark("One"), mark("Two"), mark("Three")},
			one:   order("", "Three", "Two", "One"),
			two:   all(add(mark("Four"), "", 1), remove("Two"), add(line, "", last)),
			want:  "Three One Four -", ours: "Three - One Four",
		},
		{
			name:  "both add to one folder",
			given: []item{mark("One")},
			one:   all(add(mark("Two"), "", last), add(line, "", 0)),
			two:   all(add(mark("Three"), "", last), add(folder("F", mark("Four")), "", 0)),
			want:  "- One Two F(Four) Three", ours: "F(Four) - One Three Two",
		},
		{
			name:  "both add the same",
			given: []item{mark("One")},
			one:   all(add(mark("Same"), "", last), add(folder("F", mark("Two")), "", last)),
			two:   all(add(mark("Same"), "", last), add(folder("F", mark("Two"), mark("Three")), "", last)),
			want:  "One Same F(Two Three)",
		},
		{
			name:  "both move the same bookmark to different folders",
			given: []item{mark("One"), folder("F"), folder("G")},
			one:   move("One", "F", 0),
			two:   move("One", "G", 0),
			want:  "F(One) G()",
		},
		{
			name:  "two folders are moved into each other",
			given: []item{folder("F", mark("One")), folder("G", mark("Two"))},
			one:   move("F", "G", last),
			two:   move("G", "F", last),
			want:  "G(Two F(One))",
		},
		{
			name:  "one tags what the other renames",
			given: []item{mark("One")},
			one:   tag("One", "a"),
			two:   rename("One", "second"),
			want:  "One", ours: "second",
		},
		{
			name:  "both give the same keyword to different URLs",
			given: []item{labelled("One", "https://one.example/keyword", ""), labelled("Two", "https://two.example/keyword", "")},
			one:   keyword("One", "same"),
			two:   keyword("Two", "same"),
			want:  "One Two",
		},
		// This is the last, because the server's clock is ahead of Firefox's from then on.
		{
			name:  "both edit the same bookmark, and the one later that syncs later",
			given: []item{labelled("One", "https://one.example/later", "", "t")},
			one:   rename("One", "first"),
			late:  edit("One", func(b *item) { b.Title, b.URL = "second", "https://second.example/" }),
			want:  "second", labels: map[string]string{"second": "https://second.example/ [t]"},
		},
	}
}
