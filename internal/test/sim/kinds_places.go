package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/placesfile"
	"github.com/syncmanager/syncmanager/engines/tabs"
)

// places is the file that bookmarks and history share.
type places struct{ file placesfile.File }

// open opens the file for the first of the two that asks.
func (s *places) open(ctx context.Context, p place) (file placesfile.File, err error) {
	if s.file == nil {
		s.file, err = placesfile.Open(ctx, placesfile.Config{Path: p.path, Now: p.now, Rand: p.rand})
	}
	return s.file, err
}

func (s *places) close() error {
	file := s.file
	if s.file = nil; file == nil {
		return nil
	}
	return file.Close()
}

type bookmarkStore struct{ e *bookmarks.Engine }

func openBookmarks(ctx context.Context, p place) (store, error) {
	file, err := p.places.open(ctx, p)
	if err != nil {
		return nil, err
	}
	e, err := bookmarks.New(ctx, file)
	return &bookmarkStore{e}, err
}

func (s *bookmarkStore) engine() engine.Engine { return s.e }
func (s *bookmarkStore) close() error          { return s.e.Close() }

func (s *bookmarkStore) show(ctx context.Context) (all []shown, err error) {
	top, err := s.e.Tree(ctx, bookmarks.Root)
	if err != nil {
		return nil, err
	}
	var walk func(n *bookmarks.Node, path string)
	walk = func(n *bookmarks.Node, path string) {
		path += "/" + string(n.ID)
		if !bookmarks.IsRoot(n.ID) {
			it := shown{
				item: -1, id: string(n.ID), under: string(n.Parent), path: path,
				text: fmt.Sprintf("%s %d %v %q %s %v %q added %d", path, n.Position, n.Kind, n.Title, n.URL, n.Tags, n.Keyword, n.Added.UnixMilli()),
			}
			if name, v, ok := strings.Cut(n.Title, " "); ok {
				it.item, it.fields = number(name, "b", ""), []int{written(v)}
				if n.Kind == bookmarks.Bookmark {
					it.fields = append(it.fields, written(n.URL[strings.LastIndex(n.URL, "/")+1:]))
					for _, tag := range n.Tags {
						it.tags = append(it.tags, written(tag))
					}
					if it.keyword = written(n.Keyword); it.keyword == 0 {
						it.shared = n.Keyword
					}
				}
			}
			all = append(all, it)
		}
		for _, c := range n.Children {
			walk(c, path)
		}
	}
	walk(top, "")
	return all, nil
}

// folders lists the folders that an item can be put into.
func (s *bookmarkStore) folders(ctx context.Context) ([]engine.ID, error) {
	list := []engine.ID{bookmarks.Unfiled, bookmarks.Menu, bookmarks.Toolbar}
	all, err := s.show(ctx)
	for _, it := range all {
		if len(it.fields) == 1 {
			list = append(list, engine.ID(it.id))
		}
	}
	return list, err
}

func (s *bookmarkStore) add(ctx context.Context, item, n int, step Step) error {
	folders, err := s.folders(ctx)
	if err != nil {
		return err
	}
	it := bookmarks.Item{
		Kind: bookmarks.Bookmark, Title: fmt.Sprintf("b%d %s", item, value(n)),
		URL: fmt.Sprintf("https://b%d.test/%s", item, value(n)), Parent: folders[step.Other%len(folders)],
	}
	if step.Field == 0 {
		it.Kind, it.URL = bookmarks.Folder, ""
	}
	at := bookmarks.End
	if step.Item%2 == 0 {
		at = 0
	}
	_, err = s.e.Insert(ctx, it, at)
	return err
}

// What an edit of a bookmark may be besides its fields.
const (
	tagField = 2 + iota
	ownKeywordField
	keywordField
	untagField
)

func sharedKeyword(n int) string { return fmt.Sprintf("k%d", n%2) }

func (s *bookmarkStore) edit(ctx context.Context, it shown, field, n int) error {
	title, url := fmt.Sprintf("b%d %s", it.item, value(n)), fmt.Sprintf("https://b%d.test/%s", it.item, value(n))
	c := bookmarks.Change{Title: &title}
	tags, keyword := make([]string, 0, len(it.tags)+1), value(n)
	for _, n := range it.tags {
		tags = append(tags, value(n))
	}
	switch field {
	case 1:
		c = bookmarks.Change{URL: &url}
	case tagField:
		tags = append(tags, value(n))
		c = bookmarks.Change{Tags: &tags}
	case ownKeywordField:
		c = bookmarks.Change{Keyword: &keyword}
	case keywordField:
		keyword = sharedKeyword(n)
		c = bookmarks.Change{Keyword: &keyword}
	case untagField:
		return s.e.Untag(ctx, engine.ID(it.id), tags[0])
	}
	_, err := s.e.UpdateFields(ctx, engine.ID(it.id), c)
	return err
}

