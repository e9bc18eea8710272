package interop_test

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/test/chromium"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestAnAppInAPage builds an app for js/wasm and runs it in a web page, with its store in
// memory: it syncs with another device.
func TestAnAppInAPage(t *testing.T) {
	b := chromium.Start(t)
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "app.wasm"), "./testdata/page")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	support, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		t.Fatal(err)
	}
	html := `<!DOCTYPE html><title>app</title><script src="wasm_exec.js"></script><script>
		const go = new Go();
		go.argv = ["app", location.origin, ...new URLSearchParams(location.search).getAll("arg")];
		WebAssembly.instantiateStreaming(fetch("app.wasm"), go.importObject).then(r => go.run(r.instance));
	</script>`
	for name, content := range map[string][]byte{"wasm_exec.js": support, "index.html": []byte(html)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := testenv.ListenThrough(t, func(next http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/app/", http.StripPrefix("/app/", http.FileServer(http.Dir(dir))))
		mux.Handle("/", next)
		return mux
	})
	const ann = "ann@example.org"
	laptop := w.Device("laptop", ann)
	type note struct {
		ID   collection.ID `json:"id"`
		Text string        `json:"text"`
	}
	notes := testenv.Open(laptop, func(c engine.StoreConfig) (*collection.Engine[note], error) {
		return collection.Open(context.WithoutCancel(t.Context()), "example-notes", collection.Options[note]{Path: c.Path, Key: c.Key})
	})
	if _, err := notes.Add(t.Context(), note{Text: "from the laptop"}); err != nil {
		t.Fatal(err)
	}
	laptop.Sync()

	p := b.Page(t)
	p.Open(w.URL + "/app/?" + url.Values{"arg": {ann, testenv.Password}}.Encode())
	p.Wait(`"said" in window`)
	if said := chromium.Eval[string](p, `return window.said`); said != "from the laptop, from the page" {
		t.Errorf("the page has %q", said)
	}
	for _, c := range p.Complaints() {
		t.Logf("the page says: %s", c.Text)
	}
	laptop.Sync()
	var all []string
	for n, err := range notes.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n.Text)
	}
	if got := strings.Join(all, ", "); got != "from the laptop, from the page" {
		t.Errorf("the laptop has %q", got)
	}
}
