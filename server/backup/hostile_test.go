package backup_test

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/server/backup"
)

// entry is one of an archive made by hand.
type entry struct {
	tar.Header
	body string
}

func plain(name, body string) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600}, body}
}

// good is the archive of a server's folder, taken apart, without its checksums.
func good(t *testing.T) (all []entry) {
	t.Helper()
	base := t.TempDir()
	dir, file := filepath.Join(base, "data"), filepath.Join(base, "b")
	addUser(t, open(t, dir), "ann@example.org")
	write(t, dir, file)
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all[:len(all)-1]
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, plain(h.Name, string(body)))
	}
}

// pack writes an archive with checksums that are right.
func pack(t *testing.T, entries []entry) []byte {
	t.Helper()
	type sum struct {
		Name   string `json:"name"`
		Size   int    `json:"size"`
		SHA256 string `json:"sha256"`
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(e entry) {
		if e.Typeflag == tar.TypeReg {
			e.Size = int64(len(e.body))
		}
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, e.body)
	}
	sums := []sum{}
	for _, e := range entries {
		add(e)
		if e.Name != "syncmanager-backup.json" {
			digest := sha256.Sum256([]byte(e.body))
			sums = append(sums, sum{e.Name, len(e.body), hex.EncodeToString(digest[:])})
		}
	}
	b, err := json.Marshal(sums)
	if err != nil {
		t.Fatal(err)
	}
	add(plain("checksums.json", string(b)))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// restore restores an archive, and checks that a failure leaves nothing.
func restore(t *testing.T, archive []byte) error {
	t.Helper()
	base := t.TempDir()
	file, dir := filepath.Join(base, "b"), filepath.Join(base, "in", "data")
	if err := os.WriteFile(file, archive, 0o600); err != nil {
		t.Fatal(err)
	}
	err := backup.Restore(t.Context(), file, dir, rand.Reader, moment)
	if err == nil {
		return nil
	}
	if left := files(t, base); len(left) != 1 {
		t.Errorf("after %v: left %d files", err, len(left))
	}
	if _, statErr := os.Stat(dir); statErr == nil {
		t.Errorf("after %v: the folder is there", err)
	}
	return err
}

// An archive may contain only plain files with the names of a server's files.
func TestHostileNames(t *testing.T) {
	whole := good(t)
	if err := restore(t, pack(t, whole)); err != nil {
		t.Fatalf("as it is: %v", err)
	}
	for _, name := range []string{
		"../evil", "/etc/evil", "storage/../../evil", "storage/07/../evil", "storage/07/7.sqlite/x", "storage/07/-7.sqlite", "storage/07/07.sqlite",
		"storage/7/7.sqlite", `storage\07\7.sqlite`, "storage/07/7.sqlite-wal", "lock", "admin.sock", "acme/..", "acme/.hidden", "acme/a/b",
		"token-secret", "evil", "accounts.sqlite ", "storage/07/99999999999999999999.sqlite",
	} {
		if err := restore(t, pack(t, append(whole[:len(whole):len(whole)], plain(name, "evil")))); !errors.Is(err, backup.ErrDamaged) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, h := range map[string]tar.Header{
		"a link":       {Typeflag: tar.TypeSymlink, Name: "acme/x", Linkname: "/etc/passwd"},
		"a hard link":  {Typeflag: tar.TypeLink, Name: "acme/x", Linkname: "token-secret"},
		"a folder":     {Typeflag: tar.TypeDir, Name: "acme/x"},
		"a device":     {Typeflag: tar.TypeChar, Name: "acme/x"},
		"a named pipe": {Typeflag: tar.TypeFifo, Name: "acme/x"},
		"more fields":  {Typeflag: tar.TypeReg, Name: "acme/x", PAXRecords: map[string]string{"SCHILY.xattr.user.x": "y"}},
	} {
		if err := restore(t, pack(t, append(whole[:len(whole):len(whole)], entry{Header: h}))); !errors.Is(err, backup.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An archive with holes of a terabyte is refused before a byte of it is written.
func TestBomb(t *testing.T) {
	whole := good(t)
	// archive/tar writes no holes, so the header is changed by hand.
	archive := pack(t, append(whole[:len(whole):len(whole)], entry{tar.Header{
		Typeflag: tar.TypeReg, Name: "acme/bomb", PAXRecords: map[string]string{"XNU.sparse.major": "1", "XNU.sparse.minor": "0",
			"XNU.sparse.name": "acme/bomb", "XNU.sparse.realsize": "1099511627776"},
	}, "1\n0\n0\n" + strings.Repeat("\x00", 506)}))
	archive = bytes.ReplaceAll(archive, []byte("XNU.sparse."), []byte("GNU.sparse."))
	if !holes(archive) {
		t.Fatal("the archive has no holes")
	}
	if err := restore(t, archive); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("%v", err)
	}
}

// holes reports whether archive/tar itself would unpack a terabyte.
func holes(archive []byte) bool {
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err != nil {
			return false
		}
		if h.Size == 1<<40 {
			return true
		}
	}
}

// An archive that is truncated or changed anywhere is refused.
func TestDamaged(t *testing.T) {
	whole := good(t)
	archive := pack(t, whole)
	for n := 0; n < len(archive)-1024; n += 1 + len(archive)/97 {
		if err := restore(t, archive[:n]); !errors.Is(err, backup.ErrDamaged) && !errors.Is(err, backup.ErrNotBackup) {
			t.Errorf("cut at %d of %d: %v", n, len(archive), err)
		}
	}
	sick := bytes.Clone(archive)
	sick[bytes.Index(sick, []byte("SQLite format"))+5000] ^= 1
	if err := restore(t, sick); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("one bit: %v", err)
	}
	for name, change := range map[string]func([]entry) []entry{
		"a file less":      func(e []entry) []entry { return e[:len(e)-1] },
		"a file twice":     func(e []entry) []entry { return append(e, e[len(e)-1]) },
		"no database":      func(e []entry) []entry { return append(e, plain("storage/07/7.sqlite", "not a database at all")) },
		"half a database":  func(e []entry) []entry { return append(e, plain("storage/07/7.sqlite", e[1].body[:len(e[1].body)/2])) },
		"an empty storage": func(e []entry) []entry { return append(e, plain("storage/07/7.sqlite", strings.Repeat("\x00", 4096))) },
	} {
		if err := restore(t, pack(t, change(whole[:len(whole):len(whole)]))); !errors.Is(err, backup.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	newer := append([]entry{plain("syncmanager-backup.json", `{"format":2}`)}, whole[1:]...)
	if err := restore(t, pack(t, newer)); !errors.Is(err, backup.ErrNewer) {
		t.Errorf("of a newer program: %v", err)
	}
	if err := restore(t, []byte("a picture of a cat")); !errors.Is(err, backup.ErrNotBackup) {
		t.Errorf("no backup: %v", err)
	}
}

func FuzzRestore(f *testing.F) {
	f.Add([]byte("no archive"))
	var seed bytes.Buffer
	w := tar.NewWriter(&seed)
	for _, e := range []entry{plain("syncmanager-backup.json", `{"format":1}`), plain("token-secret", "x"), plain("checksums.json", "[]")} {
		e.Size = int64(len(e.body))
		if err := w.WriteHeader(&e.Header); err != nil {
			f.Fatal(err)
		}
		io.WriteString(w, e.body)
	}
	f.Add(seed.Bytes())
	f.Fuzz(func(t *testing.T, archive []byte) {
		// No archive without the databases of a server is restored.
		if err := restore(t, archive); err == nil && !bytes.Contains(archive, []byte("SQLite format 3")) {
			t.Error("restored")
		}
	})
}
