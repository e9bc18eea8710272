package exchange

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/syncmanager/syncmanager/internal/anydate"
	"github.com/syncmanager/syncmanager/internal/skips"
)

// A builder builds a tree from the items in the order in which a reader reads them, and
// keeps it within the bounds. The next item goes into the folder opened last.
type builder struct {
	tree  Tree
	skips Skips
	// latest is the latest date that is taken over.
	latest time.Time
	count  int
	guids  map[string]bool
	// left counts the parts that were left out of items that were taken over.
	left map[leftOut]*leftItems
	// open are the open folders, the outermost first.
	open []openFolder
	// ignored counts the entered folders that could not be opened. Their items go into
	// the innermost open folder.
	ignored int
}

type openFolder struct {
	items *[]*Item
	// depth counts the folders around the items, without the root.
	depth int
}

func newBuilder(now time.Time) *builder {
	b := &builder{latest: now.Add(24 * time.Hour), guids: make(map[string]bool), left: make(map[leftOut]*leftItems)}
	b.open = []openFolder{{items: &b.tree.Menu}}
	return b
}

// add puts an item into the open folder, and reports whether it could be taken over.
func (b *builder) add(it *Item) bool {
	switch {
	case !b.clean(it):
		return false
	case b.count >= MaxItems:
		b.skip(it, fmt.Sprintf("there are more than %d items", MaxItems))
		return false
	}
	b.count++
	list := b.top().items
	*list = append(*list, it)
	return true
}

func (b *builder) top() openFolder { return b.open[len(b.open)-1] }

// enter adds a folder and opens it. If the folder cannot be added, its items go into the
// one around it, and it must be left all the same.
func (b *builder) enter(it *Item) {
	depth := b.top().depth + 1
	if it.Kind = Folder; depth > MaxDepth {
		b.skip(it, fmt.Sprintf("it is nested in more than %d folders; what is in it was put into the folder around it", MaxDepth))
		b.ignored++
		return
	}
	if b.ignored > 0 || !b.add(it) {
		b.ignored++
		return
	}
	b.open = append(b.open, openFolder{&it.Children, depth})
}

// enterRoot opens a root, from any folder.
func (b *builder) enterRoot(r Root) {
	if b.ignored > 0 {
		b.ignored++
		return
	}
	b.open = append(b.open, openFolder{items: b.tree.Root(r)})
}

// leave closes the folder that was entered last.
func (b *builder) leave() {
	if b.ignored > 0 {
		b.ignored--
		return
	}
	b.open = b.open[:len(b.open)-1]
}

func (b *builder) skip(it *Item, reason string) {
	name := it.Title
	if strings.TrimSpace(name) == "" {
		name = it.URL
	}
	b.skips.Add(Skip{Line: it.Line, Item: skips.Shorten(name), Reason: reason})
}

// skipMany notes items that the reader did not read.
func (b *builder) skipMany(n int) {
	if n > 0 {
		b.skips.Add(Skip{Reason: fmt.Sprintf("there are more than %d items; %d were left out", MaxItems, n)})
		b.skips.Count += n - 1
	}
}

// clean makes an item fulfil what [Item] says of its fields, and reports whether it can
// be taken over.
func (b *builder) clean(it *Item) bool {
	var cut bool
	if it.Title, cut = text(it.Title, MaxTitle); cut && it.Kind != Separator {
		b.skip(it, fmt.Sprintf("its title was cut to %d characters", MaxTitle))
	}
	if !validGUID(it.GUID) || b.guids[it.GUID] {
		it.GUID = ""
	} else {
		b.guids[it.GUID] = true
	}
	it.Added, it.Modified = b.date(it.Added), b.date(it.Modified)
	if it.Modified.Before(it.Added) {
		it.Modified = time.Time{}
	}
	switch it.Kind {
	case Separator:
		it.Title = ""
		fallthrough
	case Folder:
		it.URL, it.Tags, it.Keyword, it.PostData = "", nil, "", ""
		return true
	}
	url, err := cleanURL(it.URL)
	if err != nil {
		b.skip(it, err.Error())
		return false
	}
	it.URL, it.Kind = url, Bookmark
	if strings.HasPrefix(url, "place:") {
		it.Kind = Query
	}
	it.Tags = b.tags(it)
	it.Keyword, cut = text(strings.ToLower(strings.TrimSpace(it.Keyword)), MaxTitle)
	if cut {
		b.skip(it, fmt.Sprintf("its keyword is longer than %d characters and was left out", MaxTitle))
		it.Keyword = ""
	}
	it.PostData, cut = text(it.PostData, MaxURL)
	if cut || it.Keyword == "" {
		it.PostData = ""
	}
	return true
}

