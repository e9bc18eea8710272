package interop_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/chromium"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/long"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestTwoChromiums shares a profile of ours between two browsers; the one that has the agent in it
// ends first.
func TestTwoChromiums(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	one := newChromium(t, w)
	one.do(t, `await chrome.bookmarks.create({ parentId: bar, title: "one's", url: "https://one.example/" })`)
	one.ask(t, "exchange")
	one.agree()
	two := one.commandLine.chromium(t)
	two.do(t, `await chrome.bookmarks.create({ parentId: bar, title: "two's", url: "https://two.example/" })`)
	two.ask(t, "exchange")
	two.agree()
	one.wants(t, "two's one's")
	two.wants(t, "two's one's")
	one.do(t, `await chrome.bookmarks.move(await find("one's"), { index: 0 })`)
	two.wants(t, "one's two's")
	one.Stop()
	two.page.Wait(`document.getElementById("state").textContent.startsWith("Connected")`)
	two.do(t, `await chrome.bookmarks.create({ parentId: bar, title: "later", url: "https://later.example/" })`)
	chromium.Until(t, "the second browser to go on by itself", func() bool {
		return strings.Contains(chromium.Eval[string](two.page, `return JSON.stringify(await chrome.runtime.sendMessage({ do: "exchange" }))`), `"done"`)
	})
	one.start(t)
	one.wants(t, "one's two's later")
}

// TestAFullChromium merges 1,000 bookmarks, and 10,000 with -long, in folders of which half are on both sides.
// Then it deletes them all, which waits for the user.
func TestAFullChromium(t *testing.T) {
	t.Parallel()
	folders := long.Of(10, 100)
	w := testenv.Listen(t)
	c := newCommandLine(t)
	w.SignIn(ann)
	var out json.RawMessage
	c.run(&out, testenv.Password, "login", "--server", w.URL, "--email", ann, "--password-stdin")
	var html strings.Builder
	html.WriteString("<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n<DT><H3 PERSONAL_TOOLBAR_FOLDER=\"true\">Bar</H3>\n<DL><p>\n")
	for folder := range folders {
		fmt.Fprintf(&html, "<DT><H3>F%d</H3>\n<DL><p>\n", folder)
		for i := range 99 {
			fmt.Fprintf(&html, "<DT><A HREF=\"https://f%d.example/%d\">b%d</A>\n", folder, i, i)
		}
		html.WriteString("</DL><p>\n")
	}
	html.WriteString("</DL><p>\n</DL><p>\n")
	file := filepath.Join(t.TempDir(), "bookmarks.html")
	check(t, os.WriteFile(file, []byte(html.String()), 0o600))
	c.run(&out, "", "bookmarks", "import", file)
	d := c.chromium(t)
	d.do(t, `const [folders] = args; for (let f = folders / 2; f < folders + 1; f++) {
		const folder = await chrome.bookmarks.create({ parentId: bar, title: "F" + f });
		for (let i = 0; i < 99; i++) await chrome.bookmarks.create({ parentId: folder.id, title: "b" + i, url: "https://f" + f + ".example/" + i });
	}`, folders)
	began := time.Now()
	d.ask(t, "exchange")
	d.agree()
	count := func() int {
		return chromium.Eval[int](d.page, `const all = n => 1 + (n.children ?? []).reduce((sum, c) => sum + all(c), 0); return all((await chrome.bookmarks.getTree())[0])`)
	}
	want := 1 + 2 + (folders+1)*100
	chromium.Until(t, "all bookmarks to be in Chromium", func() bool { return count() == want })
	t.Logf("merging took %v", time.Since(began))
	began = time.Now()
	d.ask(t, "exchange")
	t.Logf("an exchange without a change takes %v", time.Since(began))
	d.do(t, `for (const f of await chrome.bookmarks.getChildren(bar)) await chrome.bookmarks.removeTree(f.id)`)
	d.page.Wait(`!document.getElementById("restore").hidden`)
	save(t, d.page, "chromium-held")
	chromium.Eval[any](d.page, `document.getElementById("restore").click(); return null`)
	chromium.Until(t, "all bookmarks to be back", func() bool { return count() == want })
}

