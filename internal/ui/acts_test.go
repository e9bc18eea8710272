package ui_test

import (
	"bytes"
	"encoding/json"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// call calls a verb, and returns its answer.
func (p *place) call(verb string, request map[string]any) map[string]any {
	p.t.Helper()
	if request == nil {
		request = map[string]any{}
	}
	raw, err := json.Marshal(request)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := p.service.Call(p.t.Context(), api.All, verb, raw)
	if err != nil {
		p.t.Fatalf("%s: %v", verb, err)
	}
	if raw, err = json.Marshal(answer.Value); err != nil {
		p.t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		p.t.Fatal(err)
	}
	return all
}

// titles are those of what is in a folder.
func (p *place) titles(folder string) string {
	p.t.Helper()
	var titles []string
	for _, b := range p.call("bookmarks.page", map[string]any{"folder": folder, "limit": 1000})["items"].([]any) {
		titles = append(titles, b.(map[string]any)["title"].(string))
	}
	return strings.Join(titles, " ")
}

func (p *place) add(folder, title string) (id, etag string) {
	p.t.Helper()
	request := map[string]any{"title": title, "parent": folder}
	if !strings.HasPrefix(title, "F") {
		request["url"] = "https://example.org/" + title
	}
	b := p.call("bookmarks.add", request)
	return b["id"].(string), b["etag"].(string)
}

const menu = "menu________"

// undo presses the button of the notice.
func (b *browser) undo(body string) (status int, after string) {
	b.t.Helper()
	found := regexp.MustCompile(`name="undo" value="([\w-]+)"`).FindStringSubmatch(body)
	if found == nil {
		b.t.Fatalf("there is nothing to undo in %s", body)
	}
	return b.post("undo", url.Values{"undo": {found[1]}})
}

func TestBookmarksAreMovedAndMovedBack(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testenv.New(t), "Laptop")
	b := p.open()
	id, etag := p.add(menu, "a")
	other, _ := p.add(menu, "b")
	p.add(menu, "c")
	folder, _ := p.add(menu, "F")
	move := func(values ...string) string {
		t.Helper()
		form := url.Values{"id": {id}, "etag": {p.call("bookmarks.get", map[string]any{"id": id})["etag"].(string)}}
		for i := 0; i < len(values); i += 2 {
			form.Set(values[i], values[i+1])
		}
		_, body := b.post("bookmark-move", form)
		return body
	}
	for _, c := range []struct{ values, want string }{
		{"to=down", "b a c F"}, {"to=up", "a b c F"}, {"to=up", "a b c F"}, {"to=after&other=" + other, "b a c F"}, {"to=before&other=" + other, "a b c F"},
	} {
		values, err := url.ParseQuery(c.values)
		if err != nil {
			t.Fatal(err)
		}
		move("to", values.Get("to"), "other", values.Get("other"))
		if got := p.titles(menu); got != c.want {
			t.Errorf("after %s: %s; want %s", c.values, got, c.want)
		}
	}
	body := move("to", "into", "folder", folder)
	if p.titles(menu) != "b c F" || p.titles(folder) != "a" {
		t.Errorf("into the folder: %s, %s", p.titles(menu), p.titles(folder))
	}
	b.has("the folder", body, "Moved “a”.", "b-"+id)
	b.undo(body)
	if p.titles(menu) != "a b c F" {
		t.Errorf("moved back: %s", p.titles(menu))
	}

	// What the page showed before is not overwritten, and a wrong place moves nothing.
	p.call("bookmarks.update", map[string]any{"id": id, "etag": p.call("bookmarks.get", map[string]any{"id": id})["etag"], "title": "A"})
	_, body = b.post("bookmark-move", url.Values{"id": {id}, "etag": {etag}, "to": {"down"}})
	b.has("a stale move", body, "Nothing was changed")
	for _, c := range []struct{ values, says string }{
		{"to=sideways", "Say where"}, {"to=into&folder=nothinghere1", "no such bookmark"}, {"to=into&folder=" + id, "folder"}, {"to=after&other=nothinghere1", "no such bookmark"},
	} {
		values, _ := url.ParseQuery(c.values)
		body := move("to", values.Get("to"), "folder", values.Get("folder"), "other", values.Get("other"))
		if !strings.Contains(strings.ToLower(body), strings.ToLower(c.says)) || !strings.Contains(body, `class="notice bad"`) {
			t.Errorf("%s: %s", c.values, body)
		}
	}
	if got := p.titles(menu); got != "A b c F" {
		t.Errorf("in the end: %s", got)
	}
}

