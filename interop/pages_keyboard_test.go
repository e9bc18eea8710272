package interop_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/chromium"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// backspaces deletes the text that a script did not select.
func backspaces(text string) string { return strings.Repeat(chromium.Backspace, len(text)) }

// signsIn goes from the first page to the one after a right password.
func (v visitor) signsIn(email, password string) {
	v.t.Helper()
	v.Open(v.root)
	v.at("Sign in to sync")
	v.on("textbox", "E-mail address")
	v.Press(email + chromium.Enter)
	v.at("Enter your password")
	v.on("textbox", "Password")
	v.Press(password + chromium.Enter)
}

// TestPagesByKeyboard uses all pages of an account in Chromium without a mouse, and checks each
// page on every screen.
func TestPagesByKeyboard(t *testing.T) {
	t.Parallel()
	b := chromium.Start(t)
	t.Run("SignUp", func(t *testing.T) { storySignUp(t, b) })
	t.Run("TwoStep", func(t *testing.T) { storyTwoStep(t, b) })
	t.Run("Recovery", func(t *testing.T) { storyRecovery(t, b) })
	t.Run("Devices", func(t *testing.T) { storyDevices(t, b) })
	t.Run("PasswordAndEnd", func(t *testing.T) { storyPasswordAndEnd(t, b) })
}

func storySignUp(t *testing.T, b *chromium.Browser) {
	const slip = "something else"
	v := visit(t, b, testenv.Listen(t))
	v.Open(v.root)
	v.at("Sign in to sync")
	v.on("textbox", "E-mail address")
	v.looksWell("sign in")
	v.Press(ann)
	v.order("Continue", "Make an account")
	v.goes("Make an account")
	v.Press(chromium.Enter)
	v.at("Make an account")
	v.on("textbox", "Password")
	v.looksWell("sign up")
	v.Press(testenv.Password)
	v.order("Password again", "Make the account", "Use another address")
	v.Press(slip + chromium.Enter)
	v.wrongs("Password again", "The two passwords are not the same.")
	v.looksWell("sign up, wrong")
	v.Press(testenv.Password + chromium.Enter)
	v.at("Your account")
	v.on("heading", "Your account")
	v.looksWell("settings")
	here := chromium.Eval[string](v.Page, `return document.querySelector("#devices .name").textContent`)
	v.order("Connect another device", "Sign out here", "Sign out "+here, "Choose a picture", "Change the password", "Set it up",
		"Make a new recovery key", "Export as JSON", "Delete the account")
	v.goes("Sign out here")
	v.Press(chromium.Space)
	v.at("Sign in to sync")

	// A wrong password, and the right one after it.
	v.signsIn(ann, slip)
	v.wrongs("Password", "The password is not right.")
	v.looksWell("password, wrong")
	v.order("Sign in", "Use another address", "Forgot the password?")
	v.Press(chromium.Enter) // "Sign in", with the wrong one again
	v.wrongs("Password", "The password is not right.")
	v.Press(testenv.Password + chromium.Enter)
	v.at("Your account")
}

func storyTwoStep(t *testing.T, b *chromium.Browser) {
	w := testenv.Listen(t)
	w.SignIn(ann)
	v := visit(t, b, w)
	v.signsIn(ann, testenv.Password)
	v.at("Your account")
	v.goes("Set it up")
	v.Press(chromium.Enter)
	v.sees("Confirm that it is you")
	v.on("textbox", "Your password")
	v.looksWell("confirming")
	v.Press("not it" + chromium.Enter)
	v.wrongs("Your password", "The password is not right.")
	v.order("Confirm", "Cancel")
	v.goes("Cancel")
	v.Press(chromium.Enter)
	v.on("button", "Set it up") // where it began
	v.Press(chromium.Enter)
	v.sees("Confirm that it is you")
	v.on("textbox", "Your password")
	v.Press(testenv.Password + chromium.Enter)
	v.sees("Scan this with an authenticator app")
	v.on("textbox", "Code")
	v.looksWell("two-step set-up")
	key := chromium.Eval[string](v.Page, `return document.querySelector("#two-step-secret").textContent`)
	v.Press("000000" + chromium.Enter)
	v.wrongs("Code", "That code is not right.")
	v.Press(authenticator(t, key, 0) + chromium.Enter)
	v.sees("Two-step sign-in is on.")
	v.on("group", "Backup codes")
	v.looksWell("two-step on")
	backup := chromium.Eval[string](v.Page, `return document.querySelector("#backup-codes li").textContent`)
	v.goes("Sign out here")
	v.Press(chromium.Enter)
	v.at("Sign in to sync")

	v.signsIn(ann, testenv.Password)
	v.at("Enter the code")
	v.on("textbox", "Code")
	if e := v.Focused(); !strings.Contains(e.Description, "six digits") {
		t.Errorf("the code's field is %+v", e)
	}
	v.looksWell("code")
	v.Press("ABCD-EFGH-JKMN-PQRS" + chromium.Enter)
	v.wrongs("Code", "That code is not right.")
	v.Press(authenticator(t, key, 1) + chromium.Enter)
	v.at("Your account")
	v.goes("Sign out here")
	v.Press(chromium.Enter)
	v.at("Sign in to sync")

	v.signsIn(ann, testenv.Password)
	v.at("Enter the code")
	v.Press(strings.ToLower(backup) + chromium.Enter)
	v.at("Your account")
	v.goes("New backup codes")
	v.Press(chromium.Enter)
	v.sees("Confirm that it is you")
	v.Press(testenv.Password + chromium.Enter) // the code was shown to sign in
	v.sees("Keep these backup codes")
	v.on("group", "Backup codes")
	v.goes("Turn it off")
	v.Press(chromium.Enter)
	v.sees("takes your password and a code from an app on your phone")
	v.on("button", "Set it up")
}

