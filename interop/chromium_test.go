package interop_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/nativehost"
	"github.com/syncmanager/syncmanager/internal/nativehost/manifest"
	"github.com/syncmanager/syncmanager/internal/test/chromium"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// chromiumDevice is a Chromium with the extension, on a profile that is signed in to the account.
type chromiumDevice struct {
	*chromium.Installed
	*commandLine
	page *chromium.Page
}

// newChromium starts a Chromium on a profile of its own.
func newChromium(t *testing.T, w *testenv.Env) *chromiumDevice {
	t.Helper()
	c := newCommandLine(t)
	w.SignIn(ann) // makes the account
	var out json.RawMessage
	c.run(&out, testenv.Password, "login", "--server", w.URL, "--email", ann, "--password-stdin")
	return c.chromium(t)
}

// chromium starts a Chromium on the profile of the command.
func (c *commandLine) chromium(t *testing.T) *chromiumDevice {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "extension")
	var out json.RawMessage
	c.run(&out, "", "native-host", "extension", dir)
	d := &chromiumDevice{commandLine: c, Installed: chromium.Install(t, dir, nativehost.ExtensionID, manifest.Name, c.path, "SYNCMANAGER_PROFILE="+c.profile)}
	d.start(t)
	return d
}

func (d *chromiumDevice) start(t *testing.T) {
	t.Helper()
	d.Start()
	d.page = d.ExtensionPage("page.html")
	d.page.Wait(`document.getElementById("state").textContent.startsWith("Connected")`)
}

// agree agrees to the first merge on the extension's page.
func (d *chromiumDevice) agree() {
	d.page.Wait(`!document.getElementById("merge").hidden`)
	chromium.Eval[any](d.page, `document.getElementById("merge").click(); return null`)
	d.page.Wait(`document.getElementById("plan").hidden && document.getElementById("bookmarks").textContent.startsWith("In sync")`)
}

// do runs the body of a function in the extension, whose functions are as in its files.
func (d *chromiumDevice) do(t *testing.T, body string, args ...any) {
	t.Helper()
	b, err := json.Marshal(args)
	check(t, err)
	chromium.Eval[any](d.page, "const args = "+string(b)+`;
		const bar = (await chrome.bookmarks.getTree())[0].children.find(n => n.folderType === "bookmarks-bar" || n.id === "1").id;
		const find = async title => (await chrome.bookmarks.search({ title }))[0].id;`+body+"; return null")
}

// outline is what is on the bookmarks bar: "a b F(c d)".
func (d *chromiumDevice) outline() string {
	return chromium.Eval[string](d.page, `
		const line = n => n.children ? n.title + "(" + n.children.map(line).join(" ") + ")" : n.title;
		const bar = (await chrome.bookmarks.getTree())[0].children.find(n => n.folderType === "bookmarks-bar" || n.id === "1");
		return bar.children.map(line).join(" ")`)
}

// wants waits until the bar is as wanted.
func (d *chromiumDevice) wants(t *testing.T, want string) {
	t.Helper()
	var got string
	chromium.Until(t, fmt.Sprintf("the bar of Chromium to be %q", want), func() bool {
		if now := d.outline(); now != got {
			got = now
			t.Logf("Chromium has %q", got)
		}
		return got == want
	})
}

// sync brings the store to what Chromium has, and syncs it.
func (d *chromiumDevice) sync(t *testing.T) {
	t.Helper()
	d.ask(t, "exchange")
	var r struct{ Status string }
	for r.Status = "busy"; r.Status == "busy"; { // the agent syncs by itself, too
		b := d.ask(t, "sync")
		if err := json.Unmarshal(b, &r); err != nil || r.Status != "ok" && r.Status != "busy" {
			t.Fatalf("the sync ended with %s: %v", b, err)
		}
	}
}