func TestBookmarksAreDeletedAndComeBack(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testenv.New(t), "Laptop")
	b := p.open()
	p.add(menu, "a")
	folder, etag := p.add(menu, "F")
	inside, _ := p.add(folder, "b")
	deep, _ := p.add(folder, "FF")
	p.add(deep, "c")
	p.add(menu, "z")
	before := p.call("bookmarks.get", map[string]any{"id": inside})
	_, body := b.post("bookmark-delete", url.Values{"id": {folder}, "etag": {etag}})
	b.has("the folder", body, "Deleted “F” with 3 items in it.")
	if got := p.titles(menu); got != "a z" {
		t.Errorf("left are %s", got)
	}
	b.undo(body)
	if p.titles(menu) != "a F z" || p.titles(folder) != "b FF" || p.titles(deep) != "c" {
		t.Errorf("back are %s; %s; %s", p.titles(menu), p.titles(folder), p.titles(deep))
	}
	if after := p.call("bookmarks.get", map[string]any{"id": inside}); after["added"] != before["added"] || after["etag"] != before["etag"] {
		t.Errorf("it is %v; it was %v", after, before)
	}
	if _, body := b.undo(body); !strings.Contains(body, "cannot be undone any more") {
		t.Errorf("undone twice: %s", body)
	}
	_, body = b.post("bookmark-delete", url.Values{"id": {"menu________"}, "etag": {"x"}})
	b.has("the menu", body, `class="notice bad"`)
}

func TestBookmarksAreAddedAndEdited(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testenv.New(t), "Laptop")
	b := p.open()
	_, body := b.post("bookmark-add", url.Values{"folder": {menu}, "kind": {"bookmark"}, "title": {"Go"}, "url": {" https://go.dev/ "}, "tags": {"go, , work"}})
	b.has("added", body, "Added “Go”.", ">work<")
	_, body = b.post("bookmark-add", url.Values{"folder": {menu}, "kind": {"bookmark"}, "url": {"notaurl"}})
	b.has("a bad address", body, `class="notice bad"`, "Add a bookmark")
	_, body = b.post("bookmark-add", url.Values{"folder": {menu}, "kind": {"spaceship"}})
	b.has("a bad kind", body, `class="notice bad"`, "must be one of")
	b.post("bookmark-add", url.Values{"folder": {menu}, "kind": {"folder"}, "title": {"News"}})
	if got := p.titles(menu); got != "Go News" {
		t.Fatalf("added: %s", got)
	}
	item := p.call("bookmarks.page", map[string]any{"folder": menu})["items"].([]any)[0].(map[string]any)
	id, etag := item["id"].(string), item["etag"].(string)
	b.shows("bookmark?id="+id, `value="go, work"`)
	edit := url.Values{"id": {id}, "etag": {etag}, "title": {"Golang"}, "url": {"https://go.dev/doc/"}, "tags": {"docs"}, "keyword": {""}}
	_, body = b.post("bookmark-edit", edit)
	b.has("edited", body, "Saved “Golang”.", "https://go.dev/doc/", ">docs<")
	_, stale := b.post("bookmark-edit", edit)
	b.has("edited from a stale page", stale, "Nothing was changed")
	b.undo(body)
	if now := p.call("bookmarks.get", map[string]any{"id": id}); now["title"] != "Go" || now["etag"] != etag {
		t.Errorf("undone, it is %v; want %v", now, item)
	}
}