func storyRecovery(t *testing.T, b *chromium.Browser) {
	const next = "another correct horse"
	w := testenv.Listen(t)
	before := w.SignIn(ann).Session()
	v := visit(t, b, w)
	v.signsIn(ann, testenv.Password)
	v.at("Your account")
	v.goes("Make a new recovery key")
	v.Press(chromium.Enter)
	v.goes("Password")
	v.Press("not it" + chromium.Enter)
	v.wrongs("Password", "The password is not right.")
	v.Press(testenv.Password + chromium.Enter)
	v.sees("This is your recovery key.")
	v.on("group", "Recovery key")
	v.looksWell("recovery key")
	key := chromium.Eval[string](v.Page, `return document.querySelector("#recovery-key").textContent`)
	v.goes("Sign out here")
	v.Press(chromium.Enter)
	v.at("Sign in to sync")
	v.Press(ann + chromium.Enter)
	v.at("Enter your password")
	v.goes("Forgot the password?")
	v.Press(chromium.Enter)
	v.at("Forgotten password")
	v.on("textbox", "E-mail address")
	v.looksWell("forgotten")
	v.Press(ann)
	v.order("Recovery key", "Continue", "I have no recovery key")
	v.Press("x") // a button ignores it
	v.PressBack()
	v.goes("I have no recovery key")
	v.Press(chromium.Space)
	v.sees("Then nobody can open your account")
	v.looksWell("forgotten, no key")
	v.PressBack()
	v.PressBack()
	v.on("textbox", "Recovery key")
	v.Press("ABCD" + chromium.Enter)
	v.wrongs("Recovery key", "That is not a recovery key")
	v.Press(strings.Replace(key, key[:4], "0000", 1) + chromium.Enter)
	v.wrongs("Recovery key", "No account with this address has this recovery key.")
	v.looksWell("forgotten, wrong")
	v.Press(strings.ToLower(key) + chromium.Enter)
	v.at("Choose a new password")
	v.on("textbox", "New password")
	v.looksWell("new password")
	v.Press(next + chromium.Tab + next + chromium.Enter)
	v.at("Your password is set")
	v.on("heading", "Your password is set")
	v.looksWell("password set")
	v.goes("settings")
	v.Press(chromium.Enter)
	v.at("Your account")
	a, err := w.Client().Login(t.Context(), ann, next)
	check(t, err)
	if s := a.Session(); !slices.Equal(s.Key, before.Key) {
		t.Error("the account's key is another one")
	}

	// Remove a key that is no longer wanted.
	v.goes("Make a new recovery key")
	v.Press(chromium.Enter)
	v.goes("Password")
	v.Press(next + chromium.Enter)
	v.sees("You have a recovery key.")
	v.goes("Remove the recovery key")
	v.Press(chromium.Enter)
	v.Wait(`!document.body.innerText.includes("You have a recovery key.")`)
	v.on("DisclosureTriangle", "Make a new recovery key")
}

func storyDevices(t *testing.T, b *chromium.Browser) {
	w := testenv.Listen(t)
	d := w.Device("Ann's terminal", ann)
	v := visit(t, b, w)
	v.signsIn(ann, testenv.Password)
	v.at("Your account")
	v.looksWell("settings, devices")
	v.goes("Rename Ann's terminal")
	v.Press(chromium.Space)
	v.on("textbox", "New name")
	v.looksWell("renaming")
	v.Press("Renamed" + chromium.Enter)
	v.sees("Renamed")
	v.at("Your account")
	v.on("button", "Rename Renamed")
	v.goes("Sign out Renamed")
	v.Press(chromium.Enter)
	v.Wait(`!document.body.innerText.includes("Renamed")`)
	v.on("heading", "Devices and sessions")
	if _, err := d.Account.Devices(t.Context()); err == nil {
		t.Error("the device is still signed in")
	}
}

func storyPasswordAndEnd(t *testing.T, b *chromium.Browser) {
	const next = "another correct horse"
	w := testenv.Listen(t)
	w.SignIn(ann)
	v := visit(t, b, w)
	v.signsIn(ann, testenv.Password)
	v.at("Your account")
	v.goes("Change the password")
	v.Press(chromium.Enter)
	v.goes("Current password")
	v.looksWell("changing the password")
	v.Press("not it" + chromium.Tab + next + chromium.Tab + next + chromium.Enter)
	v.wrongs("Current password", "The password is not right.")
	v.Press(testenv.Password + chromium.Enter)
	v.sees("The password is changed.")
	v.at("Your account")
	v.looksWell("password changed")
	_, err := w.Client().Login(t.Context(), ann, next)
	check(t, err)

	v.goes("Delete the account")
	v.Press(chromium.Enter)
	v.goes("Password")
	v.looksWell("deleting")
	v.Press(testenv.Password + chromium.Enter)
	v.wrongs("Password", "The password is not right.")
	v.goes("Delete my account") // the button says what it does
	v.PressBack()
	v.Press(backspaces(testenv.Password) + next + chromium.Enter)
	v.at("Your account is deleted")
	v.on("heading", "Your account is deleted")
	v.looksWell("deleted")
	if _, err := w.Client().Login(t.Context(), ann, next); err == nil {
		t.Error("the account is still there")
	}
}
