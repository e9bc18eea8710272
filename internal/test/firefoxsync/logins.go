package firefoxsync

import (
	"context"
	"fmt"
)

// Login is a saved password, in the terms of Firefox's login manager.
type Login struct {
	// GUID is the login's ID in Firefox, in braces. Firefox gives one to a new login.
	GUID string `json:"guid"`
	// Origin is the site: "https://example.com".
	Origin string `json:"origin"`
	// FormActionOrigin is where the form sends to; nil: not a form's login.
	FormActionOrigin *string `json:"formActionOrigin"`
	// HTTPRealm is the realm of HTTP authentication; nil: not such a login. Exactly
	// one of the two is nil.
	HTTPRealm     *string `json:"httpRealm"`
	Username      string  `json:"username"`
	Password      string  `json:"password"`
	UsernameField string  `json:"usernameField"`
	PasswordField string  `json:"passwordField"`
	// TimeCreated, TimeLastUsed and TimePasswordChanged are milliseconds since 1970. Firefox
	// sets those that are 0 in AddLogin; EditLogin ignores them.
	TimeCreated         int64 `json:"timeCreated"`
	TimeLastUsed        int64 `json:"timeLastUsed"`
	TimePasswordChanged int64 `json:"timePasswordChanged"`
	TimesUsed           int64 `json:"timesUsed"`
}

// loginFunctions turn logins into plain objects and back.
const loginFunctions = `
const fill = (info, l) => {
	info.init(l.origin, l.formActionOrigin, l.httpRealm, l.username, l.password, l.usernameField, l.passwordField);
	return info;
};
const plain = info => {
	info.QueryInterface(Ci.nsILoginMetaInfo);
	const { guid, origin, formActionOrigin, httpRealm, username, password, usernameField, passwordField,
		timeCreated, timeLastUsed, timePasswordChanged, timesUsed } = info;
	return { guid, origin, formActionOrigin, httpRealm, username, password, usernameField, passwordField,
		timeCreated, timeLastUsed, timePasswordChanged, timesUsed };
};
const stored = async guid => {
	const [info] = await Services.logins.searchLoginsAsync({ guid });
	if (!info) {
		throw new Error("no login has the GUID " + guid);
	}
	return info;
};
`

// Logins lists the saved passwords, in the order of origin and user name. The one
// under which Firefox keeps its own account's keys is left out.
func (ff *Firefox) Logins(ctx context.Context) ([]Login, error) {
	var logins []Login
	if err := ff.run(ctx, &logins, loginFunctions+`
		const all = (await Services.logins.getAllLogins()).map(plain);
		const order = l => l.origin + "\n" + l.username;
		return all.filter(l => l.origin != "chrome://FirefoxAccounts")
			.sort((a, b) => order(a) < order(b) ? -1 : 1);`); err != nil {
		return nil, fmt.Errorf("listing Firefox's logins: %w", err)
	}
	return logins, nil
}

// AddLogin saves a password and returns its GUID: l.GUID, or the one that Firefox made if that
// is "".
func (ff *Firefox) AddLogin(ctx context.Context, l Login) (guid string, err error) {
	err = ff.run(ctx, &guid, loginFunctions+`
		const info = fill(Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo), args[0]);
		info.QueryInterface(Ci.nsILoginMetaInfo);
		for (const name of ["guid", "timeCreated", "timeLastUsed", "timePasswordChanged"]) {
			if (args[0][name]) info[name] = args[0][name];
		}
		return plain(await Services.logins.addLoginAsync(info)).guid;`, l)
	if err != nil {
		return "", fmt.Errorf("adding a login to Firefox: %w", err)
	}
	return guid, nil
}

// EditLogin changes the login with that GUID. Firefox notes the time of a new
// password by itself.
func (ff *Firefox) EditLogin(ctx context.Context, guid string, edit func(*Login)) error {
	var l Login
	err := ff.run(ctx, &l, loginFunctions+`return plain(await stored(args[0]));`, guid)
	if err == nil {
		edit(&l)
		err = ff.run(ctx, nil, loginFunctions+`
			const before = await stored(args[0]);
			await Services.logins.modifyLoginAsync(before, fill(before.clone(), args[1]));`, guid, l)
	}
	if err != nil {
		return fmt.Errorf("editing a login in Firefox: %w", err)
	}
	return nil
}

// RemoveLogin deletes the login with that GUID.
func (ff *Firefox) RemoveLogin(ctx context.Context, guid string) error {
	if err := ff.run(ctx, nil, loginFunctions+`
		await Services.logins.removeLoginAsync(await stored(args[0]));`, guid); err != nil {
		return fmt.Errorf("removing a login from Firefox: %w", err)
	}
	return nil
}
