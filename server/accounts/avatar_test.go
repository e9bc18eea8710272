package accounts_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts"
)

// portrait is a PNG of one color.
func portrait(t *testing.T, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.NRGBA{200, 20, 20, 255}})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// upload sends a picture by an access token.
func (w *env) upload(access, contentType string, picture []byte) answer {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), "POST", root+"/profile/v1/avatar/upload", bytes.NewReader(picture))
	r.RemoteAddr = w.from
	r.Header.Set("Content-Type", contentType)
	bearer(access)(r, nil)
	return w.send(r)
}

const writeAvatar = "profile:avatar:write"

// path returns the path of a URL of this server.
func (w *env) path(address string) string {
	w.t.Helper()
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, root+"/") {
		w.t.Fatalf("the picture is at %q", address)
	}
	return u.Path
}

// A picture is uploaded, served to anyone who knows its URL, and removed.
func TestAvatar(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	read, write := w.access(s, "profile"), w.access(s, writeAvatar)
	etag := w.get("/profile/v1/profile", bearer(read)).Header().Get("ETag")
	if f := w.get("/profile/v1/avatar", bearer(read)).ok(); f["avatarDefault"] != true || f["id"] != strings.Repeat("0", 32) {
		t.Errorf("before, there is %v", f)
	}

	up := w.upload(write, "image/png; charset=binary", portrait(t, 300))
	if up.Code != 201 {
		t.Fatalf("%d %s", up.Code, up.Body)
	}
	at := up.fields["url"].(string)
	p := w.get("/profile/v1/profile", bearer(read))
	if f := p.ok(); f["avatar"] != at || f["avatarDefault"] != false || p.Header().Get("ETag") == etag {
		t.Errorf("the profile says %v", f)
	}
	id := w.get("/profile/v1/avatar", bearer(read)).text("id")
	shown := w.get(w.path(at), nil)
	for name, want := range map[string]string{
		"Content-Type": "image/jpeg", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
		"Cache-Control": "public, max-age=31536000, immutable",
	} {
		if got := shown.Header().Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	c, format, err := image.DecodeConfig(shown.Body)
	if err != nil || format != "jpeg" || c.Width != 200 || c.Height != 200 {
		t.Errorf("a %s of %d×%d, %v", format, c.Width, c.Height, err)
	}

	// Another picture has another URL, and the first is gone.
	second := w.upload(write, "image/png", portrait(t, 10)).fields["url"].(string)
	if second == at {
		t.Error("another picture has the same address")
	}
	w.get(w.path(at), nil).refused(404, 999)
	w.do("DELETE", "/profile/v1/avatar/"+id, bearer(write), nil).refused(404, 999)
	w.do("DELETE", w.path(second), bearer(write), nil).ok()
	w.get(w.path(second), nil).refused(404, 999)
	if f := w.get("/profile/v1/profile", bearer(read)).ok(); f["avatarDefault"] != true || w.get(w.path(f["avatar"].(string)), nil).Code != 200 {
		t.Errorf("at the end, the profile says %v", f)
	}
}

// Only a token with the right scope changes a picture, and only that of its own account.
func TestAvatarOfAnother(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	alice, bob := w.signUp(email), w.signUp("bob@example.org")
	at := w.path(w.upload(w.access(alice, writeAvatar), "image/png", portrait(t, 10)).fields["url"].(string))
	w.do("DELETE", at, bearer(w.access(bob, writeAvatar)), nil).refused(404, 999)
	for _, scope := range []string{"profile", "profile:avatar", "openid"} {
		token := w.access(alice, scope)
		w.do("DELETE", at, bearer(token), nil).refused(403, 163)
		w.upload(token, "image/png", portrait(t, 10)).refused(403, 163)
	}
	w.do("DELETE", at, nil, nil).refused(401, 110)
	w.get("/profile/v1/avatar", bearer(w.access(alice, writeAvatar))).refused(403, 163)
	if shown := w.get(at, nil); shown.Code != 200 {
		t.Errorf("the picture is gone: %d", shown.Code)
	}

	// It is removed with its account.
	at = w.path(w.upload(w.access(alice, "profile:write"), "image/png", portrait(t, 10)).fields["url"].(string))
	if shown := w.get(at, nil); shown.Code != 200 {
		t.Errorf("the new picture: %d", shown.Code)
	}
	w.post("/auth/v1/account/destroy", nil, map[string]string{"email": email, "authPW": authPW(email, password)}).ok()
	w.get(at, nil).refused(404, 999)
}

// What is not a picture, or is too large, is refused with a reason, and changes nothing.
func TestAvatarRefused(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	write := w.access(w.signUp(email), writeAvatar+" profile")
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)
	w.upload(write, "image/svg+xml", svg).refused(415, 107)
	w.upload(write, "text/html", portrait(t, 10)).refused(415, 107)
	w.upload(write, "image/png", svg).refused(400, 107)
	w.upload(write, "image/jpeg", portrait(t, 10)).refused(400, 107)
	w.upload(write, "image/png", nil).refused(400, 107)
	if f := w.upload(write, "image/png", portrait(t, 1025)).refused(400, 107); !strings.Contains(f["message"].(string), "1024 pixels") {
		t.Errorf("it says %v", f["message"])
	}
	w.upload(write, "image/png", make([]byte, 512<<10+1)).refused(413, 113)
	if f := w.get("/profile/v1/profile", bearer(write)).ok(); f["avatarDefault"] != true {
		t.Errorf("the profile says %v", f)
	}
}

func TestAvatarLimit(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *accounts.Config) { c.Limits.Window = time.Hour })
	write := w.access(w.signUp(email), writeAvatar)
	for range 10 {
		if a := w.upload(write, "image/png", portrait(t, 10)); a.Code != 201 {
			t.Fatalf("%d %s", a.Code, a.Body)
		}
	}
	w.upload(write, "image/png", portrait(t, 10)).refused(429, 114)
	w.clock.Pass(time.Hour)
	if a := w.upload(write, "image/png", portrait(t, 10)); a.Code != 201 {
		t.Errorf("after an hour: %d %s", a.Code, a.Body)
	}
}
