package sync15_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/sync15"
)

func names(d *device) (list []string) {
	for _, dev := range d.state.Devices() {
		name := dev.Name
		if dev.Local {
			name += " (this)"
		}
		list = append(list, name)
	}
	return list
}

func TestDevicesSeeEachOther(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.mustSync()
	b.mustSync()
	a.mustSync()
	if got := names(a); !slices.Equal(got, []string{"a (this)", "b"}) {
		t.Errorf("a sees %v", got)
	}
	b.name = "b renamed"
	b.mustSync()
	a.mustSync()
	if got := names(a); !slices.Equal(got, []string{"a (this)", "b renamed"}) {
		t.Errorf("a sees %v", got)
	}
	// A device that the accounts server no longer knows is not shown.
	a.state.Inner().Clients.AccountIDs = []string{"dev-a"}
	if got := names(a); !slices.Equal(got, []string{"a (this)"}) {
		t.Errorf("a sees %v", got)
	}
}

func TestTheRecordIsWrittenAnewEachWeek(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	a.mustSync()
	w.Pass(6 * 24 * time.Hour)
	a.mustSync()
	w.expect("GET info/collections")
	w.Pass(2 * 24 * time.Hour)
	a.mustSync()
	w.expect("GET info/collections", "POST storage/clients")
}

// A sync that is stopped when it has read the others' records, and not yet written its own.
func TestTheRecordIsWrittenAfterASyncThatStopped(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.mustSync()
	b.mustSync()
	w.loseCollection(a, "clients")
	b.mustSync()
	w.before = func(r *http.Request) *http.Response {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/storage/clients") {
			return answer(503, "application/json", "0")
		}
		return nil
	}
	if _, err := a.sync(t.Context()); err == nil {
		t.Fatal("the record was written")
	}
	w.before = nil
	a.mustSync()
	if got := names(a); !slices.Equal(got, []string{"a (this)", "b"}) {
		t.Errorf("a sees %v", got)
	}
}

func TestCommandsTravelAndUnknownOnesStay(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.mustSync()
	b.mustSync()
	send := func(name string, args ...string) {
		a.state.Send(sync15.Outbound{To: b.state.Inner().Clients.Self, Name: name, Args: args, FlowID: "flow"})
	}
	send("wipeEngine", "notes")
	send("wipeEngine", "notes") // the same command waits only once
	send("unheard-of", "x")
	send("resetAll")
	a.mustSync()
	a.mustSync()
	w.expect("GET info/collections")
	b.mustSync()
	var got []string
	for _, c := range b.obeyed {
		got = append(got, fmt.Sprint(c.Name, c.Args))
	}
	if !slices.Equal(got, []string{"wipeEngine[notes]", "resetAll[]"}) {
		t.Errorf("b obeyed %v", got)
	}
	b.mustSync()
	if len(b.obeyed) != 2 {
		t.Errorf("a command was carried out twice: %v", b.obeyed)
	}
	w.expect("GET info/collections")
	record := string(b.state.Inner().Clients.Records[b.state.Inner().Clients.Self].Payload)
	if !strings.Contains(record, "unheard-of") || strings.Contains(record, "wipeEngine") {
		t.Errorf("b's record is %s", record)
	}
	// It stays when the record is written for another reason.
	b.name = "another name"
	b.mustSync()
	if record := string(b.state.Inner().Clients.Records[b.state.Inner().Clients.Self].Payload); !strings.Contains(record, "unheard-of") {
		t.Errorf("b's record is %s", record)
	}
}

func TestACommandKeepsTheOtherRecordAsItIs(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	a.mustSync()
	seal := a.state.Inner().Keys.Default
	payload, _ := seal.Seal(nil, []byte(`{"id":"martian","name":"M","formfactor":"saucer","protocols":["1.5","9"],"commands":[{"odd":1}]}`), rand.Reader)
	a.put("clients", "martian", string(payload))
	a.state.Send(sync15.Outbound{To: "martian", Name: "resetEngine", Args: []string{"notes"}})
	a.state.Send(sync15.Outbound{To: "nobody", Name: "resetAll"})
	a.mustSync()
	var rec struct {
		Formfactor string
		Protocols  []string
		Commands   []json.RawMessage
	}
	_ = json.Unmarshal(a.state.Inner().Clients.Records["martian"].Payload, &rec)
	if rec.Formfactor != "saucer" || len(rec.Protocols) != 2 || len(rec.Commands) != 2 || string(rec.Commands[0]) != `{"odd":1}` {
		t.Errorf("the record became %s", a.state.Inner().Clients.Records["martian"].Payload)
	}
	if len(a.state.Inner().Clients.Outbox) != 0 {
		t.Errorf("waiting: %v", a.state.Inner().Clients.Outbox)
	}
}

func TestARecordNeverOutgrowsTheLimit(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) { w.limits = bso.Limits{MaxRecordPayloadBytes: 2000} })
	a, b := w.device("a"), w.device("b")
	a.mustSync()
	b.mustSync()
	for i := range 40 {
		a.state.Send(sync15.Outbound{To: b.state.Inner().Clients.Self, Name: "displayURI", Args: []string{fmt.Sprint("https://example.org/", i)}})
	}
	a.mustSync()
	waiting := len(a.state.Inner().Clients.Outbox)
	if waiting == 0 || waiting == 40 {
		t.Fatalf("%d of 40 wait", waiting)
	}
	for range 20 {
		b.mustSync()
		a.mustSync()
	}
	if len(b.obeyed) != 40 || len(a.state.Inner().Clients.Outbox) != 0 {
		t.Errorf("%d arrived, %d wait", len(b.obeyed), len(a.state.Inner().Clients.Outbox))
	}
}