// ask asks the extension as its pages do.
func (d *chromiumDevice) ask(t *testing.T, what string) json.RawMessage {
	t.Helper()
	var a struct {
		OK          json.RawMessage
		Error, Code string
	}
	text := chromium.Eval[string](d.page, `return JSON.stringify(await chrome.runtime.sendMessage({ do: "`+what+`" }))`)
	check(t, json.Unmarshal([]byte(text), &a))
	if a.Code == "busy" {
		return json.RawMessage(`{"status":"busy"}`)
	}
	if a.Error != "" {
		t.Fatalf("%s: %s (%s)", what, a.Error, a.Code)
	}
	return a.OK
}

// barOf is the toolbar of a Firefox, which has no separators.
func barOf(t *testing.T, ff *firefoxsync.Firefox) string {
	t.Helper()
	root, err := ff.Bookmarks(t.Context())
	check(t, err)
	var line func(b *firefoxsync.Bookmark) string
	line = func(b *firefoxsync.Bookmark) string {
		var parts []string
		for i := range b.Children {
			c := &b.Children[i]
			switch c.Kind {
			case firefoxsync.Folder:
				parts = append(parts, c.Title+"("+line(c)+")")
			case firefoxsync.Separator:
				parts = append(parts, "-")
			default:
				parts = append(parts, c.Title)
			}
		}
		return strings.Join(parts, " ")
	}
	return line(root.Find(firefoxsync.Toolbar))
}

// agree brings a Chromium and a Firefox to rest, and compares their bars.
func agreeOn(t *testing.T, d *chromiumDevice, ff *firefoxsync.Firefox, want string) {
	t.Helper()
	d.sync(t)
	syncFirefox(t, ff)
	d.sync(t)
	d.wants(t, strings.ReplaceAll(want, "- ", ""))
	if got := barOf(t, ff); got != want {
		t.Errorf("Firefox has %q, want %q", got, want)
	}
}

func addTo(t *testing.T, ff *firefoxsync.Firefox, parent string, index int, kind, title string) string {
	t.Helper()
	b := firefoxsync.Bookmark{Kind: kind, Parent: parent, Index: index, Title: title}
	if kind == firefoxsync.PlainBookmark {
		b.URL = "https://" + strings.ToLower(title) + ".example/"
	}
	guid, err := ff.AddBookmark(t.Context(), b)
	check(t, err)
	return guid
}