func TestALongFolderIsShownInParts(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testenv.New(t), "Laptop")
	items := []map[string]any{}
	for i := range 450 {
		items = append(items, map[string]any{"title": "item " + string(rune('0'+i/100)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10)), "url": "https://example.org/", "parent": menu})
	}
	p.call("bookmarks.restore", map[string]any{"items": items})
	b := p.open()
	body := b.shows("bookmarks?folder="+menu, "item 000", "item 199", "1 to 200 of 450", "from=200")
	if strings.Contains(body, "item 200") {
		t.Error("the first part has more than 200 items")
	}
	b.shows("bookmarks?folder="+menu+"&from=400", "item 400", "item 449", "401 to 450 of 450")
	for _, from := range []string{"9999", "-5", "x", "99999999999999999999"} {
		b.shows("bookmarks?folder=" + menu + "&from=" + from)
	}
	b.shows("bookmark-move?id="+p.call("bookmarks.page", map[string]any{"folder": menu})["items"].([]any)[0].(map[string]any)["id"].(string)+"&folder="+menu, "No folders in here")
}

func TestAPasswordIsShownOnceToWhoAsks(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testenv.New(t), "Laptop")
	b := p.open()
	id := p.call("passwords.add", map[string]any{"hostname": "https://example.org", "username": "ann", "password": `s3cret<&"`})["id"].(string)
	p.call("passwords.add", map[string]any{"hostname": "https://example.com", "username": "bob", "password": "other"})
	for _, page := range []string{"passwords", "passwords?words=ann", "password?id=" + id, ""} {
		if body := b.shows(page); strings.Contains(body, "s3cret") {
			t.Errorf("%s has the password", page)
		}
	}
	if body := b.shows("passwords?words=bob", "example.com"); strings.Contains(body, "example.org") {
		t.Error("the filter shows all")
	}
	status, body := b.post("password-show", url.Values{"id": {id}})
	b.has("the answer", html.UnescapeString(body), `s3cret<&"`, `content="30; url=password?id=`)
	if status != http.StatusOK || strings.Contains(body, "other") {
		t.Errorf("it answers %d: %s", status, body)
	}
	if status, body := b.send(http.MethodGet, b.base+"password-show?id="+id, nil, nil); status != http.StatusNotFound || strings.Contains(body, "s3cret") {
		t.Errorf("asked for with an address, it answers %d", status)
	}
	if status, body := b.post("password-show", url.Values{"id": {id}, "csrf": {"x"}}); status != http.StatusForbidden || strings.Contains(body, "s3cret") {
		t.Errorf("without the form's value, it answers %d", status)
	}
	if status, _ := b.post("password-show", url.Values{"id": {"nothing"}}); status != http.StatusNotFound {
		t.Errorf("one that is not there answers %d", status)
	}
}

