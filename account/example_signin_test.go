package account_test

import (
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
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/test/testpage"
	"github.com/syncmanager/syncmanager/server"
)

// signInServer is a server without a socket, with an account.
type signInServer struct {
	dir       string
	server    *server.Server
	transport http.RoundTripper
	ahead     time.Duration // of the real time
	account   *account.Account
}

func newSignInServer() *signInServer {
	w := &signInServer{}
	var err error
	w.dir, err = os.MkdirTemp("", "example")
	must(err)
	w.server, err = server.New(context.Background(), server.Config{
		Dir: filepath.Join(w.dir, "server"), PublicURL: "https://sync.example.org", PasswordCost: 4, Now: w.now, Rand: rand.Reader,
		Log: slog.New(slog.DiscardHandler), PurgeTicks: make(chan time.Time),
	})
	must(err)
	w.transport = inproc.New(w.server.Handler())
	c, err := account.New(account.Config{Server: "https://sync.example.org", Transport: w.transport, Now: w.now})
	must(err)
	w.account, err = c.CreateAccount(context.Background(), "ann@example.org", "correct horse battery staple")
	must(err)
	return w
}

func (w *signInServer) now() time.Time { return time.Now().Add(w.ahead) }

func (w *signInServer) close() {
	must(w.server.Close(context.Background()))
	must(os.RemoveAll(w.dir))
}

// pageSignsIn does what the server's page does when the user has signed in on it, and returns
// the address on which the browser ends.
func (w *signInServer) pageSignsIn(address string) string {
	s := w.account.Session()
	end, err := testpage.Finish(w.transport, address, s.Token, testpage.Keys(s.KeyID, s.Key))
	must(err)
	return end
}

// post makes a request of the server's settings page.
func (w *signInServer) post(path, body string, out any) {
	r, err := http.NewRequest(http.MethodPost, "https://sync.example.org/auth/v1"+path, strings.NewReader(body))
	must(err)
	r.Header.Set("Content-Type", "application/json")
	nonce, err := hawk.Nonce(rand.Reader)
	must(err)
	token, err := hex.DecodeString(w.account.Session().Token)
	must(err)
	key := onepw.SessionToken(token)
	hawk.Sign(r, hawk.Credentials{ID: key.ID, Key: key.Key}, w.now().Unix(), nonce, hawk.PayloadHash("application/json", []byte(body)))
	res, err := w.transport.RoundTrip(r)
	must(err)
	defer res.Body.Close()
	must(json.NewDecoder(res.Body).Decode(out))
}

// twoStep sets two-step sign-in up on the settings page, and returns the authenticator app.
func (w *signInServer) twoStep() (app func() string) {
	s := w.account.Session()
	v2, err := onepw.StretchV2(s.Kept().Salt, "correct horse battery staple")
	must(err)
	var made struct {
		Secret string `json:"secret"`
	}
	w.post("/session/reauth", fmt.Sprintf(`{"email":"ann@example.org","authPW":%q}`, hex.EncodeToString(v2.AuthPW)), &made)
	w.post("/totp/create", `{}`, &made)
	secret, err := base32.StdEncoding.DecodeString(made.Secret)
	must(err)
	app = func() string {
		w.ahead += 30 * time.Second // a code is good once
		m := hmac.New(sha1.New, secret)
		must(binary.Write(m, binary.BigEndian, w.now().Unix()/30))
		sum := m.Sum(nil)
		return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[sum[19]&15:])&(1<<31-1))%1_000_000)
	}
	w.post("/session/verify/totp", fmt.Sprintf(`{"code":%q}`, app()), &made)
	return app
}