// TestChromium keeps a real Chromium and a real Firefox the same.
func TestChromium(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	ff := firefox(t, w)
	const bar, plain = firefoxsync.Toolbar, firefoxsync.PlainBookmark
	guids := map[string]string{}
	for _, title := range []string{"a", "b", "c"} {
		guids[title] = addTo(t, ff, bar, last, plain, title)
	}
	addTo(t, ff, bar, 1, firefoxsync.Separator, "")
	syncFirefox(t, ff)
	d := newChromium(t, w)
	d.do(t, `await chrome.bookmarks.create({ parentId: bar, title: "b", url: "https://b.example/" });
		await chrome.bookmarks.create({ parentId: bar, title: "mine", url: "https://mine.example/" })`)
	d.sync(t)
	picture(t, d, "chromium-preview")
	d.agree()

	t.Run("first contact", func(t *testing.T) { agreeOn(t, d, ff, "a - b mine c") })
	t.Run("create", func(t *testing.T) {
		d.do(t, `const f = await chrome.bookmarks.create({ parentId: bar, title: "F", index: 0 });
			await chrome.bookmarks.create({ parentId: f.id, title: "in F", url: "https://f.example/" })`)
		guids["d"] = addTo(t, ff, bar, last, plain, "d")
		agreeOn(t, d, ff, "F(in F) a - b mine c d")
	})
	t.Run("edit", func(t *testing.T) {
		d.do(t, `await chrome.bookmarks.update(await find("a"), { title: "A", url: "https://a.example/2" })`)
		check(t, ff.EditBookmark(t.Context(), guids["d"], func(b *firefoxsync.Bookmark) { b.Title = "D" }))
		agreeOn(t, d, ff, "F(in F) A - b mine c D")
	})
	t.Run("move", func(t *testing.T) {
		d.do(t, `await chrome.bookmarks.move(await find("mine"), { parentId: await find("F"), index: 0 })`)
		agreeOn(t, d, ff, "F(mine in F) A - b c D")
		check(t, ff.MoveBookmark(t.Context(), guids["c"], bar, 0))
		syncFirefox(t, ff)
		agreeOn(t, d, ff, "c F(mine in F) A - b D")
	})
	t.Run("reorder", func(t *testing.T) {
		d.do(t, `await chrome.bookmarks.move(await find("D"), { index: 0 }); await chrome.bookmarks.move(await find("mine"), { index: 2 })`)
		agreeOn(t, d, ff, "D c F(in F mine) A - b")
	})
	t.Run("delete", func(t *testing.T) {
		d.do(t, `await chrome.bookmarks.remove(await find("c"))`)
		check(t, ff.RemoveBookmarks(t.Context(), guids["d"]))
		agreeOn(t, d, ff, "F(in F mine) A - b")
	})
	t.Run("both at once", func(t *testing.T) {
		d.do(t, `await chrome.bookmarks.create({ parentId: bar, title: "x", url: "https://x.example/", index: 0 });
			await chrome.bookmarks.update(await find("b"), { title: "B" })`)
		addTo(t, ff, bar, last, plain, "y")
		check(t, ff.EditBookmark(t.Context(), guids["a"], func(b *firefoxsync.Bookmark) { b.Tags = []string{"tag"} }))
		agreeOn(t, d, ff, "x F(in F mine) A - B y")
		root, err := ff.Bookmarks(t.Context())
		check(t, err)
		if a := root.Find(guids["a"]); a == nil || len(a.Tags) != 1 || a.URL != "https://a.example/2" {
			t.Errorf("in Firefox, A is %+v", a)
		}
	})
	t.Run("the extension is updated", func(t *testing.T) {
		d.do(t, `await chrome.bookmarks.create({ parentId: bar, title: "before", url: "https://before.example/" })`)
		d.Load()
		d.page = d.ExtensionPage("page.html")
		d.page.Wait(`document.getElementById("state").textContent.startsWith("Connected")`)
		agreeOn(t, d, ff, "x F(in F mine) A - B y before")
		addTo(t, ff, bar, 0, plain, "after")
		syncFirefox(t, ff)
		agreeOn(t, d, ff, "after x F(in F mine) A - B y before")
	})
	t.Run("the browser is killed", func(t *testing.T) {
		addTo(t, ff, bar, 0, plain, "one")
		syncFirefox(t, ff)
		d.sync(t)
		d.wants(t, "one after x F(in F mine) A B y before")
		d.Kill() // before its bookmarks are on the disk
		addTo(t, ff, bar, 0, plain, "two")
		syncFirefox(t, ff)
		d.start(t)
		agreeOn(t, d, ff, "two one after x F(in F mine) A - B y before")
	})
	picture(t, d, "chromium-page")
	popup := d.ExtensionPage("popup.html")
	popup.Wait(`document.getElementById("state").textContent === "In sync."`)
	save(t, popup, "chromium-popup")
}

// pictures is the folder for pictures of the extension's pages, if it is given.
func picture(t *testing.T, d *chromiumDevice, name string) {
	t.Helper()
	d.page.Wait(`document.getElementById("state").textContent.startsWith("Connected")`)
	if name == "chromium-preview" {
		d.page.Wait(`!document.getElementById("merge").hidden`)
	}
	save(t, d.page, name)
}

func save(t *testing.T, p *chromium.Page, name string) {
	t.Helper()
	if *pictures == "" {
		return
	}
	for _, dark := range []bool{false, true} {
		p.Show(chromium.Screen{Width: 800, Height: 900, Dark: dark})
		suffix := map[bool]string{false: "-light.png", true: "-dark.png"}[dark]
		check(t, os.WriteFile(filepath.Join(*pictures, name+suffix), p.Picture(), 0o600))
	}
}
