package firefoxsync

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// GUIDs of the folders that every Firefox has. Root holds the others, and the
// user puts nothing into it directly.
const (
	Root    = "root________"
	Menu    = "menu________"
	Toolbar = "toolbar_____"
	Unfiled = "unfiled_____"
	Mobile  = "mobile______"
)

// Kinds of Bookmark. A query is a PlainBookmark whose URL begins with "place:".
const (
	PlainBookmark = "bookmark"
	Folder        = "folder"
	Separator     = "separator"
)

// Last is the index behind a folder's last child.
const Last = -1

// Bookmark is an item of Firefox's bookmarks, with what is below it.
type Bookmark struct {
	// GUID is the item's ID in Firefox. Firefox gives one to a new item.
	GUID string `json:"guid"`
	// Kind is PlainBookmark, Folder or Separator.
	Kind string `json:"kind"`
	// Parent is the folder's GUID, and Index the place there, from 0.
	Parent string `json:"parentGuid"`
	Index  int    `json:"index"`
	Title  string `json:"title"`
	URL    string `json:"url,omitempty"`
	// Tags, sorted, and Keyword belong to the URL, and so to all its bookmarks.
	Tags    []string `json:"tags,omitempty"`
	Keyword string   `json:"keyword,omitempty"`
	// DateAdded and LastModified are milliseconds since 1970. Firefox sets them if
	// they are 0.
	DateAdded    int64 `json:"dateAdded,omitempty"`
	LastModified int64 `json:"lastModified,omitempty"`
	// Children are in the folder's order.
	Children []Bookmark `json:"children,omitempty"`
}

// bookmarkFunctions go between a Bookmark and the objects of Firefox's modules.
const bookmarkFunctions = `
const { PlacesUtils } = ChromeUtils.importESModule("resource://gre/modules/PlacesUtils.sys.mjs");
const { bookmarks } = PlacesUtils;
const kinds = { bookmark: bookmarks.TYPE_BOOKMARK, folder: bookmarks.TYPE_FOLDER, separator: bookmarks.TYPE_SEPARATOR };
const kindOf = type => Object.keys(kinds).find(name => kinds[name] == type);
const dates = b => ({
	...(b.dateAdded ? { dateAdded: new Date(b.dateAdded) } : {}),
	...(b.lastModified ? { lastModified: new Date(b.lastModified) } : {}),
});
const info = b => ({
	type: kinds[b.kind], ...dates(b), ...(b.guid ? { guid: b.guid } : {}),
	...(b.kind == "separator" ? {} : { title: b.title }), ...(b.kind == "bookmark" ? { url: b.url } : {}),
	...(b.kind == "folder" ? { children: (b.children ?? []).map(info) } : {}),
});
const setTags = (url, before, after) => {
	const uri = Services.io.newURI(url);
	const gone = before.filter(tag => !after.includes(tag)), more = after.filter(tag => !before.includes(tag));
	if (gone.length) PlacesUtils.tagging.untagURI(uri, gone);
	if (more.length) PlacesUtils.tagging.tagURI(uri, more);
};
const setKeyword = async (url, before, after) => {
	if (before == after) return;
	if (before) await PlacesUtils.keywords.remove(before);
	if (after) await PlacesUtils.keywords.insert({ url, keyword: after });
};
const label = async b => {
	if (b.tags?.length) setTags(b.url, [], b.tags);
	if (b.keyword) await setKeyword(b.url, "", b.keyword);
	for (const child of b.children ?? []) await label(child);
};
`

// Bookmarks returns the whole tree, from Root. Tags are on the bookmarks, not in folders of
// their own.
func (ff *Firefox) Bookmarks(ctx context.Context) (Bookmark, error) {
	var root Bookmark
	if err := ff.run(ctx, &root, bookmarkFunctions+`
		const plain = (node, parentGuid) => ({
			guid: node.guid, kind: kindOf(node.typeCode), parentGuid, index: node.index ?? 0, title: node.title ?? "",
			dateAdded: Math.round(node.dateAdded / 1000), lastModified: Math.round(node.lastModified / 1000),
			...(node.uri ? { url: node.uri, tags: node.tags?.split(",").sort(), keyword: node.keyword } : {}),
			...(node.children ? { children: node.children.map(child => plain(child, node.guid)) } : {}),
		});
		return plain(await PlacesUtils.promiseBookmarksTree(bookmarks.rootGuid), "");`); err != nil {
		return Bookmark{}, fmt.Errorf("reading Firefox's bookmarks: %w", err)
	}
	return root, nil
}

// AddBookmark adds an item, with what is below it, at b.Index of b.Parent: Last is the end. It
// returns the item's GUID: b.GUID, or the one that Firefox made if that is "".
func (ff *Firefox) AddBookmark(ctx context.Context, b Bookmark) (guid string, err error) {
	err = ff.run(ctx, &guid, bookmarkFunctions+`
		const [b] = args;
		const { children, ...top } = info(b);
		const { guid } = await bookmarks.insert({ ...top, parentGuid: b.parentGuid, index: b.index });
		if (children?.length) {
			await bookmarks.insertTree({ guid, children });
		}
		await label(b);
		return guid;`, b)
	if err != nil {
		return "", fmt.Errorf("adding a bookmark to Firefox: %w", err)
	}
	return guid, nil
}

