package profile

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"image"
	"image/png"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/testclock"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/authtest"
	"github.com/syncmanager/syncmanager/server/accounts/internal/devices"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
)

type env struct {
	*authtest.Env
	*Handlers
	clock *testclock.Clock
	full  bool
}

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{clock: testclock.At(time.Unix(1_795_372_558, 0))}
	e.Env = authtest.New(t, e.clock.Now)
	e.Handlers = &Handlers{
		DB: e.Env.DB, Auth: e.Env.Auth, Notifier: devices.NewNotifier(devices.Config{Store: e.Env.DB}), URLs: e.Env.URLs,
		Full: func() bool { return e.full }, Drawing: make(chan struct{}, 1), Now: e.clock.Now, Rand: rand.Reader,
	}
	return e
}

// code is the HTTP status of a refusal; 0: there is none.
func code(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatal(err)
	}
	return f.Code
}

// Each answer needs a scope, and a scope for reading cannot change anything.
func TestScopes(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	handlers := map[string]api.Handler{
		"profile": e.Profile, "email": e.Email, "uid": e.UID, "display_name": e.DisplayName, "avatar": e.Avatar,
		"name": e.SetDisplayName, "upload": e.UploadAvatar, "delete": e.DeleteAvatar, "account": e.AccountProfile,
	}
	for scope, allowed := range map[string]string{
		oauth.Profile:          "profile email uid display_name avatar account",
		oauth.OpenID:           "profile",
		oauth.Email:            "",
		"profile:email":        "email",
		"profile:uid":          "uid",
		"profile:display_name": "display_name",
		"profile:avatar":       "avatar",
		oauth.AvatarWrite:      "upload delete",
		oauth.ProfileWrite:     "profile email uid display_name avatar account name upload delete",
	} {
		for name, h := range handlers {
			_, err := h(e.ByAccess(scope, `{"displayName":"Ann"}`))
			if got, want := code(t, err) != http.StatusForbidden, slices.Contains(strings.Fields(allowed), name); got != want {
				t.Errorf("%s with %s: allowed %v, want %v (%v)", name, scope, got, want, err)
			}
		}
	}
	for name, h := range handlers {
		if _, err := h(e.Request("")); !errors.Is(err, fault.ErrToken) {
			t.Errorf("%s without a token: %v", name, err)
		}
	}
	if _, err := e.AccountProfile(e.BySession("")); err != nil {
		t.Errorf("the account by its session: %v", err)
	}
}

// A token for OpenID alone gives the ID, and the address only with the email scope.
func TestUserInfo(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for scope, want := range map[string]userInfo{
		oauth.OpenID:                    {Subject: authtest.UID},
		oauth.OpenID + " email":         {authtest.UID, authtest.Email},
		oauth.OpenID + " profile:email": {authtest.UID, authtest.Email},
		oauth.OpenID + " profile:uid":   {Subject: authtest.UID},
	} {
		if got, err := e.Profile(e.ByAccess(scope, "")); err != nil || got != want {
			t.Errorf("with %s: %+v, %v; want %+v", scope, got, err, want)
		}
	}
}

// A client that has the profile already gets it again only after it changed.
func TestETag(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	get := func(scope, etag string) api.Raw {
		t.Helper()
		r := e.ByAccess(scope, "")
		r.Header.Set("If-None-Match", etag)
		out, err := e.Profile(r)
		if err != nil {
			t.Fatal(err)
		}
		return out.(api.Raw)
	}
	first := get(oauth.Profile, "")
	etag := first.Header["ETag"]
	if first.Code != http.StatusOK || etag == "" {
		t.Fatalf("answered %d with %q", first.Code, etag)
	}
	for _, has := range []string{etag, `"` + etag + `"`, strings.Trim(etag, `"`)} {
		if again := get(oauth.Profile, has); again.Code != http.StatusNotModified || again.Body != nil || again.Header["ETag"] != etag {
			t.Errorf("to who has %s: %d %s", has, again.Code, again.Body)
		}
	}
	if other := get(oauth.Profile+" "+oauth.OpenID, etag); other.Code != http.StatusOK {
		t.Errorf("with other scopes: %d", other.Code)
	}
	e.clock.Pass(time.Second)
	if _, err := e.SetDisplayName(e.ByAccess(oauth.ProfileWrite, `{"displayName":"Ann"}`)); err != nil {
		t.Fatal(err)
	}
	if changed := get(oauth.Profile, etag); changed.Code != http.StatusOK || !bytes.Contains(changed.Body, []byte(`"displayName":"Ann"`)) {
		t.Errorf("after a change: %d %s", changed.Code, changed.Body)
	}
}