func (s *bookmarkStore) remove(ctx context.Context, it shown) error {
	return s.e.Delete(ctx, engine.ID(it.id))
}

func (s *bookmarkStore) move(ctx context.Context, it shown, step Step) error {
	folders, err := s.folders(ctx)
	if err != nil {
		return err
	}
	to := folders[step.Other%len(folders)]
	path, err := s.e.Path(ctx, to)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(path, func(f bookmarks.Item) bool { return f.ID == engine.ID(it.id) }) {
		return nil
	}
	at := bookmarks.End
	if step.Field == 0 {
		at = 0
	}
	return s.e.Move(ctx, engine.ID(it.id), to, at)
}

type historyStore struct{ e *history.Engine }

func openHistory(ctx context.Context, p place) (store, error) {
	file, err := p.places.open(ctx, p)
	if err != nil {
		return nil, err
	}
	e, err := history.New(ctx, file)
	return &historyStore{e}, err
}

func (s *historyStore) engine() engine.Engine { return s.e }
func (s *historyStore) close() error          { return s.e.Close() }

// visited is when step n visits a page: steps are told apart by it.
func visited(n int) time.Time { return start.Add(-time.Hour*300 + time.Duration(n)*time.Second) }

// maxVisits keeps a page's visits below what a record holds.
const maxVisits = 15

func (s *historyStore) show(ctx context.Context) (all []shown, err error) {
	var ids []engine.ID
	for p, err := range s.e.List(ctx) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, p.ID)
	}
	for _, id := range ids {
		p, err := s.e.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		it := shown{item: number(p.URL, "https://h", ".test/"), id: string(p.ID), text: fmt.Sprintf("%s %s %q", p.ID, p.URL, p.Title)}
		for _, v := range p.Visits {
			it.fields = append(it.fields, int((v.At.Sub(start)+300*time.Hour)/time.Second))
			it.text += fmt.Sprintf(" %d:%d", v.At.UnixMicro(), v.Type)
		}
		all = append(all, it)
	}
	return all, nil
}

func (s *historyStore) add(ctx context.Context, item, n int, _ Step) error {
	_, err := s.e.AddVisit(ctx, fmt.Sprintf("https://h%d.test/", item), fmt.Sprintf("page %d", item), history.Visit{At: visited(n)})
	return err
}

func (s *historyStore) edit(ctx context.Context, it shown, _, n int) error {
	if len(it.fields) >= maxVisits {
		return errNothing
	}
	return s.add(ctx, it.item, n, Step{})
}

func (s *historyStore) remove(ctx context.Context, it shown) error {
	return s.e.Delete(ctx, engine.ID(it.id))
}

type tabStore struct{ e *tabs.Engine }

func openTabs(ctx context.Context, p place) (store, error) {
	e, err := tabs.Open(ctx, tabs.Config{Path: p.path, Now: p.now})
	return &tabStore{e}, err
}

func (s *tabStore) engine() engine.Engine { return s.e }
func (s *tabStore) close() error          { return s.e.Close() }

func (s *tabStore) show(context.Context) ([]shown, error) { return nil, nil }

func (s *tabStore) add(ctx context.Context, item, n int, _ Step) error {
	return s.e.SetTabs(ctx, []tabs.Tab{{Title: value(n), URLHistory: []string{fmt.Sprintf("https://t%d.test/%s", item, value(n))}, LastUsed: time.Unix(int64(n), 0)}})
}

func (s *tabStore) edit(ctx context.Context, it shown, _, n int) error {
	return s.add(ctx, it.item, n, Step{})
}

func (s *tabStore) remove(ctx context.Context, _ shown) error { return s.e.SetTabs(ctx, nil) }

// own and others are the tabs of this device and of the rest.
func (s *tabStore) own(ctx context.Context) (string, error) {
	all, err := engine.Collect(s.e.List(ctx))
	return fmt.Sprint(all), err
}

func (s *tabStore) others(ctx context.Context) (map[string]string, error) {
	list, err := engine.Collect(s.e.Others(ctx))
	all := map[string]string{}
	for _, d := range list {
		all[d.Device.Name] += fmt.Sprint(d.Tabs)
	}
	return all, err
}
