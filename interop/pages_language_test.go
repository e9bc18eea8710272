package interop_test

import (
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/chromium"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// foreign has the texts that a visitor sees in another language.
type foreign struct {
	signIn, email, makeAccount, password, again, makeIt, differ, settings, wrong, name string
}

// TestPagesInOtherLanguages creates an account and signs in to it with a browser in another
// language, and checks each page on every screen, because the texts are longer.
func TestPagesInOtherLanguages(t *testing.T) {
	t.Parallel()
	b := chromium.Start(t)
	for tag, f := range map[string]foreign{
		"de": {
			"Zum Synchronisieren anmelden", "E-Mail-Adresse", "Konto anlegen", "Passwort", "Passwort wiederholen", "Konto anlegen",
			"Die beiden Passwörter stimmen nicht überein.", "Ihr Konto", "Das Passwort ist nicht richtig.", "Passwort eingeben",
		},
		"fr": {
			"Connectez-vous pour synchroniser", "Adresse e-mail", "Créer un compte", "Mot de passe", "Mot de passe, encore une fois", "Créer le compte",
			"Les deux mots de passe ne sont pas identiques.", "Votre compte", "Le mot de passe n’est pas le bon.", "Saisissez votre mot de passe",
		},
	} {
		t.Run(tag, func(t *testing.T) { f.story(t, b, tag) })
	}
}

func (f foreign) story(t *testing.T, b *chromium.Browser, tag string) {
	v := visit(t, b, testenv.Listen(t))
	v.Language(tag + "-CH")
	v.Open(v.root)
	v.at(f.signIn)
	v.on("textbox", f.email)
	if lang := chromium.Eval[string](v.Page, `return document.documentElement.lang`); lang != tag {
		t.Errorf("the page says that it is in %q", lang)
	}
	v.looksWell(tag + " sign in")
	v.Press(ann)
	v.goes(f.makeAccount)
	v.Press(chromium.Enter)
	v.at(f.makeAccount)
	v.on("textbox", f.password)
	v.Press(testenv.Password)
	v.goes(f.again)
	v.Press("something else" + chromium.Enter)
	v.wrongs(f.again, f.differ)
	v.looksWell(tag + " sign up")
	v.Press(testenv.Password + chromium.Enter)
	v.at(f.settings)
	chromium.Eval[bool](v.Page, `for (const d of document.querySelectorAll("details")) d.open = true; return true`)
	v.looksWell(tag + " settings")

	v.Open(v.root + "/connect_another_device")
	v.looksWell(tag + " connect")
	v.Open(v.root + "/reset_password")
	v.looksWell(tag + " reset")
	v.Open(v.root)
	v.at(f.signIn)
	v.Press(ann + chromium.Enter)
	v.at(f.name)
	v.Press("something else" + chromium.Enter)
	v.wrongs(f.password, f.wrong)
	v.looksWell(tag + " password")
}