// The app asks for the password once, and keeps the session.
func ExampleClient_Login() {
	ctx := context.Background()
	w := newSignInServer()
	defer w.close()
	file := account.SessionFile{Path: filepath.Join(w.dir, "session"), Key: [32]byte{ /* syncmanager.LocalKey */ }}
	config := account.Config{Server: "https://sync.example.org", Save: file.Save, Transport: w.transport}

	c, err := account.New(config)
	must(err)
	_, err = c.Login(ctx, "ann@example.org", "wrong")
	fmt.Println(errors.Is(err, account.ErrWrongPassword))
	a, err := c.Login(ctx, "ann@example.org", "correct horse battery staple")
	must(err)
	must(a.RegisterDevice(ctx, "Ann's laptop", "desktop"))

	// When the app starts again:
	session, err := file.Load()
	must(err)
	a = c.Resume(session)
	devices, err := a.Devices(ctx)
	must(err)
	for _, d := range devices {
		fmt.Println(d.Name, d.Current)
	}
	// Output:
	// true
	// Ann's laptop true
}

// The account has two-step sign-in: the server asks for a code.
func ExampleClient_Login_twoStep() {
	ctx := context.Background()
	w := newSignInServer()
	defer w.close()
	authenticator := w.twoStep()

	c, err := account.New(account.Config{
		Server: "https://sync.example.org", Transport: w.transport, Now: w.now,
		Code: func(_ context.Context, kind account.CodeKind, again bool) (string, error) {
			fmt.Println("the server asks for a code:", kind, again)
			if !again {
				return "000000", nil // the user mistypes it
			}
			return authenticator(), nil
		},
	})
	must(err)
	a, err := c.Login(ctx, "ann@example.org", "correct horse battery staple")
	must(err)
	fmt.Println(a.Session().Email)
	// Output:
	// the server asks for a code: two-step false
	// the server asks for a code: two-step true
	// ann@example.org
}

// The user signs in on the server's own pages, in any browser.
func ExampleClient_BrowserSignIn() {
	ctx := context.Background()
	w := newSignInServer()
	defer w.close()

	c, err := account.New(account.Config{Server: "https://sync.example.org", Transport: w.transport})
	must(err)
	in, err := c.BrowserSignIn(ctx)
	must(err)
	defer in.Close()
	address := w.pageSignsIn(in.URL) // the app opens in.URL, and the user signs in there

	// With Config.Listen a browser on this computer returns by itself, and the app calls
	// in.Await. Otherwise the user copies the address on which the browser ended.
	a, err := in.Finish(ctx, address)
	must(err)
	fmt.Println(a.Session().Email)
	// Output:
	// ann@example.org
}

// Without a manager the account signs out by itself.
func ExampleAccount_SignOut() {
	ctx := context.Background()
	a, _, closeAll := twoDevices()
	defer closeAll()

	must(a.SignOut(ctx))
	_, err := a.Devices(ctx)
	fmt.Println(errors.Is(err, account.ErrSignedOut))
	// Output:
	// true
}

func ExampleAccount_SendTab() {
	ctx := context.Background()
	laptop, phone, closeAll := twoDevices()
	defer closeAll()

	devices, err := laptop.Devices(ctx)
	must(err)
	for _, d := range devices {
		if !d.Current && d.TakesTabs {
			must(laptop.SendTab(ctx, d.ID, account.Tab{Title: "A page", URL: "https://example.org/"}))
		}
	}

	must(phone.Receive(ctx, "Ann's phone", "mobile", func(messages []account.Message) error {
		for _, m := range messages {
			if m.Tab != nil {
				fmt.Println("open", m.Tab.URL) // an app stores it before it returns
			}
		}
		return nil // now they count as received
	}))
	// Output:
	// open https://example.org/
}

// A subscription whose endpoint is that of the system's push service.
func ExampleAccount_SetPushSubscription() {
	ctx := context.Background()
	a, _, closeAll := twoDevices()
	defer closeAll()

	must(a.SetPushSubscription(ctx, "https://push.example.net/f00d"))

	// Each message that arrives goes to Manager.HandlePush, or without a manager to:
	_, _, err := a.OpenPush([]byte("what anybody may send to the endpoint"))
	fmt.Println(errors.Is(err, account.ErrPush))
	// Output:
	// true
}