// errNoBookmark means that Bookmarks does not have a GUID.
var errNoBookmark = errors.New("there is no such bookmark")

// EditBookmark changes title, URL, tags and keyword of the item with that GUID; other fields
// are ignored. Firefox notes the time of the change by itself.
func (ff *Firefox) EditBookmark(ctx context.Context, guid string, edit func(*Bookmark)) error {
	root, err := ff.Bookmarks(ctx)
	if err == nil {
		err = errNoBookmark
	}
	if before := root.Find(guid); before != nil {
		after := *before
		edit(&after)
		err = ff.run(ctx, nil, bookmarkFunctions+`
			const [before, after] = args;
			const { title, url } = after;
			if (title != before.title || url != before.url) {
				await bookmarks.update({ guid: before.guid, title, ...(url ? { url } : {}) });
			}
			if (url) {
				const kept = url == before.url;
				setTags(url, kept ? before.tags ?? [] : [], after.tags ?? []);
				await setKeyword(url, kept ? before.keyword : "", after.keyword);
			}`, before, after)
	}
	if err != nil {
		return fmt.Errorf("editing the bookmark %s in Firefox: %w", guid, err)
	}
	return nil
}

// MoveBookmark puts the item at an index of a folder, or at its Last. Within one
// folder the index is counted without the item itself.
func (ff *Firefox) MoveBookmark(ctx context.Context, guid, folder string, index int) error {
	if err := ff.run(ctx, nil, bookmarkFunctions+`
		const [guid, parentGuid, index] = args;
		await bookmarks.update({ guid, parentGuid, index });`, guid, folder, index); err != nil {
		return fmt.Errorf("moving the bookmark %s in Firefox: %w", guid, err)
	}
	return nil
}

// OrderBookmarks puts the children of a folder in the order of their GUIDs.
func (ff *Firefox) OrderBookmarks(ctx context.Context, folder string, guids ...string) error {
	if err := ff.run(ctx, nil, bookmarkFunctions+`
		await bookmarks.reorder(args[0], args[1]);`, folder, guids); err != nil {
		return fmt.Errorf("ordering bookmarks in Firefox: %w", err)
	}
	return nil
}

// RemoveBookmarks deletes items, with what is below them.
func (ff *Firefox) RemoveBookmarks(ctx context.Context, guids ...string) error {
	if err := ff.run(ctx, nil, bookmarkFunctions+`
		for (const guid of args[0]) await bookmarks.remove(guid);`, guids); err != nil {
		return fmt.Errorf("removing the bookmarks %q from Firefox: %w", guids, err)
	}
	return nil
}

// AgeBookmarks makes the changes that Firefox's next sync will send look older by the given
// time. Firefox compares the ages of two edits, each by its side's clock, which it cuts to
// whole seconds: an edit that is less than two seconds newer than the other may look older. What
// is new was added earlier too: Firefox's maintenance corrects what was changed before it was added.
func (ff *Firefox) AgeBookmarks(ctx context.Context, by time.Duration) error {
	if err := ff.run(ctx, nil, bookmarkFunctions+`
		await PlacesUtils.withConnectionWrapper("age", db => db.execute(
			"UPDATE moz_bookmarks SET lastModified = MIN(lastModified, :now) - :by, " +
				"dateAdded = MIN(dateAdded, MIN(lastModified, :now) - :by) WHERE syncChangeCounter > 0",
			{ now: Date.now() * 1000, by: args[0] }));`,
		by.Microseconds()); err != nil {
		return fmt.Errorf("ageing Firefox's bookmarks: %w", err)
	}
	return nil
}

// Find returns the item with that GUID at or below b, or nil.
func (b *Bookmark) Find(guid string) *Bookmark {
	if b.GUID == guid {
		return b
	}
	for i := range b.Children {
		if found := b.Children[i].Find(guid); found != nil {
			return found
		}
	}
	return nil
}

// Maintain makes Firefox check and correct its bookmarks and history, as it does by itself once a week, when
// it was idle for minutes: it does not do so again in a test.
func (ff *Firefox) Maintain(ctx context.Context) error {
	if err := ff.run(ctx, nil, `
		const { PlacesDBUtils } = ChromeUtils.importESModule("resource://gre/modules/PlacesDBUtils.sys.mjs");
		await PlacesDBUtils.maintenanceOnIdle();
		if (!Services.prefs.getIntPref("places.database.lastMaintenance", 0)) {
			throw new Error("Firefox did not note its maintenance");
		}`); err != nil {
		return fmt.Errorf("maintaining Firefox's bookmarks: %w", err)
	}
	return nil
}

// CheckBookmarks makes Firefox merge all that it knows of the server's bookmarks again, in a
// sync of the bookmarks alone. For a valid tree there are no Problems then, and nothing to
// send.
func (ff *Firefox) CheckBookmarks(ctx context.Context) (EngineResult, error) {
	if err := ff.run(ctx, nil, `
		const mirror = await Weave.Service.engineManager.get("bookmarks")._store.ensureOpenMirror();
		await mirror.db.executeBeforeShutdown("check", db => db.execute("UPDATE items SET needsMerge = 1"));`); err != nil {
		return EngineResult{}, fmt.Errorf("checking Firefox's bookmarks: %w", err)
	}
	r, err := ff.Sync(ctx, "bookmarks")
	return r.Engines["bookmarks"], err
}
