package interop_test

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/test/chromium"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/console"
)

// operated is a server with the operator's pages, and some users.
func operated(t *testing.T) (root string, s *server.Server) {
	t.Helper()
	root, s = serve(t, func(c *server.Config) {
		c.OperatorPages = console.New(console.Config{
			Dir: c.Dir, Backups: filepath.Join(t.TempDir(), "backups"), Now: time.Now, Log: slog.New(slog.DiscardHandler),
		})
	})
	for _, email := range []string{ann, `<img/src="x">@example.org`, strings.Repeat("long", 15) + "@" + strings.Repeat("name.", 8) + "example.org"} {
		by, err := onepw.NewCredentials(email, testenv.Password, rand.Reader)
		check(t, err)
		_, err = s.AddUser(t.Context(), email, accounts.Credentials(by))
		check(t, err)
	}
	return root, s
}

// TestOperatorPages looks after a server in Chromium by the keyboard, and checks each page on every screen.
func TestOperatorPages(t *testing.T) {
	t.Parallel()
	b := chromium.Start(t)
	t.Run("Link", func(t *testing.T) { storyOperatorLink(t, b) })
	t.Run("Account", func(t *testing.T) { storyOperatorAccount(t, b) })
	t.Run("WithoutScripts", func(t *testing.T) { storyOperatorWithoutScripts(t, b) })
}

func storyOperatorLink(t *testing.T, b *chromium.Browser) {
	root, s := operated(t)
	v := visitor{t, b.Page(t), root}
	v.Show(screens["small, light"])
	link, _, err := s.OperatorLink(t.Context())
	check(t, err)
	v.Open(link)
	v.at("Sign in as an operator")
	v.Wait(`document.activeElement.textContent === "Sign in by the code" && location.hash === ""`)
	v.looksWell("operator, sign in")
	v.Press(chromium.Enter)
	v.at("Overview")
	v.sees("Make one under Backups")
	v.looksWell("operator, overview")

	v.goes("Backups")
	v.Press(chromium.Enter)
	v.at("Backups")
	v.goes("Back up now")
	v.Press(chromium.Enter)
	v.sees("is complete and was read back")
	v.looksWell("operator, backups")
	v.Open(root + "/admin")
	v.at("Overview")
	v.sees("the newest is of")

	v.goes("Invitations")
	v.Press(chromium.Enter)
	v.at("Invitations")
	v.goes("Note for yourself, such as who it is for")
	v.Press("for <b>Bob</b>" + chromium.Enter)
	v.at("Invitations")
	v.sees("The new invitation")
	v.sees("for <b>Bob</b>")
	v.looksWell("operator, invitation")

	v.goes("Quotas")
	v.Press(chromium.Enter)
	v.at("Quotas")
	v.looksWell("operator, quotas")
	v.goes("Nodes")
	v.Press(chromium.Enter)
	v.at("Nodes")
	v.looksWell("operator, nodes")

	v.goes("Users")
	v.Press(chromium.Enter)
	v.at("Users")
	v.looksWell("operator, users")
	v.goes("E-mail address or uid")
	v.Press("ANN@" + chromium.Enter)
	v.sees("1 user with “ANN@”")
	v.goes(ann)
	v.Press(chromium.Enter)
	v.at(ann)
	v.goes("Disable the user")
	v.Press(chromium.Enter)
	v.sees("no device of theirs can sign in or sync")
	v.looksWell("operator, user")
	v.goes("Delete the account")
	v.Press(chromium.Enter)
	v.goes("Type the address to confirm: " + ann)
	v.Press("bob@example.org" + chromium.Enter)
	v.at("This did not work")
	v.sees("nothing was deleted")
	v.looksWell("operator, mistake")
	v.Open(root + "/admin/users?q=img")
	v.sees(`<img/src="x">@example.org`)
	v.goes(`<img/src="x">@example.org`)
	v.Press(chromium.Enter)
	v.at(`<img/src="x">@example.org`)
	v.looksWell("operator, hostile user")

	v.goes("Security log")
	v.Press(chromium.Enter)
	v.at("Security log")
	v.sees("user disabled")
	v.looksWell("operator, security log")
	v.Open(root + "/admin/nowhere")
	v.at("Not found")
	v.goes("Sign out")
	v.Press(chromium.Enter)
	v.sees("Page not found") // the pages are gone with their last session
}

func storyOperatorAccount(t *testing.T, b *chromium.Browser) {
	root, s := operated(t)
	v := visitor{t, b.Page(t), root}
	v.Show(screens["small, light"])
	_, err := s.AddOperator(t.Context(), ann)
	check(t, err)
	signIn := func(code string) {
		t.Helper()
		v.Open(root + "/admin")
		v.at("Sign in as an operator")
		v.Wait(`document.querySelector("#account").checkVisibility()`)
		v.goes("E-mail address")
		v.Press(ann)
		v.goes("Password")
		v.Press(testenv.Password)
		v.goes("Code of two-step sign-in")
		v.Press(code + chromium.Enter)
	}
	signIn("")
	v.sees("An operator needs two-step sign-in")

	v.signsIn(ann, testenv.Password)
	v.at("Your account")
	v.goes("Set it up")
	v.Press(chromium.Enter)
	v.sees("Confirm that it is you")
	v.Press(testenv.Password + chromium.Enter)
	v.sees("Scan this with an authenticator app")
	key := chromium.Eval[string](v.Page, `return document.querySelector("#two-step-secret").textContent`)
	v.Press(authenticator(t, key, 0) + chromium.Enter)
	v.sees("Two-step sign-in is on.")

	signIn(authenticator(t, key, 1))
	v.sees("Health")
	v.sees("Signed in " + ann)
	v.uncomplaining("operator, signed in with an account")
	if cookies := chromium.Eval[string](v.Page, `return document.cookie`); cookies != "" {
		t.Errorf("scripts see the cookie %q", cookies)
	}
	check(t, s.RemoveOperator(t.Context(), ann))
	v.goes("Users")
	v.Press(chromium.Enter)
	v.sees("Page not found")
}

func storyOperatorWithoutScripts(t *testing.T, b *chromium.Browser) {
	root, s := operated(t)
	v := visitor{t, b.Page(t), root}
	v.Show(screens["small, light"])
	v.WithoutScripts()
	link, _, err := s.OperatorLink(t.Context())
	check(t, err)
	_, code, _ := strings.Cut(link, "#")
	v.Open(root + "/admin")
	v.sees("To sign in with an account needs JavaScript")
	v.goes("Code of a link")
	v.Press(code + chromium.Enter)
	v.sees("Health")
	v.goes("Users")
	v.Press(chromium.Enter)
	v.sees("3 users")
	v.Open(fmt.Sprint(root, "/admin/users?q=", ann))
	v.goes(ann)
	v.Press(chromium.Enter)
	v.at(ann)
	v.goes("Disable the user")
	v.Press(chromium.Enter)
	v.sees("The user is disabled")
}
