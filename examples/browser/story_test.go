package main

import (
	"bufio"
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPagesOfTwoDevices(t *testing.T) {
	t.Parallel()
	laptop, phone := twoDevices(t)
	laptop.do("open", "https://go.dev/doc/effective_go", "Effective", "Go")
	laptop.do("follow", "https://go.dev/doc/effective_go", "https://example.org/", "Example")
	laptop.shows(`.* https://example.org/ Example from https://go.dev/doc/effective_go`, "visits")
	laptop.do("bookmark", "add", "https://go.dev/blog/", "The Go Blog")
	laptop.shows(`history: 0 received, 2 sent`, "sync")

	phone.shows(`history: 2 received, 0 sent`, "sync")
	phone.shows(`> go.dev/`, "type", "go")
	phone.shows(`0.* https://go.dev/blog/ The Go Blog \(by words, bookmarked\)`, "type", "go")
	phone.shows(`3.* https://example.org/ Example \(by url\)`, "type", "https://www.example.org/")
	phone.do("pick", "g", "https://go.dev/doc/effective_go")
	phone.shows(`2.* https://go.dev/doc/effective_go .* \(by choice, open\)`, "type", "g")
	phone.shows(`\d+ https://example.org/`, "top", "go.dev")
	phone.hides("go.dev", "top", "go.dev")
	phone.shows(`2`, "visits", "go.dev")

	phone.do("forget", "https://example.org/")
	phone.do("sync")
	laptop.do("sync")
	laptop.hides("example.org", "visits")
	laptop.shows(`1 restored`, "undo", "history")
	laptop.shows(`.*https://example.org/ Example`, "visits")
	laptop.do("sync")
	phone.do("sync")
	phone.shows(`.*https://example.org/ Example on another device`, "visits")
	phone.shows(`1 pages and 2 visits deleted`, "forget", "go.dev") // the bookmark stays

	laptop.shows(`2 pages and 3 visits deleted, here alone`, "forget-here")
	laptop.do("sync")
	laptop.hides("example.org", "visits")
	phone.do("sync")
	phone.shows(`.*https://example.org/ Example`, "visits")
}

func TestBookmarksOfTwoDevices(t *testing.T) {
	t.Parallel()
	laptop, phone := twoDevices(t)
	folder := laptop.do("bookmark", "folder", "Languages")
	blog := laptop.do("bookmark", "add", "https://go.dev/blog/", "The Go Blog")
	laptop.do("sync")
	phone.do("sync")

	// Both change the same bookmark, and each other's change stays.
	laptop.do("bookmark", "move", blog, folder)
	phone.do("bookmark", "edit", blog, "Go's blog")
	phone.do("bookmark", "tag", blog, "go", "news")
	for _, d := range []device{laptop, phone, laptop} {
		d.do("sync")
	}
	for _, d := range []device{laptop, phone} {
		d.shows(folder+` Languages\n\s*`+blog+` Go's blog https://go.dev/blog/ #go #news`, "bookmarks")
		d.shows(blog, "bookmark", "find", "new")
		d.shows(blog, "bookmark", "recent")
		d.shows("1", "bookmark", "count", folder)
	}
	laptop.do("bookmark", "edit", blog, "Go's blog", "toolbar_____")
	laptop.shows("0", "bookmark", "count", folder)
	laptop.do("bookmark", "edit", blog, "Go's blog", folder)
	laptop.do("sync")
	phone.do("sync")

	// A folder that one deletes by mistake comes back with what is in it.
	phone.shows("2 deleted", "bookmark", "delete", folder)
	phone.do("sync")
	laptop.do("sync")
	laptop.shows("0", "bookmark", "count")
	laptop.shows("2 restored", "undo", "bookmarks")
	laptop.do("sync")
	phone.do("sync")
	phone.shows(blog+` Go's blog https://go.dev/blog/ #go #news`, "bookmarks")

	phone.do("open", "https://go.dev/", "Go")
	phone.do("open", "https://example.org/", "Example")
	later := phone.do("bookmark", "all-tabs", "Read later")
	phone.shows(later+` Read later\n.* Example https://example.org/\n.* Go https://go.dev/`, "bookmarks")
}

func TestPasswordsOfTwoDevices(t *testing.T) {
	t.Parallel()
	laptop, phone := twoDevices(t)
	shop := lastID(laptop.answer("first", "password", "submit", "https://shop.example.org/sign-in", "ann"))
	bank := lastID(laptop.answer("secret", "password", "submit", "https://example.org", "ann"))
	laptop.do("sync")
	phone.do("sync")
	phone.shows(shop+` https://shop.example.org ann\n`+bank+` https://example.org ann \(same site\)`, "password", "for", "https://shop.example.org/cart")
	phone.shows("first", "password", "show", shop)

	// Both change the same password: one of the two is on both devices, and the device that lost
	// its own can take that back.
	if saved := phone.answer("of the phone", "password", "submit", "https://shop.example.org/", "ann"); !strings.HasPrefix(saved, "a new password for ann\n"+shop) {
		t.Errorf("a new password is saved as\n%s", saved)
	}
	laptop.answer("of the laptop", "password", "submit", "https://shop.example.org/", "ann")
	for _, d := range []device{phone, laptop, phone} {
		d.do("sync")
	}
	laptop.shows("of the laptop", "password", "show", shop) // it was changed last
	phone.shows("0 restored, 1 reverted", "undo", "passwords")
	phone.do("sync")
	laptop.do("sync")
	laptop.shows("of the phone", "password", "show", shop)

	phone.do("password", "breach", bank)
	phone.do("sync")
	laptop.do("sync")
	laptop.shows(bank, "password", "breaches")
	laptop.do("password", "dismiss", bank)
	laptop.hides(bank, "password", "breaches")
	laptop.answer("secret\n123456", "password", "leaked")
	laptop.hides(shop, "password", "vulnerable")
	other := lastID(laptop.answer("123456", "password", "submit", "https://other.example", "ann"))
	laptop.shows(other, "password", "vulnerable")
	laptop.shows("1 deleted", "password", "delete", shop, shop)
}

func TestTabsOfTwoDevices(t *testing.T) {
	t.Parallel()
	laptop, phone := twoDevices(t)
	laptop.do("open", "https://go.dev/", "Go")
	laptop.do("open", "https://example.org/", "Example")
	laptop.do("sync")
	phone.do("sync")
	phone.shows(`laptop on .*:\n  https://example.org/ Example\n  https://go.dev/ Go`, "tabs")
	phone.shows(`phone on .*, desktop \(this one\)`, "devices")

	// What the phone closes on the laptop is asked with the next sync, and can be undone before.
	phone.do("tab", "close-on", "laptop", "https://go.dev/", "https://example.org/")
	phone.hides("https://go.dev/", "tabs")
	phone.do("tab", "undo", "laptop", "https://example.org/")
	phone.shows(`https://go.dev/ on laptop on .*, asked: never`, "tab", "pending")
	phone.shows(`asked other devices to close 1 pages`, "sync")
	phone.fails("", "tab", "undo", "laptop", "https://go.dev/") // the laptop was asked
	phone.do("tab", "send", "laptop", "https://pkg.go.dev/", "Packages")
	laptop.shows(`closed https://go.dev/\nreceived https://pkg.go.dev/ Packages`, "sync")
	laptop.hides("received https", "sync") // once
	laptop.do("tab", "close", "https://example.org/")
	laptop.do("sync")
	phone.do("sync")
	phone.shows(`laptop on .*:\n  https://pkg.go.dev/ Packages$`, "tabs")
	phone.hides("https://go.dev/", "tabs")
	phone.hides("https", "tab", "pending")
	phone.fails("no other device", "tab", "send", "tablet", "https://go.dev/")
	phone.fails("no other device", "tab", "close-on", "tablet", "https://go.dev/")
	phone.fails("no tab has this address", "tab", "close-on", "laptop", "https://go.dev/")
	phone.fails("address", "tab", "send", "laptop", "file:///etc/passwd")
}

func TestFormsOfTwoDevices(t *testing.T) {
	t.Parallel()
	laptop, phone := twoDevices(t)
	home := laptop.do("address", "add", "Ann Example", "1 Main Street", "Springfield", "Germany")
	card := laptop.answer("4111 1111 1111 1111", "card", "add", "Ann Example", "4/31")
	laptop.do("sync")
	phone.do("sync")
	phone.do("address", "use", home)
	laptop.do("address", "use", home)
	phone.do("card", "use", card)
	for _, d := range []device{laptop, phone, laptop} {
		d.do("sync")
	}
	laptop.shows(home+` Ann Example, 1 Main Street, Springfield, Germany \(used \d times\)`, "addresses")
	laptop.shows(card+` Ann Example visa .* 1111, expires 04/2031 \(used 1 times\)`, "cards")
	laptop.do("address", "delete", home)
	laptop.do("card", "delete", card)
	laptop.do("sync")
	phone.do("sync")
	phone.hides(home, "addresses")
	phone.hides(card, "cards")
}

func TestAddonsOfTwoDevices(t *testing.T) {
	t.Parallel()
	laptop, phone := twoDevices(t)
	const addon = "reader@example.org"
	laptop.shows(`theme: nothing → "dark"`, "addon", "set", addon, "theme", `"dark"`)
	laptop.do("sync")
	phone.do("sync")

	// Each changes another key, and both changes stay.
	laptop.do("addon", "set", addon, "size", "12")
	phone.shows(`theme: "dark" → "light"`, "addon", "set", addon, "theme", `"light"`)
	phone.do("sync")
	laptop.shows(`reader@example.org:\ntheme: "dark" → "light"`, "sync")
	for _, d := range []device{laptop, phone, laptop} {
		d.do("sync")
	}
	for _, d := range []device{laptop, phone} {
		d.shows(`size = 12\ntheme = "light"\n18 of 102400 bytes`, "addon", "get", addon)
	}
	laptop.shows(`size: 12 → nothing`, "addon", "remove", addon, "size", "colour")
	laptop.fails("JSON", "addon", "set", addon, "theme", "dark")
	laptop.fails("QUOTA_BYTES_PER_ITEM: the limit is 8192, and this would be 9007", "addon", "set", addon, "theme", `"`+strings.Repeat("x", 9000)+`"`)
}

func TestADeviceLeavesAndReturns(t *testing.T) {
	t.Parallel()
	laptop, phone := twoDevices(t)
	laptop.do("open", "https://go.dev/", "Go")
	laptop.do("sync")
	laptop.shows(`history: 1 items, 0 to send, last sync 20`, "status")
	phone.do("logout")
	phone.fails("not signed in", "sync")
	laptop.do("sync")
	laptop.hides("phone", "devices")

	server := laptop.url(t)
	phone.fails("the password is empty", "login", server, "ann@example.org")
	phone.answer(password, "login", server, "ann@example.org")
	phone.fails("is signed in as ann@example.org already", "login", server, "bob@example.org")
	phone.do("sync")
	phone.shows(`.*https://go.dev/ Go`, "visits")
	phone.shows(`passwords: 0 bytes freed`, "maintain")
	phone.shows(`ann@example.org, the session is active\nname "", picture `+server+`/`, "whoami")
}

func TestADeviceJoinsWithACode(t *testing.T) {
	t.Parallel()
	laptop, phone := device{t, filepath.Join(t.TempDir(), "laptop")}, device{t, filepath.Join(t.TempDir(), "phone")}
	laptop.answer(password, "create", serve(t, nil), "ann@example.org")
	laptop.do("open", "https://go.dev/", "Go")
	laptop.do("sync")

	screen, shown := io.Pipe()
	paired := make(chan error, 1)
	go func() {
		err := run(t.Context(), laptop.dir, strings.NewReader("yes\n"), shown, []string{"pair"})
		shown.CloseWithError(err)
		paired <- err
	}()
	code, err := bufio.NewReader(screen).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	phone.fails("not the address that a pairing code contains", "join")
	phone.answer(code+"yes", "join")
	if err := <-paired; err != nil {
		t.Fatal(err)
	}
	phone.do("sync")
	phone.shows(`.* https://go.dev/ Go`, "visits")
}

func TestAPushMessageWakesADevice(t *testing.T) {
	t.Parallel()
	push := make(pushService, 10)
	url := serve(t, push)
	laptop, phone := device{t, filepath.Join(t.TempDir(), "laptop")}, device{t, filepath.Join(t.TempDir(), "phone")}
	laptop.answer(password, "create", url, "ann@example.org")
	phone.answer(password, "login", url, "ann@example.org")
	laptop.do("push", "subscribe", "https://push.example/endpoint")
	phone.do("tab", "send", "laptop", "https://go.dev/", "Go")

	message := <-push
	printed, err := laptop.run(string(message), "push", "handle")
	if err != nil || printed != "received https://go.dev/ Go\nfxaccounts:command_received" {
		t.Errorf("the laptop prints %q, %v", printed, err)
	}
	if printed, err := laptop.run(string(message[:50]), "push", "handle"); err == nil {
		t.Errorf("a message that was cut off prints %q", printed)
	}
	laptop.fails("must be an https: URL", "push", "subscribe", "http://push.example/endpoint")
}

func TestADeviceKeepsSyncing(t *testing.T) {
	t.Parallel()
	laptop, phone := twoDevices(t)
	laptop.do("open", "https://go.dev/", "Go")
	laptop.do("sync")
	laptop.do("tab", "send", "phone", "https://pkg.go.dev/", "Packages")

	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	screen, shown := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, phone.dir, strings.NewReader(""), shown, []string{"run"})
		shown.Close()
	}()
	waiting := []string{"history: 1 received", "received https://pkg.go.dev/ Packages"}
	for lines := bufio.NewScanner(screen); lines.Scan(); {
		waiting = slices.DeleteFunc(waiting, func(line string) bool { return strings.HasPrefix(lines.Text(), line) })
		if len(waiting) == 0 {
			interrupt()
		}
	}
	if err := <-ended; err != nil || len(waiting) > 0 {
		t.Errorf("it ends with %v, and did not print %q", err, waiting)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	t.Parallel()
	d := device{t, t.TempDir()}
	d.fails("usage: browser [-dir FOLDER] COMMAND")
	d.fails(`unknown command "sing": 'browser -help' lists them`, "sing")
	d.fails("usage: browser bookmark add URL TITLE [FOLDER]", "bookmark", "add", "https://go.dev/")
	d.fails("usage: browser pick TEXT URL", "pick", "g", "o", "https://go.dev/")
	d.fails("not signed in", "sync")
	d.fails("is not the URL of a server", "login", "nowhere", "ann@example.org")
	d.fails("not found", "password", "show", "nothing")
	d.fails("no such page", "forget", "https://never.example/")
	d.fails("it has no password", "password", "submit", "https://go.dev/", "ann")
	d.fails(`"today" is not a date`, "password", "breach", "x", "today")
	d.fails(`"first" is not a position`, "bookmark", "move", "x", "menu________", "first")
	d.fails("cannot be changed", "bookmark", "delete", "menu________")
	d.fails("no store \"tabs\" with a log", "undo", "tabs")
	d.fails("not a host", "visits", "two words")
	d.fails("number", "card", "add", "Ann", "4/31")
}

// lastID is the first word of the last line.
func lastID(printed string) string {
	lines := strings.Split(printed, "\n")
	id, _, _ := strings.Cut(lines[len(lines)-1], " ")
	return id
}
