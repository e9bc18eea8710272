package account_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/internal/onepw"
)

// post makes a request of the server's pages, which this package does not need.
func (w *env) post(a *account.Account, path, body string, out any) {
	w.t.Helper()
	token, err := hex.DecodeString(a.Session().Token)
	if err != nil {
		w.t.Fatal(err)
	}
	w.postAs(onepw.SessionToken(token), path, body, out)
}

func (w *env) postAs(key onepw.HAWK, path, body string, out any) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, root+"/auth/v1"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	const contentType = "application/json"
	r.Header.Set("Content-Type", contentType)
	nonce, err := hawk.Nonce(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if key.ID != "" {
		hawk.Sign(r, hawk.Credentials{ID: key.ID, Key: key.Key}, w.Now().Unix(), nonce, hawk.PayloadHash(contentType, []byte(body)))
	}
	res, err := inproc.New(w.server.Handler()).RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %d %s %v", path, res.StatusCode, answer, err)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			w.t.Fatal(err)
		}
	}
}

// twoStep sets two-step sign-in up, and returns the app and the backup codes.
func (w *env) twoStep(a *account.Account) (app func() string, backup []string) {
	w.t.Helper()
	var made struct {
		Secret string `json:"secret"`
	}
	w.post(a, "/session/reauth", fmt.Sprintf(`{"email":%q,"authPW":%q}`, email, authPW(w.t, a.Session())), nil)
	w.post(a, "/totp/create", `{}`, &made)
	secret, err := base32.StdEncoding.DecodeString(made.Secret)
	if err != nil {
		w.t.Fatal(err)
	}
	app = func() string {
		w.Pass(30 * time.Second) // a code is good once
		m := hmac.New(sha1.New, secret)
		_ = binary.Write(m, binary.BigEndian, w.Now().Unix()/30)
		sum := m.Sum(nil)
		return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[sum[19]&15:])&(1<<31-1))%1_000_000)
	}
	var done struct {
		Codes []string `json:"recoveryCodes"`
	}
	w.post(a, "/session/verify/totp", fmt.Sprintf(`{"code":%q}`, app()), &done)
	return app, done.Codes
}

// codes returns an [account.Config] Code function that returns these codes.
func codes(t *testing.T, want account.CodeKind, list ...func() string) func(context.Context, account.CodeKind, bool) (string, error) {
	n := 0
	return func(_ context.Context, kind account.CodeKind, again bool) (string, error) {
		if kind != want || again != (n > 0) {
			t.Errorf("asked for the %s code, again: %v", kind, again)
		}
		if n++; n > len(list) {
			return "", nil
		}
		return list[n-1](), nil
	}
}

func text(s string) func() string { return func() string { return s } }

