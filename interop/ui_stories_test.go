package interop_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/chromium"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// clicks clicks the element that a selector finds, as a script does.
func (d *desk) clicks(selector string) {
	d.t.Helper()
	d.Wait(fmt.Sprintf("document.querySelector(%q)", selector))
	chromium.Eval[bool](d.Page, fmt.Sprintf("document.querySelector(%q).click(); return true", selector))
}

// inOrder waits until the bookmarks that are shown have these titles.
func (d *desk) inOrder(titles string) {
	d.t.Helper()
	d.Wait(fmt.Sprintf(`document.readyState === "complete" && [...document.querySelectorAll("#found > .tree > li")].map(li => li.dataset.title).join(" ") === %q`, titles))
}

// TestThePageOfADevice uses the page as a person does.
func TestThePageOfADevice(t *testing.T) {
	t.Parallel()
	b := chromium.Start(t)
	t.Run("Bookmarks", func(t *testing.T) { storyDragging(t, b) })
	t.Run("Passwords", func(t *testing.T) { storyOnePassword(t, b) })
	t.Run("Import", func(t *testing.T) { storyDropAFile(t, b) })
	t.Run("Live", func(t *testing.T) { storyLive(t, b) })
	t.Run("WithoutScripts", func(t *testing.T) { storyWithoutScripts(t, b) })
	t.Run("Hostile", func(t *testing.T) { storyHostileBookmarks(t, b) })
	t.Run("TheFile", func(t *testing.T) { storyTheFile(t, b) })
	t.Run("OtherSites", func(t *testing.T) { storyOtherSites(t, b) })
}

func storyDragging(t *testing.T, b *chromium.Browser) {
	d := newDesk(t, testenv.New(t), "Laptop")
	ids := map[string]string{}
	for _, title := range []string{"a", "b", "c"} {
		ids[title] = d.call(t, "bookmarks.add", map[string]any{"title": title, "url": "https://example.org/" + title, "parent": "menu________"}, "id")
	}
	ids["F"] = d.call(t, "bookmarks.add", map[string]any{"title": "F", "parent": "menu________"}, "id")
	row := func(title string) string { return "#b-" + ids[title] + " > .line" }
	d.opens(t, b)
	d.Show(canvases["large, light"])
	d.goesTo("bookmarks?folder=menu________", "Bookmarks")
	d.inOrder("a b c F")
	d.Drag(row("a"), row("b")+" .url") // its lower half
	d.inOrder("b a c F")
	d.sees("Moved “a”.")
	d.Drag(row("c"), row("F"))
	d.sees("Moved “c”.")
	d.at("Bookmarks")
	d.inOrder("c") // in the folder, where it is now
	d.clicks(".notice button")
	d.inOrder("b a c F")
	d.sees("It is where it was.")

	// By the keyboard: the arrows with Alt, and the menu.
	chromium.Eval[bool](d.Page, fmt.Sprintf(`document.querySelector("#b-%s summary").focus(); return true`, ids["b"]))
	d.Press(chromium.Enter)
	d.Press(chromium.Tab) // Edit
	d.Press(chromium.Tab) // Move up
	d.Press(chromium.Tab)
	d.on("button", "Move down")
	d.Press(chromium.Enter)
	d.inOrder("a b c F")
	d.Wait(`document.activeElement.ariaLabel === "What to do with b"`)

	// A folder opens in its place, and stays open.
	d.clicks(fmt.Sprintf(`[data-open="%s"]`, ids["F"]))
	d.sees("Empty")
	d.Drag(row("a"), row("b")+" .url") // its lower half
	d.inOrder("b a c F")
	d.sees("Empty")

	// What is typed is searched for, and what is deleted comes back.
	chromium.Eval[bool](d.Page, `document.querySelector("[name=words]").focus(); return true`)
	d.Press("c")
	d.sees("1 bookmark with “c”")
	d.clicks(fmt.Sprintf(`#b-%s .danger`, ids["c"]))
	d.sees("Deleted “c”.")
	d.inOrder("b a F")
	d.clicks(".notice button")
	d.inOrder("b a c F")
	d.uncomplaining("dragging")
}

