package interop_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// shownPicture waits until Firefox shows the account's own picture, or the default one, and
// returns its URL.
func (p person) shownPicture(own bool) string {
	p.t.Helper()
	raw, err := p.Chrome(p.t.Context(), `
		const { UIState } = ChromeUtils.importESModule("resource://services-sync/UIState.sys.mjs");
		await new Promise(resolve => {
			const check = () => {
				if (UIState.get().avatarIsDefault === !args[0]) {
					Services.obs.removeObserver(check, UIState.ON_UPDATE);
					resolve();
				}
			};
			Services.obs.addObserver(check, UIState.ON_UPDATE);
			check();
		});
		return UIState.get().avatarURL;`, own)
	check(p.t, err)
	var at string
	check(p.t, json.Unmarshal(raw, &at))
	return at
}

// TestAvatarInFirefox chooses a picture on the settings page, which Firefox shows at once, and
// removes it again. Only the image is sent, without the file's metadata.
func TestAvatarInFirefox(t *testing.T) {
	t.Parallel()
	var rec recorder
	w := testenv.ListenThrough(t, rec.wrap)
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	p.signsUp(ann, testenv.Password)
	p.click(onStep("engines") + "form button")
	p.sees(onStep("done"), "You are signed in")

	// The photo is far too large to be sent unchanged, and has private metadata.
	photo := image.NewNRGBA(image.Rect(0, 0, 3000, 1500))
	for i := range photo.Pix {
		photo.Pix[i] = 255
	}
	photo.Set(0, 0, color.Black)
	var b bytes.Buffer
	check(t, png.Encode(&b, photo))
	b.WriteString("taken at 48.2082 N, 16.3738 E")
	file, nothing := filepath.Join(t.TempDir(), "photo.png"), filepath.Join(t.TempDir(), "photo.jpg")
	check(t, os.WriteFile(file, b.Bytes(), 0o600))
	check(t, os.WriteFile(nothing, []byte("no picture"), 0o600))

	check(t, p.Navigate(t.Context(), w.URL+"/settings"))
	p.sees(onStep("settings"), "Signed in as "+ann)
	p.click("details:has(#picture-form) summary")
	p.types("#picture-form input", nothing)
	p.click("#picture-form button")
	p.sees("#picture-form [role=alert]:not([hidden])", "cannot read that file as a picture")
	p.types("#picture-form input", file)
	p.click("#picture-form button")
	p.sees("#picture-form [role=status]:not([hidden])", "The picture is changed.")
	at := p.shownPicture(true)
	if !strings.HasPrefix(at, w.URL+"/profile/v1/avatar/") {
		t.Fatalf("Firefox shows %s", at)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	check(t, err)
	res, err := http.DefaultClient.Do(r)
	check(t, err)
	defer res.Body.Close()
	c, format, err := image.DecodeConfig(res.Body)
	if err != nil || format != "jpeg" || c.Width != 200 || c.Height != 200 {
		t.Errorf("a %s of %d×%d, %v", format, c.Width, c.Height, err)
	}
	raw, err := p.Content(t.Context(), `const img = document.querySelector("#picture"); await img.decode(); return img.naturalWidth;`)
	check(t, err)
	if string(raw) != "200" {
		t.Errorf("the page shows a picture %s wide", raw)
	}

	p.click("#picture-remove button")
	if at := p.shownPicture(false); at != w.URL+"/profile/v1/avatar/default" {
		t.Errorf("Firefox shows %s", at)
	}
	rec.never(t, "48.2082 N")
	rec.never(t, testenv.Password)
}