func TestACommandMeetsAnotherWrite(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.mustSync()
	b.mustSync()
	a.state.Send(sync15.Outbound{To: b.state.Inner().Clients.Self, Name: "resetAll"})
	once := false
	w.before = func(r *http.Request) *http.Response {
		if isPost(r, "/storage/clients") && !once {
			once = true
			b.name = "renamed meanwhile"
			b.mustSync()
		}
		return nil
	}
	a.mustSync()
	w.before = nil
	b.mustSync()
	if len(b.obeyed) != 1 || !slices.Contains(names(a), "renamed meanwhile") {
		t.Errorf("b obeyed %v, a sees %v", b.obeyed, names(a))
	}
}

// TestACommandIsCarriedOutOnce: the first write of the result conflicts with another device's
// write.
func TestACommandIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.mustSync()
	b.mustSync()
	a.state.Send(sync15.Outbound{To: b.state.Inner().Clients.Self, Name: "wipeEngine", Args: []string{"notes"}})
	a.mustSync()
	once := false
	w.before = func(r *http.Request) *http.Response {
		if isPost(r, "/storage/clients") && !once {
			once = true
			a.name = "renamed meanwhile"
			a.mustSync()
		}
		return nil
	}
	b.mustSync()
	w.before = nil
	b.mustSync()
	if len(b.obeyed) != 1 {
		t.Errorf("b obeyed %v", b.obeyed)
	}
}

// An old record of this device comes back, with a command that was carried out: as after
// the restore of a backup.
func TestACommandOfAnOldRecordIsNotCarriedOutAgain(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.mustSync()
	b.mustSync()
	self := b.state.Inner().Clients.Self
	a.state.Send(sync15.Outbound{To: self, Name: "wipeEngine", Args: []string{"notes"}, FlowID: "flow"})
	a.mustSync()
	old := rawClient(t, a, self)
	b.mustSync()
	if len(b.obeyed) != 1 {
		t.Fatalf("b obeyed %v", b.obeyed)
	}
	// It is recognized by its flow ID, although it is newer than all that b wrote.
	putClient(t, a, self, old)
	b.mustSync()
	// It is recognized by its age, with any flow ID.
	b.state.Inner().Clients.Done = nil
	b.state.Inner().Clients.Written += 1_000_000
	putClient(t, a, self, old)
	b.mustSync()
	if len(b.obeyed) != 1 {
		t.Errorf("b obeyed %v", b.obeyed)
	}
	if text := string(rawClient(t, a, self)); strings.Contains(text, "wipeEngine") {
		t.Errorf("the command stays in the record: %s", text)
	}
	// A new command is carried out.
	b.state.Inner().Clients.Written = 0
	a.mustSync()
	a.state.Send(sync15.Outbound{To: self, Name: "wipeEngine", Args: []string{"notes"}, FlowID: "another"})
	a.mustSync()
	b.mustSync()
	if len(b.obeyed) != 2 {
		t.Errorf("b obeyed %v", b.obeyed)
	}
}

// rawClient returns the content of a device's record on the server.
func rawClient(t *testing.T, d *device, id bso.ID) []byte {
	t.Helper()
	rs, err := d.client().OpenRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rec, err := rs.Get(t.Context(), "clients", id, false)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Cleartext
}

func putClient(t *testing.T, d *device, id bso.ID, text []byte) {
	t.Helper()
	rs, err := d.client().OpenRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	had, err := rs.Get(t.Context(), "clients", id, true)
	if err == nil {
		_, err = rs.Put(t.Context(), "clients", sync15.Record{ID: id, Cleartext: text}, had.Modified)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestLeavingDeletesThisDevicesRecord(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.mustSync()
	b.mustSync()
	c := b.client()
	if err := c.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.mustSync()
	if got := names(a); !slices.Equal(got, []string{"a (this)"}) {
		t.Errorf("a sees %v", got)
	}
}

// Another device that syncs meanwhile does not keep the record of one that leaves.
func TestLeavingWhileAnotherDeviceWrites(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.mustSync()
	b.mustSync()
	conflicts := 0
	w.before = func(r *http.Request) *http.Response {
		if r.Method == http.MethodDelete && conflicts < 2 {
			conflicts++
			return answer(412, "application/json", "0")
		}
		return nil
	}
	if err := b.client().Leave(t.Context()); err != nil || conflicts != 2 {
		t.Fatalf("%v after %d conflicts", err, conflicts)
	}
	a.mustSync()
	if got := names(a); !slices.Equal(got, []string{"a (this)"}) {
		t.Errorf("a sees %v", got)
	}
}

func TestAFailingClientsCollectionEndsTheSync(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	a.shelf.put("note-1", "x")
	w.before = func(r *http.Request) *http.Response {
		if isPost(r, "/storage/clients") {
			return answer(500, "application/json", "0")
		}
		return nil
	}
	if _, err := a.sync(t.Context()); err == nil || slices.Contains(w.asked, "POST storage/notes") {
		t.Errorf("%v after %v", err, w.asked)
	}
}

// The collection may be there with no record that can be read, and a state that is saved
// has no map where it was empty.
func TestADeviceWithoutAnyRecordWritesItsOwn(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	a.mustSync()
	a.state.Inner().Clients.Records, a.name = nil, "another name"
	a.mustSync()
	if _, have := a.state.Inner().Clients.Records[a.state.Inner().Clients.Self]; !have {
		t.Error("its record is not there")
	}
}
