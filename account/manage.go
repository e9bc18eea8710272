package account

import "net/url"

// ManageAccountURL returns the URL of the server's page on which the user manages the account:
// password, name, picture, second step. entryPoint, unless it is "", tells the server where in
// the app the user came from. The URL contains the account's address and UID, for the page to
// choose among several accounts. It makes no request.
func (a *Account) ManageAccountURL(entryPoint string) string { return a.page("/settings", entryPoint) }

// ManageDevicesURL returns the URL of the page on which the user sees and signs out what is
// signed in to the account. See [Account.ManageAccountURL].
func (a *Account) ManageDevicesURL(entryPoint string) string {
	return a.page("/settings/clients", entryPoint)
}

// ConnectionSuccessURL returns the URL of the page that says that this device is connected, and
// how to connect another one; an app shows it after a sign-in.
func (c *Client) ConnectionSuccessURL() string {
	return c.root.String() + "/connect_another_device?" + url.Values{"showSuccessMessage": {"true"}}.Encode()
}

func (a *Account) page(path, entryPoint string) string {
	s := a.Session()
	q := url.Values{"uid": {s.UID}, "email": {s.Email}}
	if entryPoint != "" {
		q.Set("entrypoint", entryPoint)
	}
	return a.c.root.String() + path + "?" + q.Encode()
}