// sendFile sends a form with a file.
func (b *browser) sendFile(name, content, kind string) string {
	b.t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for _, field := range [][2]string{{"csrf", b.csrf}, {"kind", kind}} {
		if err := m.WriteField(field[0], field[1]); err != nil {
			b.t.Fatal(err)
		}
	}
	part, err := m.CreateFormFile("file", name)
	if err != nil {
		b.t.Fatal(err)
	}
	_, _ = part.Write([]byte(content))
	_ = m.Close()
	_, answer := b.send(http.MethodPost, b.base+"import", nil, func(r *http.Request) {
		r.Header.Set("Content-Type", m.FormDataContentType())
		r.Body, r.ContentLength = http.NoBody, 0
		*r = *r.Clone(r.Context())
		r.Body, r.ContentLength = readCloser{&body}, int64(body.Len())
	})
	return answer
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

func TestAFileIsLookedAtBeforeItIsImported(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testenv.New(t), "Laptop")
	b := p.open()
	csv := "url,username,password\nhttps://example.org,ann,s3cret\nnot a url,bob,x\n"
	body := b.sendFile("logins.csv", csv, "")
	b.has("the look", body, "This is what the import would do", "logins.csv", "as passwords", "line 3")
	if strings.Contains(body, "s3cret") || len(p.call("passwords.log", nil)) == 0 {
		t.Error("the look shows a password")
	}
	b.shows("passwords", "No passwords yet")
	id := regexp.MustCompile(`name="id" value="([\w-]+)"`).FindStringSubmatch(body)[1]
	if _, body := b.post("import-apply", url.Values{"id": {"x"}}); !strings.Contains(body, "does not wait any more") {
		t.Error("another file was imported")
	}
	_, body = b.post("import-apply", url.Values{"id": {id}})
	b.has("the import", body, "1 password added, 0 here already, 1 left out.")
	b.shows("passwords", "example.org")
	if _, body := b.post("import-apply", url.Values{"id": {id}}); !strings.Contains(body, "does not wait any more") {
		t.Error("it was imported twice")
	}

	for name, c := range map[string]struct{ file, content, kind, says string }{
		"bookmarks":      {"b.html", "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p><DT><A HREF=\"https://go.dev/\">Go</A></DL>", "", "as bookmarks"},
		"an empty file":  {"x.csv", "", "", "Choose a file first"},
		"nonsense":       {"x.bin", "\x00\x01\xff\xfe", "", `class="notice bad"`},
		"the wrong kind": {"x.html", "<html>", "history", `class="notice bad"`},
		"a kind made up": {"b.csv", csv, "spaceship", `class="notice`},
		"a hostile name": {`../../<b>"x.csv`, csv, "passwords", "&lt;b&gt;"},
	} {
		if body := b.sendFile(c.file, c.content, c.kind); !strings.Contains(body, c.says) {
			t.Errorf("%s: it lacks %q: %s", name, c.says, body)
		}
		b.post("import-drop", nil)
	}
	b.sendFile("logins.csv", csv, "passwords")
	p.env.Clock.Pass(11 * time.Minute)
	b.shows("import", "Drop a file here")
}

func TestDevicesAndEngines(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	p, phone := newPlace(t, w, "Laptop"), newPlace(t, w, "Phone")
	p.device.Sync()
	phone.device.Sync()
	p.device.Sync()
	b := p.open()
	body := b.shows("devices", "Laptop", "this device", "Phone", "Send a page")
	id := hidden(t, body, "Send a page to Phone", "device")
	_, body = b.post("device-rename", url.Values{"name": {`<b>"Büro"</b>`}})
	b.has("renamed", body, "Renamed.")
	_, body = b.post("device-rename", url.Values{"name": {""}})
	b.has("no name", body, `class="notice bad"`, "must have 1 to 255 characters")
	_, body = b.post("device-send", url.Values{"device": {id}, "url": {"https://example.org/"}})
	b.has("sent", body, "Sent to Phone.")
	_, body = b.post("device-send", url.Values{"device": {"nobody"}, "url": {"https://example.org/"}})
	b.has("to nobody", body, "does not have this device any more")
	b.shows("disconnect?device="+id, "Disconnect Phone?")
	_, body = b.post("disconnect", url.Values{"device": {id}})
	b.has("disconnected", body, "Phone is signed out of the account.")

	b.shows("engine-off?engine=history", "Stop syncing history?")
	_, body = b.post("engine-off", url.Values{"engine": {"history"}})
	b.has("off", body, "from the next sync", `aria-checked="false"`)
	_, body = b.post("engine-on", url.Values{"engine": {"history"}})
	b.has("on", body, "History sync again")
	_, body = b.post("engine-on", url.Values{"engine": {"spaceships"}})
	b.has("made up", body, `class="notice bad"`)
}