// TestChromiumsTabs shows a Chromium's tabs in Firefox, and sends pages both ways.
func TestChromiumsTabs(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	ff := firefox(t, w)
	check(t, ff.SetDeviceName(t.Context(), "Ann's Firefox"))
	check(t, ff.OpenTab(t.Context(), w.URL+"/__version__"))
	syncFirefox(t, ff)
	d := newChromium(t, w)
	var id string
	chromium.Until(t, "Firefox to see this device", func() bool {
		devices, err := ff.Devices(t.Context())
		check(t, err)
		for _, d := range devices {
			if !d.Current {
				id = d.ID
			}
		}
		return id != ""
	})
	for _, url := range []string{"https://example.org/<b>?a=1&b=2", "javascript:alert(1)"} {
		check(t, ff.SendTab(t.Context(), id, firefoxsync.Tab{URL: url, Title: "<b>From Firefox</b>"}))
	}
	chromium.Until(t, "the page to be shown", func() bool {
		d.sync(t)
		return chromium.Eval[int](d.page, `return Object.keys(await chrome.notifications.getAll()).length`) == 1
	})
	got := chromium.Eval[string](d.page, `return Object.entries(await chrome.storage.session.get()).filter(([k]) => k.startsWith("page-")).map(([, v]) => v).join(" ")`)
	if got != "https://example.org/<b>?a=1&b=2" {
		t.Errorf("the notification leads to %q", got)
	}

	shown := w.URL + "/__version__?in=Chromium"
	chromium.Eval[any](d.page, `await chrome.tabs.create({ url: "`+shown+`", active: false }); return null`)
	chromium.Until(t, "Firefox to show Chromium's tab", func() bool {
		d.sync(t)
		syncFirefox(t, ff)
		remote, err := ff.RemoteTabs(t.Context())
		check(t, err)
		return len(remote) == 1 && slices.ContainsFunc(remote[0].Tabs, func(tab firefoxsync.RemoteTab) bool { return tab.URL == shown })
	})
	popup := d.ExtensionPage("popup.html")
	popup.Wait(`document.getElementById("tabs").textContent.includes("Ann's Firefox: 1 tab")`)
	save(t, popup, "chromium-popup-tabs")

	sent := w.URL + "/__version__?to=Firefox"
	chromium.Eval[any](d.page, `const { ok } = await chrome.runtime.sendMessage({ do: "others" });
		const a = await chrome.runtime.sendMessage({ do: "send", device: ok.devices[0].id, url: "`+sent+`", title: "Sent" });
		if (a.error) throw new Error(a.error); return null`)
	check(t, ff.ReceiveTab(t.Context(), sent))
}

// TestChromiumsHistory passes visits both ways once the user turned that on; the permission, for which
// a browser asks its user, is in the manifest here.
func TestChromiumsHistory(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	ff := firefox(t, w)
	d := newChromium(t, w)
	manifest := filepath.Join(d.Extension, "manifest.json")
	b, err := os.ReadFile(manifest)
	check(t, err)
	b = []byte(strings.Replace(strings.Replace(string(b), `"alarms"]`, `"alarms", "history"]`, 1), `"optional_permissions": ["history"]`, `"optional_permissions": []`, 1))
	check(t, os.WriteFile(manifest, b, 0o600))
	d.Load()
	d.page = d.ExtensionPage("page.html")
	d.page.Wait(`document.getElementById("state").textContent.startsWith("Connected")`)
	visit := func(name string) {
		chromium.Eval[any](d.page, `const tab = await chrome.tabs.create({ url: "`+w.URL+`/__version__?`+name+`", active: false }); return null`)
	}
	visits := func(name string) (n int) {
		pages, err := ff.History(t.Context())
		check(t, err)
		for _, p := range pages {
			if strings.HasSuffix(p.URL, name) {
				n += len(p.Visits)
			}
		}
		return n
	}
	visit("before")
	chromium.Until(t, "the visit to be in the browser", func() bool {
		return chromium.Eval[int](d.page, `return (await chrome.history.search({ text: "before" })).length`) == 1
	})
	chromium.Eval[any](d.page, `await chrome.runtime.sendMessage({ do: "history", on: true }); return null`)
	visit("after")
	chromium.Until(t, "Firefox to have the visit", func() bool {
		d.sync(t)
		syncFirefox(t, ff)
		return visits("after") == 1
	})
	if visits("before") != 0 {
		t.Error("a visit before history was turned on was synced")
	}
	check(t, ff.AddVisits(t.Context(), firefoxsync.Page{URL: "https://firefox.example/", Title: "Firefox", Visits: []firefoxsync.Visit{{Time: time.Now().UnixMicro(), Transition: 1}}}))
	syncFirefox(t, ff)
	chromium.Until(t, "Chromium to have Firefox's visit", func() bool {
		d.sync(t)
		return chromium.Eval[int](d.page, `return (await chrome.history.search({ text: "firefox.example" })).length`) == 1
	})
	for range 2 { // it does not come back
		d.sync(t)
		syncFirefox(t, ff)
	}
	if n := visits("firefox.example/"); n != 1 {
		t.Errorf("Firefox has its own visit %d times", n)
	}
}
