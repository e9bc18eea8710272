package exchange

import (
	"context"
	"fmt"

	"github.com/syncmanager/syncmanager/internal/sqlitecopy"
)

// placesSchema says which tables and columns a places.sqlite has, which depends on the
// version of Firefox.
type placesSchema struct {
	// guids came with Firefox 4. roots is the table that names the roots; Firefox removed it
	// when all of them had fixed GUIDs.
	guids, roots bool
	// keywordPlaces and keywordIDs are the two ways in which a keyword refers to its page:
	// since Firefox 39, and before.
	keywordPlaces, keywordIDs bool
	// annotations is the table of values without a column of their own.
	annotations bool
}

func schemaOf(ctx context.Context, db *sqlitecopy.Copy) (s placesSchema, err error) {
	for _, c := range []struct {
		into    *bool
		table   string
		columns []string
	}{
		{&s.guids, "moz_bookmarks", []string{"guid"}},
		{&s.roots, "moz_bookmarks_roots", []string{"root_name", "folder_id"}},
		{&s.keywordPlaces, "moz_keywords", []string{"place_id", "post_data"}},
		{&s.keywordIDs, "moz_bookmarks", []string{"keyword_id"}},
		{&s.annotations, "moz_items_annos", []string{"item_id", "anno_attribute_id", "content"}},
	} {
		if *c.into, err = db.Has(ctx, c.table, c.columns...); err != nil {
			return s, err
		}
	}
	if s.annotations {
		s.annotations, err = db.Has(ctx, "moz_anno_attributes", "id", "name")
	}
	switch {
	case err != nil:
		return s, err
	case !s.guids && !s.roots:
		return s, fmt.Errorf("%w: the table moz_bookmarks has no column guid, and there is no table moz_bookmarks_roots", ErrSchema)
	case !s.keywordPlaces && !s.keywordIDs:
		return s, fmt.Errorf("%w: the table moz_keywords has no column place_id", ErrSchema)
	}
	return s, nil
}

// keywords returns the query for the keywords with their pages, their POST data, and
// whether the page is bookmarked.
func (s placesSchema) keywords() string {
	if !s.keywordPlaces {
		return sqlOldKeywords
	}
	return sqlKeywords
}

// The statements that read databases of old versions of Firefox.
const (
	sqlOldKeywords = `SELECT CAST(b.fk AS INTEGER), CAST(k.keyword AS TEXT), '', 1
		FROM moz_bookmarks b JOIN moz_keywords k ON k.id = b.keyword_id WHERE b.fk IS NOT NULL AND k.keyword IS NOT NULL
		ORDER BY b.id`
	sqlOldRoots       = `SELECT CAST(coalesce(folder_id, 0) AS INTEGER), CAST(coalesce(root_name, '') AS TEXT) FROM moz_bookmarks_roots LIMIT 100`
	sqlOldAnnotations = `SELECT CAST(coalesce(a.item_id, 0) AS INTEGER), n.name, CAST(coalesce(b.fk, 0) AS INTEGER),
			CASE WHEN length(CAST(a.content AS BLOB)) <= ?1 THEN CAST(a.content AS TEXT) ELSE '' END
		FROM moz_items_annos a JOIN moz_anno_attributes n ON n.id = a.anno_attribute_id JOIN moz_bookmarks b ON b.id = a.item_id
		WHERE n.name IN ('livemark/feedURI', 'bookmarkProperties/description', 'bookmarkProperties/POSTData', 'mobile/bookmarksRoot')
		LIMIT ?2`
)

// oldPlaces has what old versions of Firefox kept elsewhere. All maps but post are keyed
// by the ID of a bookmark or folder.
type oldPlaces struct {
	// guids are the GUIDs of the roots.
	guids                map[int64]string
	livemarks, described map[int64]bool
	// post is the POST data of keywords, by the ID of the page.
	post map[int64]string
}

// root returns the ID of the root with a GUID, or 0 if guids lacks it.
func (o *oldPlaces) root(guid string) int64 {
	for id, g := range o.guids {
		if g == guid {
			return id
		}
	}
	return 0
}

// oldRoots are the names of the roots in moz_bookmarks_roots.
var oldRoots = map[string]string{
	"places": placesRootGUID, "menu": "menu________", "toolbar": "toolbar_____", "tags": tagsRootGUID, "unfiled": "unfiled_____", "mobile": "mobile______",
}

func readOld(ctx context.Context, db *sqlitecopy.Copy, s placesSchema) (o oldPlaces, err error) {
	o = oldPlaces{guids: make(map[int64]string), livemarks: make(map[int64]bool), described: make(map[int64]bool), post: make(map[int64]string)}
	if s.roots {
		for rows, err := range db.Rows(ctx, sqlOldRoots) {
			var id int64
			var name string
			if err == nil {
				err = rows.Scan(&id, &name)
			}
			if err != nil {
				return o, err
			}
			if guid := oldRoots[name]; guid != "" && o.root(guid) == 0 {
				o.guids[id] = guid
			}
		}
	}
	if s.annotations {
		err = o.readAnnotations(ctx, db)
	}
	return o, err
}

func (o *oldPlaces) readAnnotations(ctx context.Context, db *sqlitecopy.Copy) error {
	for rows, err := range db.Rows(ctx, sqlOldAnnotations, MaxURL, MaxItems) {
		var id, place int64
		var name string
		var content *string
		if err == nil {
			err = rows.Scan(&id, &name, &place, &content)
		}
		if err != nil {
			return err
		}
		switch {
		case name == "livemark/feedURI":
			o.livemarks[id] = true
		case name == "mobile/bookmarksRoot" && o.root("mobile______") == 0:
			o.guids[id] = "mobile______"
		case content == nil || *content == "":
		case name == "bookmarkProperties/description":
			o.described[id] = true
		case name == "bookmarkProperties/POSTData" && place != 0:
			o.post[place] = *content
		}
	}
	return nil
}