func TestTwoStepSignIn(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	app, backup := w.twoStep(a)
	login := func(list ...func() string) (*account.Account, error) {
		return w.client(func(c *account.Config) {
			if list != nil {
				c.Code = codes(t, account.CodeTOTP, list...)
			}
		}).Login(t.Context(), email, password)
	}
	for name, list := range map[string][]func() string{
		"the app's code":           {func() string { c := app(); return " " + c[:3] + " " + c[3:] + "\n" }},
		"a wrong one first":        {text("000000"), app},
		"a backup code":            {text(strings.ToLower(backup[0]))},
		"a backup code at the end": {text("not-a-code"), text("1234567"), text(backup[1])},
	} {
		b, err := login(list...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(b.Session().Key, a.Session().Key) {
			t.Errorf("%s: another key", name)
		}
		if _, err := b.AccessToken(t.Context(), false); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := login()
	if needs, ok := errors.AsType[*account.NeedsCodeError](err); !ok || needs.Kind != account.CodeTOTP {
		t.Errorf("without a code: %v", err)
	}
	if _, err := login(text("000000")); !errors.Is(err, account.ErrWrongCode) {
		t.Errorf("a wrong code and no other: %v", err)
	}
	if _, err := login(text(backup[0])); !errors.Is(err, account.ErrWrongCode) {
		t.Errorf("a backup code for the second time: %v", err)
	}
	if _, err := w.client(func(c *account.Config) {
		c.Code = func(context.Context, account.CodeKind, bool) (string, error) { return "", context.Canceled }
	}).Login(t.Context(), email, password); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if strings.Contains(w.log.String(), backup[1]) {
		t.Error("a backup code is in the log")
	}
}

// A failed sign-in does not leave a session on the server.
func TestAbandonedSignIn(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	w.twoStep(w.create())
	if _, err := w.client(nil).Login(t.Context(), email, password); err == nil {
		t.Fatal("signed in without a code")
	}
	if n := w.sessions(); n != 0 || !strings.Contains(w.log.String(), "/account/login") {
		t.Errorf("%d sessions are left", n)
	}
}

// sessions counts the sign-ins that were granted and not ended since.
func (w *env) sessions() (n int) {
	for line := range strings.Lines(w.log.String()) {
		switch {
		case !strings.Contains(line, "status=200"):
		case strings.Contains(line, "/account/login"):
			n++
		case strings.Contains(line, "/session/destroy"):
			n--
		}
	}
	return n
}

// intercepted answers in the server's place if answer returns a response, for requests that
// this server does not have.
func intercepted(w *env, answer func(path string, body map[string]string) (code int, text string)) http.RoundTripper {
	inner := inproc.New(w.server.Handler())
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(b))
		body := map[string]string{}
		_ = json.Unmarshal(b, &body)
		if code, text := answer(strings.TrimPrefix(r.URL.Path, "/auth/v1"), body); code != 0 {
			return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
		}
		return inner.RoundTrip(r)
	})
}

// A server that asks for an unblock code, as Mozilla's may.
func TestUnblockCode(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	w.create()
	sent := 0
	transport := intercepted(w, func(path string, body map[string]string) (int, string) {
		switch {
		case path == "/account/login/send_unblock_code":
			if sent++; body["email"] != email {
				t.Errorf("a code for %v", body)
			}
			return 200, `{}`
		case path == "/account/login" && body["unblockCode"] == "":
			return 400, `{"errno":125,"message":"Request blocked","verificationMethod":"email-captcha","verificationReason":"login"}`
		case path == "/account/login" && body["unblockCode"] != "ABCD1234":
			return 400, `{"errno":127,"message":"Invalid unblock code"}`
		}
		return 0, ""
	})
	login := func(list ...func() string) error {
		_, err := w.client(func(c *account.Config) {
			c.Transport = transport
			c.Code = codes(t, account.CodeUnblock, list...)
		}).Login(t.Context(), email, password)
		return err
	}
	if err := login(text("wrong"), text(" abcd1234 ")); err != nil || sent != 1 {
		t.Errorf("%d codes sent, %v", sent, err)
	}
	if err := login(text("a"), text("b"), text("c"), text("ABCD1234")); !errors.Is(err, account.ErrWrongCode) {
		t.Errorf("the fourth code is taken: %v", err)
	}
	if needs, ok := errors.AsType[*account.NeedsCodeError](login()); !ok || needs.Kind != account.CodeUnblock {
		t.Error("without a code it is not said that one is needed")
	}
}

// A server that confirms each sign-in by e-mail.
func TestEmailCode(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	w.create()
	var asked []string
	transport := intercepted(w, func(path string, body map[string]string) (int, string) {
		switch path {
		case "/account/login":
			asked = append(asked, body["verificationMethod"])
		case "/session/verify_code":
			if body["code"] != "123456" {
				return 400, `{"errno":183,"message":"Invalid or expired confirmation code"}`
			}
			return 200, `{}`
		}
		return 0, ""
	})
	unverified := changed(transport, "/account/login", func(b []byte) []byte {
		return bytes.Replace(b, []byte(`"verified":true`), []byte(`"verified":false,"verificationMethod":"email-otp"`), 1)
	})
	_, err := w.client(func(c *account.Config) {
		c.Transport = unverified
		c.Code = codes(t, account.CodeEmail, text("000000"), text("123456"))
	}).Login(t.Context(), email, password)
	if err != nil || !slices.Equal(asked, []string{"email-otp"}) {
		t.Errorf("asked for %v, %v", asked, err)
	}
}
