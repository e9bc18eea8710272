package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/internal/test/apihome"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// caller calls verbs of a device.
type caller struct {
	t       *testing.T
	device  *testenv.Device
	home    *apihome.Home
	service *api.Service
	rights  api.Rights
}

func newCaller(t *testing.T, w *testenv.Env, name string) *caller {
	t.Helper()
	d := w.Browser(name, "user@example.com")
	events := api.NewEvents(nil)
	home := apihome.New(d, events)
	s, err := api.New(api.Config{Home: home, Events: events, Now: w.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return &caller{t, d, home, s, api.All}
}

type object = map[string]any

// try calls a verb, and returns its answer, a list for a stream.
func (c *caller) try(verb string, request any) (any, error) {
	c.t.Helper()
	if request == nil {
		request = object{}
	}
	raw, err := json.Marshal(request)
	if err != nil {
		c.t.Fatal(err)
	}
	answer, err := c.service.Call(c.t.Context(), c.rights, verb, raw)
	if err != nil {
		return nil, err
	}
	value := answer.Value
	if answer.Items != nil {
		items := []any{}
		for item, err := range answer.Items {
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		value = items
	}
	raw, err = json.Marshal(value)
	if err != nil {
		c.t.Fatal(err)
	}
	var decoded any
	if err := json.Unmarshal(raw, &decoded); err != nil {
		c.t.Fatal(err)
	}
	return decoded, nil
}

func (c *caller) call(verb string, request any) object {
	c.t.Helper()
	answer, err := c.try(verb, request)
	if err != nil {
		c.t.Fatalf("%s: %v", verb, err)
	}
	return answer.(object)
}

func (c *caller) list(verb string, request any) []any {
	c.t.Helper()
	answer, err := c.try(verb, request)
	if err != nil {
		c.t.Fatalf("%s: %v", verb, err)
	}
	return answer.([]any)
}

// refused calls a verb that fails.
func (c *caller) refused(code api.Code, verb string, request any) {
	c.t.Helper()
	_ = c.refusal(code, verb, request)
}

// refusal calls a verb that fails, and returns the error.
func (c *caller) refusal(code api.Code, verb string, request any) *api.Error {
	c.t.Helper()
	_, err := c.try(verb, request)
	var e *api.Error
	if !errors.As(err, &e) || e.Code != code {
		c.t.Fatalf("%s %v: got %v; want %s", verb, request, err, code)
	}
	return e
}

func (c *caller) sync() object {
	c.t.Helper()
	r := c.call("sync.run", object{})
	if r["status"] != "ok" {
		c.t.Fatalf("the sync ended with %v", r)
	}
	return r
}

func TestTwoDevicesAConflictAndAnUndo(t *testing.T) {
	w := testenv.New(t)
	laptop, phone := newCaller(t, w, "Laptop"), newCaller(t, w, "Phone")

	added := laptop.call("bookmarks.add", object{"title": "Go", "url": "https://go.dev/", "tags": []string{"go"}})
	login := laptop.call("passwords.add", object{"hostname": "https://go.dev", "username": "ann", "password": "s3cret"})
	laptop.call("history.add", object{"url": "https://go.dev/doc", "title": "Doc"})
	laptop.sync()
	phone.sync()

	seen := phone.call("bookmarks.get", object{"id": added["id"]})
	if seen["title"] != "Go" || seen["url"] != "https://go.dev/" || len(seen["tags"].([]any)) != 1 {
		t.Errorf("the phone has %v", seen)
	}
	if got := phone.call("passwords.reveal", object{"id": login["id"]}); got["password"] != "s3cret" {
		t.Errorf("the phone has the login %v", got)
	}

	// An edit from a stale view changes nothing.
	phone.call("bookmarks.update", object{"id": seen["id"], "etag": seen["etag"], "title": "Go!"})
	phone.refused(api.CodeConflict, "bookmarks.update", object{"id": seen["id"], "etag": seen["etag"], "title": "Golang"})
	if now := phone.call("bookmarks.get", object{"id": added["id"]}); now["title"] != "Go!" || now["url"] != "https://go.dev/" {
		t.Errorf("after the conflict it is %v", now)
	}
	phone.sync()

	// A sync is an edit too.
	r := laptop.sync()
	if changed := r["changed"].([]any); len(changed) != 1 || changed[0].(object)["engine"] != "bookmarks" {
		t.Errorf("the sync changed %v", changed)
	}
	laptop.refused(api.CodeConflict, "bookmarks.delete", object{"id": added["id"], "etag": added["etag"]})

	undone := laptop.call("bookmarks.undo", object{})
	if undone["reverted"] != 1.0 {
		t.Errorf("undone: %v", undone)
	}
	if now := laptop.call("bookmarks.get", object{"id": added["id"]}); now["title"] != "Go" {
		t.Errorf("after the undo it is %v", now)
	}
	laptop.refused(api.CodeDone, "bookmarks.undo", object{"sync": undone["sync"]})
}

func TestEveryFlatEngineKeepsWhatItIsTold(t *testing.T) {
	c := newCaller(t, testenv.New(t), "Laptop")
	for _, e := range []struct {
		name     string
		add, set object
		field    string
		want     any
	}{
		{"addresses", object{"name": "Ann Doe", "country": "DE"}, object{"addressLevel2": "Köln"}, "addressLevel2", "Köln"},
		{"creditcards", object{"name": "Ann", "number": "4111111111111111", "expMonth": 1, "expYear": 2030}, object{"expYear": 2031}, "expYear", 2031.0},
		{"forms", object{"name": "q", "value": "go"}, object{"value": "rust"}, "value", "rust"},
		{"addons", object{"addonID": "a@example.com", "applicationID": "{x}", "enabled": true, "source": "amo"}, object{"enabled": false}, "enabled", false},
		{"passwords", object{"hostname": "https://a.example", "username": "ann", "password": "x"}, object{"password": "y"}, "username", "ann"},
	} {
		t.Run(e.name, func(t *testing.T) {
			c.t = t
			added := c.call(e.name+".add", e.add)
			if got := c.call(e.name+".get", object{"id": added["id"]}); !reflect.DeepEqual(got, added) {
				t.Errorf("added %v, got %v", added, got)
			}
			if all := c.list(e.name+".list", nil); len(all) != 1 || !reflect.DeepEqual(all[0], any(added)) {
				t.Errorf("added %v, listed %v", added, all)
			}
			updated := c.call(e.name+".update", object{"id": added["id"], "etag": added["etag"], "set": e.set})
			if updated[e.field] != e.want || updated["etag"] == added["etag"] {
				t.Errorf("updated to %v", updated)
			}
			for field, value := range e.add {
				if _, ok := e.set[field]; !ok && field != "number" && field != "password" && updated[field] != normal(value) {
					t.Errorf("the update changed %s to %v", field, updated[field])
				}
			}
			id := updated["id"]
			if e.name != "forms" { // whose entries get another ID
				c.refused(api.CodeConflict, e.name+".update", object{"id": id, "etag": added["etag"], "set": e.set})
			}
			c.refused(api.CodeConflict, e.name+".delete", object{"id": id, "etag": added["etag"]})
			report := c.call(e.name+".import", object{"items": []object{e.add}})
			if report["read"] != 1.0 {
				t.Errorf("the import reports %v", report)
			}
			now := c.call(e.name+".get", object{"id": id})
			c.call(e.name+".delete", object{"id": id, "etag": now["etag"]})
			c.refused(api.CodeNotFound, e.name+".get", object{"id": id})
			c.call(e.name+".log", nil)
			c.refused(api.CodeNotFound, e.name+".undo", object{"sync": "unknown"})
		})
	}
}

// normal is a value as JSON has it.
func normal(v any) any {
	raw, _ := json.Marshal(v)
	var out any
	_ = json.Unmarshal(raw, &out)
	return out
}

func TestNamedValues(t *testing.T) {
	c := newCaller(t, testenv.New(t), "Laptop")
	p := c.call("prefs.set", object{"name": "a.b", "value": 1})
	c.refused(api.CodeDuplicate, "prefs.set", object{"name": "a.b", "value": 2})
	c.refused(api.CodeInvalid, "prefs.set", object{"name": "a.b", "etag": p["etag"], "value": []int{1}})
	c.call("prefs.set", object{"name": "a.b", "etag": p["etag"], "value": "two"})
	c.refused(api.CodeConflict, "prefs.set", object{"name": "a.b", "etag": p["etag"], "value": "three"})
	if got := c.call("prefs.get", object{"name": "a.b"}); got["value"] != "two" || len(c.list("prefs.list", nil)) != 1 {
		t.Errorf("the preference is %v", got)
	}

	v := c.call("extension-storage.set", object{"extension": "x@example.com", "key": "k", "value": object{"a": 1}})
	c.refused(api.CodeDuplicate, "extension-storage.set", object{"extension": "x@example.com", "key": "k", "value": 2})
	v2 := c.call("extension-storage.set", object{"extension": "x@example.com", "key": "k", "etag": v["etag"], "value": 2})
	c.refused(api.CodeConflict, "extension-storage.delete", object{"extension": "x@example.com", "key": "k", "etag": v["etag"]})
	if got := c.call("extension-storage.get", object{"extension": "x@example.com", "key": "k"}); !reflect.DeepEqual(got, v2) {
		t.Errorf("set %v, got %v", v2, got)
	}
	c.call("extension-storage.delete", object{"extension": "x@example.com", "key": "k", "etag": v2["etag"]})
	if left := c.list("extension-storage.list", nil); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestBookmarksAsATree(t *testing.T) {
	c := newCaller(t, testenv.New(t), "Laptop")
	folder := c.call("bookmarks.add", object{"title": "Folder", "parent": "menu________"})
	for _, name := range []string{"a", "b", "c"} {
		c.call("bookmarks.add", object{"title": name, "url": "https://" + name + ".example/", "parent": folder["id"]})
	}
	titles := func() (all string) {
		for _, item := range c.list("bookmarks.children", object{"folder": folder["id"]}) {
			all += item.(object)["title"].(string)
		}
		return all
	}
	first := c.list("bookmarks.children", object{"folder": folder["id"]})[0].(object)
	c.call("bookmarks.move", object{"id": first["id"], "etag": first["etag"], "position": 1})
	if got := titles(); got != "bac" {
		t.Errorf("after the move they are %s", got)
	}
	tree := c.call("bookmarks.tree", object{"folder": "menu________"})
	if below := tree["children"].([]any)[0].(object); below["title"] != "Folder" || len(below["children"].([]any)) != 3 {
		t.Errorf("the tree is %v", tree)
	}
	if all := c.list("bookmarks.list", nil); len(all) != 4 {
		t.Errorf("%d items are listed; want 4", len(all))
	}
	c.refused(api.CodeNotEmpty, "bookmarks.delete", object{"id": folder["id"], "etag": folder["etag"]})
	c.refused(api.CodeReadOnly, "bookmarks.add", object{"title": "x", "parent": "root________"})
	c.call("bookmarks.delete", object{"id": folder["id"], "etag": folder["etag"], "contents": true})
	if all := c.list("bookmarks.list", nil); len(all) != 0 {
		t.Errorf("left: %v", all)
	}
}

func TestRightsAreKept(t *testing.T) {
	w := testenv.New(t)
	c := newCaller(t, w, "Laptop")
	login := c.call("passwords.add", object{"hostname": "https://go.dev", "username": "ann", "password": "s3cret"})

	c.rights = api.Rights{Engines: []string{"bookmarks"}}
	c.list("bookmarks.list", nil)
	c.refused(api.CodeForbidden, "bookmarks.add", object{"title": "x"})
	c.refused(api.CodeForbidden, "passwords.list", nil)
	c.refused(api.CodeForbidden, "search", object{"text": "x"})
	c.refused(api.CodeForbidden, "engines.disable", object{"engines": []string{"bookmarks"}})
	if list := c.call("engines.list", nil)["engines"].([]any); len(list) != 1 {
		t.Errorf("a client of bookmarks sees the engines %v", list)
	}

	c.rights.Write = true
	c.refused(api.CodeForbidden, "engines.disable", object{"engines": []string{"bookmarks"}})
	c.refused(api.CodeForbidden, "sync.run", object{"engines": []string{"passwords"}})
	if r := c.sync(); len(r["engines"].([]any)) != 1 {
		t.Errorf("a client of bookmarks synced %v", r["engines"])
	}

	c.rights = api.NoSecrets
	c.refused(api.CodeForbidden, "passwords.reveal", object{"id": login["id"]})
	c.refused(api.CodeForbidden, "passwords.exportCSV", nil)
	for _, v := range api.Verbs() {
		if v.Needs.Secrets {
			continue
		}
		if raw := names(v.Answer, map[reflect.Type]bool{}); slices.Contains(raw, "password") || slices.Contains(raw, "number") {
			t.Errorf("%s answers with a secret, and does not need the right to it", v.Name)
		}
	}
}

// names lists the JSON names of the fields of a type, and of those in it.
func names(t reflect.Type, seen map[reflect.Type]bool) (all []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return names(t.Elem(), seen)
	case reflect.Struct:
		if seen[t] || t.PkgPath() == "time" {
			return nil
		}
		seen[t] = true
		for _, f := range api.Fields(t) {
			all = append(append(all, f.JSON), names(f.Type, seen)...)
		}
	}
	return all
}

func TestHostileRequests(t *testing.T) {
	c := newCaller(t, testenv.New(t), "Laptop")
	for request, want := range map[string]string{
		`{"titel": "x"}`:                  `bookmarks.add has no field "titel"; it has id, kind`,
		`{"Title": "x"}`:                  `has no field "Title"`,
		`{"title": "x", "title": "y"}`:    "title is given twice",
		`{"title": null}`:                 "title must be a text",
		`{"title": 7}`:                    "title must be a text",
		`{"position": 1.5}`:               "position must be a whole number",
		`{"position": -1}`:                "position must be from 0",
		`{"tags": "x"}`:                   "tags must be a list",
		`{"tags": [""]}`:                  "tags[0] must have 1 to 100 characters",
		`{"kind": "livemark"}`:            "kind must be one of bookmark, query, folder, separator",
		`[]`:                              "must be an object",
		`null`:                            "must be an object",
		`{"title": "x"} {}`:               "not JSON",
		`{`:                               "not JSON",
		"{\"title\": \"\xff\"}":           "not UTF-8",
		strings.Repeat("[", 100_000):      "not JSON",
		`{"id": "short"}`:                 "id must have 12 to 12 characters",
		`{"title": "` + long(4097) + `"}`: "title must have 0 to 4096 characters, and has 4097",
	} {
		_, err := c.service.Call(t.Context(), api.All, "bookmarks.add", []byte(request))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v; want %s", request, err, want)
		}
	}
	if all := c.list("bookmarks.list", nil); len(all) != 0 {
		t.Errorf("hostile requests left %v", all)
	}
	c.refused(api.CodeUnknownVerb, "bookmarks.frobnicate", nil)
	c.refused(api.CodeInvalid, "bookmarks.get", object{})
}

func long(n int) string { return strings.Repeat("ü", n) }

var nameForm = regexp.MustCompile(`^[a-z]+(-[a-z]+)*(\.[a-z][a-zA-Z]*)?$`)

// TestTheTable checks what each verb and each field of a request must have.
func TestTheTable(t *testing.T) {
	all := api.Verbs()
	if len(all) < 80 {
		t.Errorf("there are %d verbs", len(all))
	}
	for i, v := range all {
		if !nameForm.MatchString(v.Name) || !strings.HasSuffix(v.Doc, ".") || strings.ToUpper(v.Doc[:1]) != v.Doc[:1] {
			t.Errorf("%q: %q", v.Name, v.Doc)
		}
		if i > 0 && all[i-1].Name >= v.Name {
			t.Errorf("%s comes after %s", v.Name, all[i-1].Name)
		}
		if v.Request.Kind() != reflect.Struct || v.Answer.Kind() != reflect.Struct {
			t.Errorf("%s: requests and answers are structs", v.Name)
			continue
		}
		bounded(t, v.Name, v.Request)
	}
}

func bounded(t *testing.T, path string, in reflect.Type) {
	t.Helper()
	for _, f := range api.Fields(in) {
		at, kind := path+" "+f.JSON, f.Type
		if f.JSON == "" {
			t.Errorf("%s: %s has no name in JSON", path, f.Name)
		}
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		_, bound := api.ParseBound(f.Tag.Get("bound"))
		_, each := api.ParseBound(f.Tag.Get("each"))
		bound = bound || f.Tag.Get("enum") != ""
		switch {
		case kind.String() == "time.Time", kind.Kind() == reflect.Bool:
		case kind.Kind() == reflect.Struct:
			bounded(t, at, kind)
		case !bound:
			t.Errorf("%s has no bound", at)
		case kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Struct:
			bounded(t, at, kind.Elem())
		case kind.Kind() == reflect.Slice && kind.String() != "json.RawMessage" && !each:
			t.Errorf("the elements of %s have no bound", at)
		}
	}
}

func TestEventsAreReadFromWhereTheReaderWas(t *testing.T) {
	w := testenv.New(t)
	c := newCaller(t, w, "Laptop")
	ctx, cancel := context.WithCancel(t.Context())
	events := c.service.Events()
	before := events.Last()
	ended := make(chan error)
	started := make(chan struct{})
	go func() { close(started); ended <- c.service.Watch(ctx) }()
	<-started
	c.call("bookmarks.add", object{"title": "Go", "url": "https://go.dev/"})
	for listening := false; !listening; { // Watch does, once it has noted a sync
		c.sync()
		listening = len(c.call("sync.results", nil)["results"].([]any)) > 0
	}
	last := ""
	for v := range events.Read(t.Context(), api.All, before) {
		if v.Type == api.EventSyncEnded {
			last = v.ID
			break
		}
	}
	events.Received(1)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch ended with %v", err)
	}
	events.Close()
	var after []api.EventType
	for v := range events.Read(t.Context(), api.All, last) {
		after = append(after, v.Type)
	}
	if len(after) == 0 || after[len(after)-1] != api.EventReceived {
		t.Errorf("after the sync came %v", after)
	}
}