func storyOnePassword(t *testing.T, b *chromium.Browser) {
	d := newDesk(t, testenv.New(t), "Laptop")
	d.call(t, "passwords.add", map[string]any{"hostname": "https://example.org", "username": "ann", "password": "correct horse"}, "")
	d.opens(t, b)
	d.goesTo("passwords", "Passwords")
	d.clicks("#found a")
	d.at("https://example.org")
	d.looksWell("ui password hidden")
	d.clicks("form[action=password-show] button")
	d.sees("correct horse")
	if at := chromium.Eval[string](d.Page, `return location.search + document.querySelector("meta[http-equiv=refresh]").content`); !strings.HasPrefix(at, "30; url=password?id=") {
		t.Errorf("the page is at %s", at)
	}
	d.Press(chromium.Tab)
	chromium.Eval[bool](d.Page, `document.querySelector("[data-copy]").focus(); return true`)
	d.on("button", "Copy")
	d.uncomplaining("a password")
	chromium.Eval[bool](d.Page, `history.back(); return true`)
	d.Wait(`!document.querySelector("#secret") && document.readyState === "complete"`)
}

func storyDropAFile(t *testing.T, b *chromium.Browser) {
	d := newDesk(t, testenv.New(t), "Laptop")
	d.opens(t, b)
	d.goesTo("import", "Import")
	chromium.Eval[bool](d.Page, `
		const files = new DataTransfer();
		files.items.add(new File(["url,username,password\nhttps://example.org,ann,s3cret\nhttps://example.com,bob,x\n"], "logins.csv"));
		document.querySelector("[data-drop]").dispatchEvent(new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true}));
		return true`)
	d.sees("This is what the import would do")
	d.sees("logins.csv, as passwords")
	d.looksWell("ui import, looked at")
	d.clicks("form[action=import-apply] button")
	d.sees("2 passwords added, 0 here already.")
	d.goesTo("passwords", "Passwords")
	d.sees("https://example.com")
	d.uncomplaining("an import")
}

// storyLive: what a sync does is shown while the page is open.
func storyLive(t *testing.T, b *chromium.Browser) {
	w := testenv.New(t)
	d, phone := newDesk(t, w, "Laptop"), newDesk(t, w, "Phone")
	d.opens(t, b)
	d.at("Nothing was synced yet")
	d.call(t, "sync.run", nil, "")
	d.at("Everything is in sync")
	d.call(t, "bookmarks.add", map[string]any{"title": "a", "url": "https://example.org/"}, "")
	d.sees("for the next sync")
	d.clicks("#hero button")
	d.sees("Sent ")
	d.at("Everything is in sync")
	phone.call(t, "sync.run", nil, "")
	d.goesTo("devices", "Devices")
	d.call(t, "sync.run", nil, "")
	d.sees("Phone")
	d.uncomplaining("live")
}

func storyWithoutScripts(t *testing.T, b *chromium.Browser) {
	d := newDesk(t, testenv.New(t), "Laptop")
	for _, title := range []string{"a", "b"} {
		d.call(t, "bookmarks.add", map[string]any{"title": title, "url": "https://example.org/" + title, "parent": "menu________"}, "")
	}
	link, err := d.page.Link(t.Context())
	check(t, err)
	d.visitor = visitor{t, b.Page(t), ""}
	d.WithoutScripts()
	d.Show(screens["small, light"])
	address, token, _ := strings.Cut(link.URL(), "#")
	d.Open(address)
	chromium.Eval[bool](d.Page, `document.querySelector("[name=token]").focus(); return true`)
	d.Press(token + chromium.Enter)
	d.Wait(`location.pathname.startsWith("/s/") && document.readyState === "complete"`)
	d.root = chromium.Eval[string](d.Page, `return location.origin`)
	d.goesTo("bookmarks?folder=menu________", "Bookmarks")
	d.inOrder("a b")
	d.clicks("summary")
	d.clicks(`button[value=down]`)
	d.inOrder("b a")
	d.clicks(".notice button")
	d.inOrder("a b")
	d.goesTo("engines", "What to sync")
	d.clicks("[role=switch]")
	d.at("Stop syncing bookmarks?")
}