func (b *builder) tags(it *Item) []string {
	var tags []string
	seen := make(map[string]bool, len(it.Tags))
	for _, given := range it.Tags {
		for tag := range strings.SplitSeq(given, ",") {
			tag, cut := text(strings.TrimSpace(tag), MaxTag)
			if cut {
				b.skip(it, fmt.Sprintf("its tag %q is longer than %d characters and was left out", skips.Shorten(tag), MaxTag))
				continue
			}
			// To Firefox, tags that differ only in case are the same.
			if key := strings.ToLower(tag); tag != "" && !seen[key] {
				seen[key] = true
				tags = append(tags, tag)
			}
		}
	}
	return tags
}

// earliest bounds dates: Firefox accepts only later ones.
var earliest = time.Date(1993, 1, 23, 0, 0, 0, 0, time.UTC)

func (b *builder) date(t time.Time) time.Time {
	if !t.After(earliest) || t.After(b.latest) {
		return time.Time{}
	}
	return t.UTC()
}

// parseDate parses a date of an item. An impossible one is reported, and the result is zero.
func (b *builder) parseDate(it *Item, text string) time.Time {
	t, ok := anydate.Parse(text)
	if ok && t.IsZero() {
		return t
	}
	if t = b.date(t); t.IsZero() {
		b.skip(it, fmt.Sprintf("its date %q makes no sense and was left out", skips.Shorten(text)))
	}
	return t
}

// leftOut names a part of items that is left out, in the plural.
type leftOut string

// The kinds, in the order in which they are reported.
const (
	descriptions leftOut = "descriptions"
	folderNames  leftOut = "nicknames of folders"
)

// leftItems counts the items of which something was left out.
type leftItems struct {
	count int
	line  int // of the first
}

// leaveOut notes that Firefox has no place for a part of an item.
func (b *builder) leaveOut(kind leftOut, it *Item) {
	of := b.left[kind]
	if of == nil {
		of = &leftItems{line: it.Line}
		b.left[kind] = of
	}
	of.count++
}

// describe notes a description, if there is one.
func (b *builder) describe(it *Item, text string) {
	if strings.TrimSpace(text) != "" {
		b.leaveOut(descriptions, it)
	}
}

// tellLeft adds what was left out of items to the notes.
func (b *builder) tellLeft() {
	for _, kind := range []leftOut{descriptions, folderNames} {
		of := b.left[kind]
		if of == nil {
			continue
		}
		note := fmt.Sprintf("%s were left out, since Firefox has no place for them: %d", kind, of.count)
		if of.line > 0 {
			note += fmt.Sprintf(", the first in line %d", of.line)
		}
		b.skips.Notes = append(b.skips.Notes, note)
	}
}

// text makes s valid UTF-8 without NULs, of at most limit UTF-16 code units, as
// Firefox counts.
func text(s string, limit int) (clean string, cut bool) {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "")
	if len(s) <= limit {
		return s, false
	}
	units := 0
	for i, r := range s {
		if units += utf16.RuneLen(r); units > limit {
			return s[:i], true
		}
	}
	return s, false
}

// cleanURL cleans a URL as every browser does first, and returns an error if no browser
// would open it.
func cleanURL(url string) (string, error) {
	if len(url) > MaxURL {
		return "", errLongURL
	}
	url = strings.TrimFunc(strings.ToValidUTF8(url, "\ufffd"), func(r rune) bool { return r <= ' ' })
	if strings.ContainsFunc(url, isControl) {
		url = withoutControls(url)
	}
	scheme, rest, ok := strings.Cut(url, ":")
	switch {
	case url == "":
		return "", errors.New("it has no URL")
	case !ok || !validScheme(scheme):
		return "", errors.New("its URL has no scheme, such as https:")
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "http", "https", "ftp":
		rest = strings.TrimLeft(rest, `/\`)
		if rest == "" || strings.ContainsAny(rest[:1], "?#:@") {
			return "", errors.New("its URL names no host")
		}
		rest = "//" + rest
	}
	if url = scheme + ":" + rest; len(url) > MaxURL {
		return "", errLongURL
	}
	return url, nil
}

var errLongURL = fmt.Errorf("its URL is longer than %d bytes", MaxURL)

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// withoutControls drops line ends and tabs and escapes all other control
// characters, as the URL standard has it.
func withoutControls(url string) string {
	var out strings.Builder
	for _, c := range []byte(url) {
		switch {
		case c == '\t' || c == '\r' || c == '\n':
		case isControl(rune(c)):
			fmt.Fprintf(&out, "%%%02X", c)
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

func validScheme(s string) bool {
	for i, c := range []byte(s) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(c))) {
			return false
		}
	}
	return s != ""
}

// rootGUIDs are Firefox's GUIDs of the roots.
var rootGUIDs = map[string]Root{
	"menu________": Menu, "toolbar_____": Toolbar, "unfiled_____": Unfiled, "mobile______": Mobile,
}

const (
	placesRootGUID = "root________"
	tagsRootGUID   = "tags________"
)

// validGUID reports whether s has the form of Firefox's GUIDs, and is not a root's.
func validGUID(s string) bool {
	if len(s) != 12 || rootGUIDs[s] != "" || s == placesRootGUID || s == tagsRootGUID {
		return false
	}
	for _, c := range []byte(s) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
