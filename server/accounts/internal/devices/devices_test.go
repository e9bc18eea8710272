package devices

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
)

// refused is the parameter that an error names; "": there is no error.
func refused(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatal(err)
	}
	if v := f.Body().Validation; v != nil {
		return v.Keys[0]
	}
	return f.Body().Param
}

func TestDeviceCheck(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range maxDeviceCommands {
		many[fmt.Sprint(i)] = ""
	}
	tooMany := maps.Clone(many)
	tooMany["one more"] = ""
	text := func(n int) *string { s := strings.Repeat("é", n); return &s }
	url := func(s string) *string { return &s }
	for _, c := range []struct {
		name    string
		device  device
		refused string
	}{
		{"nothing", device{}, ""},
		{"an ID", device{ID: strings.Repeat("0a", 16)}, ""},
		{"a short ID", device{ID: "0a"}, "id"},
		{"an ID that is not hexadecimal", device{ID: strings.Repeat("0g", 16)}, "id"},
		{"a long name", device{Name: text(255)}, ""},
		{"a longer name", device{Name: text(256)}, "name"},
		{"an empty name", device{Name: text(0)}, "name"},
		{"a name of two lines", device{Name: url("a\nb")}, "name"},
		{"a long type", device{Type: text(8)}, ""},
		{"a longer type", device{Type: text(9)}, "type"},
		{"long keys", device{PushPublicKey: text(64), PushAuthKey: text(64)}, ""},
		{"a longer public key", device{PushPublicKey: text(65)}, "pushPublicKey"},
		{"a longer secret", device{PushAuthKey: text(65)}, "pushAuthKey"},
		{"the end of a subscription", device{PushCallback: url("")}, ""},
		{"a subscription", device{PushCallback: url("https://push.example.com/x")}, ""},
		{"an insecure one", device{PushCallback: url("http://push.example.com/x")}, "pushCallback"},
		{"a long one", device{PushCallback: url("https://x/" + strings.Repeat("x", 246))}, "pushCallback"},
		{"many commands", device{Commands: many}, ""},
		{"more commands", device{Commands: tooMany}, "availableCommands"},
		{"a long command", device{Commands: map[string]string{*text(128): ""}}, "availableCommands"},
		{"a long value", device{Commands: map[string]string{"x": strings.Repeat("x", maxCommandValue+1)}}, "availableCommands"},
	} {
		if got := refused(t, c.device.check()); got != c.refused {
			t.Errorf("%s: refused for %q, want %q", c.name, got, c.refused)
		}
	}
}

func TestRecipients(t *testing.T) {
	t.Parallel()
	all := []string{"a", "b", "c"}
	for _, c := range []struct {
		in, want, refused string
	}{
		{`{"to":"all"}`, "a b c", ""},
		{`{"to":"all","excluded":["b"]}`, "a c", ""},
		{`{"to":["c","x"]}`, "c", ""},
		{`{"to":[]}`, "", ""},
		{`{}`, "", "to"},
		{`{"to":"a"}`, "", "to"},
		{`{"to":{"all":1}}`, "", "to"},
		{`{"to":["a"],"excluded":["b"]}`, "", "to"},
	} {
		var in notifyRequest
		if err := json.Unmarshal([]byte(c.in), &in); err != nil {
			t.Fatal(err)
		}
		accepts, err := in.recipients()
		if got := refused(t, err); got != c.refused {
			t.Errorf("%s: refused for %q, want %q", c.in, got, c.refused)
		}
		if err != nil {
			continue
		}
		got := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !accepts(id) })
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: for %v, want %s", c.in, got, c.want)
		}
	}
}

// A device may send messages about collections, but not those that only the server may send.
func TestAboutSync(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]bool{
		`{"command":"sync:collection_changed"}`:                         true,
		`{"command":"fxaccounts:password_reset"}`:                       false,
		`{"Command":"sync:x"}`:                                          false,
		`{"command":["sync:x"]}`:                                        false,
		`{"command":"sync:x","command":"fxaccounts:account_destroyed"}`: false,
		`"sync:x"`: false,
		`null`:     false,
	} {
		if got := (&notifyRequest{Payload: json.RawMessage(payload)}).aboutSync(); got != want {
			t.Errorf("%s: %v", payload, got)
		}
	}
}

func TestCommandLife(t *testing.T) {
	t.Parallel()
	for ttl, want := range map[int64]time.Duration{
		0: commandLife, 1: time.Second, 60: time.Minute, int64(commandLife / time.Second): commandLife, 1 << 62: commandLife,
	} {
		if got := (&invokeRequest{TTL: ttl}).life(); got != want {
			t.Errorf("%d: %v, want %v", ttl, got, want)
		}
	}
}
