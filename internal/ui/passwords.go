package ui

import (
	"context"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/engine"
)

// passwordsPage lists logins, without their passwords.
type passwordsPage struct {
	Logins []api.Login
	Words  string
	Parts  parts
}

// showTime is how many seconds a password is shown.
const showTime = 30

func showPasswords(ctx context.Context, q *request) (view, error) {
	page := passwordsPage{Words: q.bounded("words", 2000)}
	if page.Words != "" {
		found, total, err := part[api.Login](ctx, q, "passwords.search", api.SearchWords{Words: page.Words, Limit: api.Limit{Limit: pageSize}}, 0, pageSize)
		page.Logins, page.Parts = found, parts{From: min(1, total), To: total, Total: total}
		return view{Title: "Passwords", Data: page}, err
	}
	from := q.from()
	list, total, err := part[api.Login](ctx, q, "passwords.list", nil, from, pageSize)
	page.Logins = list
	page.Parts = partsOf(from, len(list), total, func(from string) string { return link("passwords", "from", from) })
	return view{Title: "Passwords", Data: page}, err
}

// passwordPage is one login. Password is set only in the answer to the form that asks for it.
type passwordPage struct {
	api.Login
	Shown    bool
	Password string
	Seconds  int
}

func showPasswordHidden(ctx context.Context, q *request) (view, error) {
	return passwordView(ctx, q, q.id("id"))
}

func passwordView(ctx context.Context, q *request, id engine.ID) (view, error) {
	l, err := call[api.Login](ctx, q, "passwords.get", api.ID{ID: id})
	return view{Title: l.Hostname, Under: "passwords", Data: passwordPage{Login: l}}, err
}

// showPassword answers with a password, which the page hides after a while. The right to read
// secrets is used here alone.
func showPassword(ctx context.Context, q *request) (view, error) {
	id := engine.ID(q.form.Get("id"))
	v, err := passwordView(ctx, q, id)
	if err != nil {
		return v, err
	}
	secret, err := callWith[api.Secret](ctx, q, api.All, "passwords.reveal", api.ID{ID: id})
	if err != nil {
		return v, err
	}
	page := v.Data.(passwordPage)
	page.Shown, page.Password, page.Seconds = true, secret.Password, showTime
	v.Data, v.Refresh = page, link("password", "id", string(id))
	return v, nil
}
