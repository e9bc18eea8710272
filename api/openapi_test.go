package api_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/api/internal/openapi"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

func TestTheDocumentIsCurrent(t *testing.T) {
	t.Parallel()
	want, err := openapi.Document("..")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, api.OpenAPI()) {
		t.Error("openapi.json is not current: run 'go generate ./api'")
	}
}

// envValidator names a Python that has openapi-spec-validator; script/openapi.sh finds one.
const envValidator = "SYNCMANAGER_OPENAPI"

// TestTheDocumentIsValidAndTrue has a validator read the document, and hold real requests and
// answers to it.
func TestTheDocumentIsValidAndTrue(t *testing.T) {
	python := os.Getenv(envValidator)
	if python == "" {
		t.Skip(envValidator + " names no Python that has openapi-spec-validator; script/openapi.sh finds one")
	}
	w := testenv.New(t)
	c, phone := newCaller(t, w, "Laptop"), newCaller(t, w, "Phone")
	var lines bytes.Buffer
	call := func(verb string, request any) (last object) {
		t.Helper()
		v, _ := api.Lookup(verb)
		note := func(schema string, value any) {
			if err := json.NewEncoder(&lines).Encode(object{"schema": schema, "value": value}); err != nil {
				t.Fatal(err)
			}
		}
		if request == nil {
			request = object{}
		}
		note(openapi.Name(v.Request), request)
		answer, err := c.try(verb, request)
		if err != nil {
			t.Fatalf("%s: %v", verb, err)
		}
		items, ok := answer.([]any)
		if !ok {
			items = []any{answer}
		}
		for _, item := range items {
			note(openapi.Name(v.Answer), item)
			last = item.(object)
		}
		return last
	}
	b := call("bookmarks.add", object{"title": "Go", "url": "https://go.dev/", "tags": []string{"a"}, "keyword": "go", "position": 0})
	b = call("bookmarks.update", object{"id": b["id"], "etag": b["etag"], "title": "Go!"})
	call("bookmarks.move", object{"id": b["id"], "etag": b["etag"], "parent": "menu________"})
	call("history.add", object{"url": "https://go.dev/doc", "title": "Doc", "type": 2})
	call("history.import", object{"items": []object{{"url": "https://go.dev/x"}}})
	call("passwords.add", object{"hostname": "https://go.dev", "username": "ann", "password": "x"})
	call("addresses.add", object{"name": "Ann Doe"})
	call("creditcards.add", object{"name": "Ann", "number": "4111111111111111"})
	call("forms.add", object{"name": "q", "value": "go"})
	call("addons.add", object{"addonID": "a@example.com", "applicationID": "{x}", "enabled": true, "source": "amo"})
	call("prefs.set", object{"name": "a", "value": nil})
	call("extension-storage.set", object{"extension": "x@example.com", "key": "k", "value": object{"a": []int{1}}})
	call("tabs.set", object{"tabs": []object{{"url": "https://go.dev/", "title": "Go", "lastUsed": "2026-01-31T12:00:00Z"}}})
	c.home.Receive(api.ReceivedPage{Title: "Go", URL: "https://go.dev/", ReceivedAt: w.Clock.Now()})
	phone.call("tabs.set", object{"tabs": []object{{"url": "https://go.dev/"}}})
	call("sync.run", nil)
	phone.sync()
	call("sync.run", object{"prefer": "local"})
	call("search", object{"text": "go"})
	for _, v := range api.Verbs() {
		asksNothing := true
		for _, f := range api.Fields(v.Request) {
			asksNothing = asksNothing && f.Optional
		}
		switch v.Name {
		case "bookmarks.find", "history.get", "history.delete", "history.deleteBetween": // which ask for one of their fields
			continue
		}
		if asksNothing && !v.Needs.Write {
			call(v.Name, nil)
		}
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/validate.py", "openapi.json")
	cmd.Stdin = &lines
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