func TestASyncIsInTheTimelineAndCanBeUndone(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	p, phone := newPlace(t, w, "Laptop"), newPlace(t, w, "Phone")
	b := p.open()
	id, _ := p.add(menu, "a")
	_, body := b.post("sync", nil)
	b.has("the sync", body, "Sent ")
	phone.call("sync.run", nil)
	was := phone.call("bookmarks.get", map[string]any{"id": id})
	phone.call("bookmarks.update", map[string]any{"id": id, "etag": was["etag"], "title": "changed"})
	phone.call("sync.run", nil)
	b.post("sync", nil)
	b.until("", "Undo in Bookmarks")
	body = b.shows("changes", "1 changed")
	sync := regexp.MustCompile(`name="sync" value="([^"]+)"`).FindStringSubmatch(body)[1]
	_, body = b.post("sync-undo", url.Values{"engine": {"bookmarks"}, "sync": {sync}})
	b.has("undone", body, "Bookmarks: 1 as before", "undone today")
	if p.titles(menu) != "a" {
		t.Errorf("it is %s", p.titles(menu))
	}
	_, body = b.post("sync-undo", url.Values{"engine": {"bookmarks"}, "sync": {sync}})
	b.has("undone twice", body, `class="notice bad"`)
	_, body = b.post("sync-undo", url.Values{"engine": {"tabs"}, "sync": {"x"}})
	b.has("tabs", body, "cannot be undone")
}

// until waits until a page has a text, which the watcher of syncs brings a moment later.
func (b *browser) until(page, text string) {
	b.t.Helper()
	for range 1000 {
		if _, body := b.get(page); strings.Contains(body, text) {
			return
		}
	}
	b.shows(page, text)
}

func TestWhatWaitsForTheUsersWord(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	p, phone := newPlace(t, w, "Laptop"), newPlace(t, w, "Phone")
	var ids []string
	for range 12 {
		ids = append(ids, string(p.device.Add("https://"+string(rune('a'+len(ids)))+".example.org", "ann", "x").ID))
	}
	p.device.Sync()
	phone.device.Sync()
	for _, id := range ids {
		l := phone.call("passwords.get", map[string]any{"id": id})
		phone.call("passwords.delete", map[string]any{"id": id, "etag": l["etag"]})
	}
	phone.device.Sync()
	p.call("sync.run", nil)
	b := p.open()
	b.until("", "Passwords wait for your word")
	b.shows("conflicts", "would delete 12 of 12 passwords")
	b.shows("engines", "waits for your word")
	b.shows("passwords", "c.example.org")
	_, body := b.post("accept", url.Values{"engine": {"passwords"}})
	b.has("accepted", body, "Passwords are as on the other devices")
	b.until("conflicts", "Nothing waits for your word")
	b.shows("passwords", "No passwords yet")
	_, body = b.post("accept", url.Values{"engine": {"spaceships"}})
	b.has("made up", body, `class="notice bad"`)
}

func TestHostileTextsStayTexts(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testenv.New(t), "Laptop")
	evil := `"><script>alert(1)</script><b onclick=x>` + "\u202e"
	p.call("bookmarks.add", map[string]any{"title": evil, "url": "javascript:alert(1)", "parent": menu, "tags": []string{evil}})
	p.call("passwords.add", map[string]any{"hostname": "https://example.org", "username": evil, "password": "x"})
	p.home.Receive(api.ReceivedPage{Title: evil, URL: "javascript:alert(1)", From: evil})
	b := p.open()
	for _, page := range []string{"", "bookmarks?folder=" + menu, "bookmarks?words=script", "passwords", "passwords?words=" + url.QueryEscape(evil), "bookmarks?words=" + url.QueryEscape(evil)} {
		body := b.shows(page)
		if strings.Contains(body, "<script>") || strings.Contains(body, "<b onclick") || strings.Contains(body, `href="javascript:`) {
			t.Errorf("%s takes text for HTML: %s", page, body)
		}
	}
}