// A name has at most 256 characters, on one line; "" removes it.
func TestSetDisplayName(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, c := range []struct {
		name    string
		refused bool
	}{
		{strings.Repeat("é", 256), false},
		{strings.Repeat("é", 257), true},
		{"a\\nb", true},
		{"a\\u0000", true},
		{"a\\u0085b", true},
		{"Ann 🦊", false},
		{"", false},
	} {
		was := e.Account()
		e.clock.Pass(time.Second)
		_, err := e.SetDisplayName(e.ByAccess(oauth.ProfileWrite, `{"displayName":"`+c.name+`"}`))
		is := e.Account()
		switch {
		case c.refused && (authtest.Refused(t, err) != "displayName" || is.DisplayName != was.DisplayName || is.ProfileAt != was.ProfileAt):
			t.Errorf("%.20q: %v, it is now %q", c.name, err, is.DisplayName)
		case !c.refused && (err != nil || is.DisplayName != c.name || is.ProfileAt != e.clock.Now().UnixMilli()):
			t.Errorf("%.20q: %v, it is now %q", c.name, err, is.DisplayName)
		}
	}
}

func square(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (e *env) upload(contentType, body string) (uploadAnswer, error) {
	r := e.ByAccess(oauth.AvatarWrite, body)
	r.Header.Set("Content-Type", contentType)
	out, err := e.UploadAvatar(r)
	if err != nil {
		return uploadAnswer{}, err
	}
	var answer uploadAnswer
	err = (&api.Request{Body: out.(api.Raw).Body}).Decode(&answer)
	return answer, err
}

// served asks for a picture, as a browser does.
func (e *env) served(id string) (api.Raw, error) {
	r := e.Request("")
	r.SetPathValue("id", id)
	out, err := e.AvatarImage(r)
	raw, _ := out.(api.Raw)
	return raw, err
}

// A picture is served under an ID of its own until there is another.
func TestAvatar(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	about := func() avatarAnswer {
		t.Helper()
		out, err := e.Avatar(e.ByAccess("profile:avatar", ""))
		if err != nil {
			t.Fatal(err)
		}
		return out.(avatarAnswer)
	}
	const at = "https://sync.example.org/profile/v1/avatar/"
	if got, want := about(), (avatarAnswer{noAvatar, true, at + "default", at + "default"}); got != want {
		t.Errorf("at first: %+v, want %+v", got, want)
	}
	first, err := e.upload(" IMAGE/PNG ; charset=x", square(t))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := about(), (avatarAnswer{first.ID, false, at + first.ID, at + first.ID}); got != want {
		t.Errorf("uploaded: %+v, want %+v", got, want)
	}
	raw, err := e.served(first.ID)
	if err != nil || raw.Header["Content-Type"] != "image/jpeg" || raw.Header["X-Content-Type-Options"] != "nosniff" ||
		!strings.Contains(raw.Header["Content-Security-Policy"], "default-src 'none'") {
		t.Errorf("served %+v, %v", raw.Header, err)
	}
	second, err := e.upload("image/png", square(t))
	if err != nil || second.ID == first.ID {
		t.Fatalf("another: %+v, %v", second, err)
	}
	if _, err := e.served(first.ID); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("the first: %v; want it gone", err)
	}
	remove := func(id string) error {
		r := e.ByAccess(oauth.AvatarWrite, "")
		r.SetPathValue("id", id)
		_, err := e.DeleteAvatar(r)
		return err
	}
	changed := e.Account().ProfileAt
	e.clock.Pass(time.Second)
	if err := remove(first.ID); !errors.Is(err, fault.ErrNotFound) || about().ID != second.ID || e.Account().ProfileAt != changed {
		t.Errorf("removing what is gone: %v", err)
	}
	if err := remove(second.ID); err != nil || !about().Default {
		t.Errorf("removing it: %v", err)
	}
}

// What is not a picture is refused, and so is one too many in an hour, or one without room.
func TestUploadsAreBounded(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, c := range []struct {
		contentType, body string
		code              int
	}{
		{"image/svg+xml", square(t), http.StatusUnsupportedMediaType},
		{"", square(t), http.StatusUnsupportedMediaType},
		{"image/png", "not a picture", http.StatusBadRequest},
		{"image/png", "", http.StatusBadRequest},
	} {
		if _, err := e.upload(c.contentType, c.body); code(t, err) != c.code {
			t.Errorf("%q as %q: %v; want %d", c.body, c.contentType, err, c.code)
		}
	}
	e.full = true
	if _, err := e.upload("image/png", square(t)); !errors.Is(err, fault.ErrFull) {
		t.Errorf("on a full disk: %v", err)
	}
	e.full = false
	for n := 5; n < avatarUploads; n++ {
		if _, err := e.upload("image/png", square(t)); err != nil {
			t.Fatalf("upload %d: %v", n+1, err)
		}
	}
	if _, err := e.upload("image/png", square(t)); !errors.Is(err, fault.ErrThrottled) {
		t.Errorf("upload %d: %v", avatarUploads+1, err)
	}
	e.clock.Pass(time.Hour)
	if _, err := e.upload("image/png", square(t)); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

// While one picture is drawn the next one waits, as long as its client does.
func TestOnePictureIsDrawnAtOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.Drawing <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := e.draw(ctx, []byte(square(t)), "image/png"); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that left: %v", err)
	}
	<-e.Drawing
	if _, kind, err := e.draw(t.Context(), []byte(square(t)), "image/png"); err != nil || kind != "image/jpeg" || len(e.Drawing) != 0 {
		t.Errorf("then: %s, %v, %d are drawn", kind, err, len(e.Drawing))
	}
}