func storyHostileBookmarks(t *testing.T, b *chromium.Browser) {
	d := newDesk(t, testenv.New(t), "Laptop")
	long := strings.Repeat("verylongword", 30)
	for _, title := range []string{evil, long, "\u202eright to left", "مرحبا بالعالم", ""} {
		d.call(t, "bookmarks.add", map[string]any{"title": title, "url": "https://example.org/" + long, "parent": "menu________", "tags": []string{"tag " + title[:min(20, len(title)/2*2)]}}, "")
	}
	folder := d.call(t, "bookmarks.add", map[string]any{"title": evil, "parent": "menu________"}, "id")
	d.call(t, "bookmarks.add", map[string]any{"title": long, "parent": folder}, "id")
	d.call(t, "passwords.add", map[string]any{"hostname": "https://" + long[:60] + ".example.org", "username": evil, "password": evil}, "")
	d.call(t, "devices.rename", map[string]any{"name": evil}, "")
	d.call(t, "sync.run", nil, "")
	d.opens(t, b)
	for page, heading := range map[string]string{
		"": "Everything is in sync", "bookmarks?folder=menu________": "Bookmarks", "bookmarks?folder=" + folder: "Bookmarks", "bookmarks?words=script": "Bookmarks",
		"passwords": "Passwords", "devices": "Devices",
	} {
		d.goesTo(page, heading)
		d.harmless(page)
		d.looksWell("ui hostile " + page[:min(9, len(page))])
	}
	d.goesTo("bookmarks?folder=menu________", "Bookmarks")
	d.clicks(fmt.Sprintf(`[data-open="%s"]`, folder))
	d.Wait(`document.querySelector(".tree .tree li")`)
	d.harmless("an opened folder")
}

// storyTheFile: the link comes in a file that sends a form.
func storyTheFile(t *testing.T, b *chromium.Browser) {
	d := newDesk(t, testenv.New(t), "Laptop")
	link, err := d.page.Link(t.Context())
	check(t, err)
	address, token, _ := strings.Cut(link.URL(), "/open#")
	path := filepath.Join(t.TempDir(), "open.html")
	check(t, os.WriteFile(path, []byte(`<form method=post action="`+address+`/open"><input type=hidden name=token value="`+token+`"></form><script>document.forms[0].submit()</script>`), 0o600))
	d.visitor = visitor{t, b.Page(t), address}
	d.Open("file://" + path)
	d.at("Nothing was synced yet")
	d.uncomplaining("from a file")
}

// storyOtherSites: a page of another port of this machine gets neither the cookie nor an answer.
func storyOtherSites(t *testing.T, b *chromium.Browser) {
	d := newDesk(t, testenv.New(t), "Laptop")
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) > 0 {
			t.Errorf("%s comes with the cookies %v", r.URL, r.Cookies())
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<title>other</title><iframe></iframe>`))
	}))
	t.Cleanup(other.Close)
	d.opens(t, b)
	session := chromium.Eval[string](d.Page, `return document.body.dataset.session`)
	d.Open(other.URL)
	d.Wait(`document.title === "other"`)
	for what, script := range map[string]string{
		"reading":        `return fetch(%q, {credentials: "include"}).then(r => r.text(), () => "")`,
		"a frame":        `const f = document.querySelector("iframe"); f.src = %q; await new Promise(r => f.onload = r); try { return f.contentDocument?.body.textContent ?? "" } catch { return "" }`,
		"sending a form": `return fetch(%[1]q + "leave", {method: "POST", mode: "no-cors", credentials: "include", body: new URLSearchParams({csrf: "x"})}).then(r => r.text(), () => "")`,
	} {
		if got := chromium.Eval[string](d.Page, fmt.Sprintf(script, d.root+session)); strings.Contains(got, "Overview") {
			t.Errorf("%s from another port answers %s", what, got)
		}
	}
	d.Complaints()
	d.Open(d.root + session)
	d.at("Nothing was synced yet")
}
