package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/server"
)

const (
	// perPage is how many lines a page has.
	perPage = 50
	// listAge is how old the list of users may be, and listTimeout how long making it may take.
	listAge     = time.Minute
	listTimeout = 30 * time.Second
	// maxQuery bounds what is searched for, in bytes.
	maxQuery = 320
)

// errTooMany means that there are more users than are listed.
var errTooMany = errors.New("there are too many users to list them")

// listing is the list of all users, which is read at most once a minute.
type listing struct {
	load func(context.Context) ([]server.User, error)
	now  func() time.Time

	mu    sync.Mutex
	users []server.User
	at    time.Time // zero: it must be read
}

// listed is the list as of a time.
type listed struct {
	users []server.User
	at    time.Time
}

// listed returns the list of users, which must not be changed. The error is errTooMany, among others.
func (c *console) listed(ctx context.Context) (listed, error) {
	n, err := c.server.CountUsers(ctx)
	if err != nil {
		return listed{}, err
	}
	if n > c.cfg.MaxListed {
		return listed{}, errTooMany
	}
	return c.listing.get(ctx)
}

func (l *listing) get(ctx context.Context) (listed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if age := now.Sub(l.at); l.at.IsZero() || age >= listAge || age < 0 {
		// Others wait for it too.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listTimeout)
		defer cancel()
		users, err := l.load(ctx)
		if err != nil {
			return listed{}, err
		}
		l.users, l.at = users, now
	}
	return listed{l.users, l.at}, nil
}

// forget makes the next list a new one.
func (l *listing) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = time.Time{}
}

// orders are those of the list, by their names in addresses.
var orders = map[string]func(a, b server.User) int{
	"address": func(a, b server.User) int { return 0 }, // as they are listed
	"size":    func(a, b server.User) int { return cmp.Compare(b.Bytes, a.Bytes) },
	"recent":  func(a, b server.User) int { return b.Seen.Compare(a.Seen) },
	"unused":  func(a, b server.User) int { return a.Seen.Compare(b.Seen) },
}

type usersData struct {
	Query, Sort string
	Users       []server.User
	Matches     int
	As          time.Time
	TooMany     bool
	pager
}

// pager is the page of a list, and how to get to the others.
type pager struct {
	Page, Pages    int
	Previous, Next string // "": there is none
}

// paged returns the part of a list that is on the page that a request names. A number out of range stands for the nearest
// page.
func paged[T any](v *view, all []T) ([]T, pager) {
	last := max(1, (len(all)+perPage-1)/perPage)
	page, err := strconv.Atoi(v.FormValue("page"))
	if err != nil {
		page = 1
	}
	p := pager{Page: min(max(1, page), last), Pages: last}
	at := func(page int) string {
		q := url.Values{"page": {strconv.Itoa(page)}}
		for name, values := range v.URL.Query() {
			if name != "page" && name != "done" {
				q[name] = values
			}
		}
		return "?" + q.Encode()
	}
	if p.Page > 1 {
		p.Previous = at(p.Page - 1)
	}
	if p.Page < last {
		p.Next = at(p.Page + 1)
	}
	from := (p.Page - 1) * perPage
	return all[from:min(len(all), from+perPage)], p
}

// users lists the users.
func (c *console) users(v *view) error {
	d := usersData{Query: strings.TrimSpace(v.FormValue("q")), Sort: v.FormValue("sort")}
	if len(d.Query) > maxQuery {
		return mistake("the search is too long: an address has at most 256 characters")
	}
	order, known := orders[d.Sort]
	if !known {
		d.Sort, order = "address", orders["address"]
	}
	all, err := c.listed(v.Context())
	if errors.Is(err, errTooMany) {
		return c.findUser(v, d)
	}
	if err != nil {
		return err
	}
	wanted := strings.ToLower(d.Query)
	found := make([]server.User, 0, min(len(all.users), 1024))
	for _, u := range all.users {
		if wanted == "" || strings.Contains(strings.ToLower(u.Email), wanted) || strings.HasPrefix(u.UID, wanted) {
			found = append(found, u)
		}
	}
	if d.Sort != "address" {
		slices.SortStableFunc(found, order)
	}
	d.Matches, d.As = len(found), all.at
	d.Users, d.pager = paged(v, found)
	return v.show(http.StatusOK, "users", "Users", "/users", d)
}

// findUser finds one user by the whole address or uid, where there are too many to list.
func (c *console) findUser(v *view, d usersData) error {
	if d.Query != "" {
		u, err := c.accounts.User(v.Context(), d.Query)
		if err == nil {
			return v.back("/users/"+u.UID, "")
		}
		if !errors.Is(err, server.ErrNoUser) {
			return err
		}
	}
	d.TooMany = true
	return v.show(http.StatusOK, "users", "Users", "/users", d)
}

// uid is that of the user that a page is about.
func (v *view) uid() string { return v.PathValue("uid") }

type userData struct {
	server.UserDetails
	// Megabytes is the quota, for the form.
	Megabytes int64
}

// user shows one user.
func (c *console) user(v *view) error {
	u, err := c.server.UserDetails(v.Context(), v.uid())
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "user", u.Email, "/users", userData{u, u.Quota / megabyte})
}

// changed goes back to the user's page after a change.
func (c *console) changed(v *view, err error, what string) error {
	c.listing.forget()
	if err != nil {
		return err
	}
	return v.back("/users/"+url.PathEscape(v.uid()), what)
}

func (c *console) disable(v *view) error {
	return c.changed(v, c.server.SetDisabled(v.Context(), v.uid(), true), "disabled")
}

func (c *console) enable(v *view) error {
	return c.changed(v, c.server.SetDisabled(v.Context(), v.uid(), false), "enabled")
}

func (c *console) signUserOut(v *view) error {
	return c.changed(v, c.server.SignOutUser(v.Context(), v.uid()), "signedout")
}

func (c *console) unlock(v *view) error {
	return c.changed(v, c.server.Unlock(v.Context(), v.uid()), "unlocked")
}

func (c *console) removeSecondStep(v *view) error {
	if err := c.accounts.Fresh(v.session); err != nil {
		return err
	}
	told, err := c.server.RemoveSecondStep(v.Context(), v.uid())
	what := "tellthem"
	if told {
		what = "twostep"
	}
	return c.changed(v, err, what)
}

// remove deletes a user whose address was typed.
func (c *console) remove(v *view) error {
	if err := c.accounts.Fresh(v.session); err != nil {
		return err
	}
	u, err := c.accounts.User(v.Context(), v.uid())
	if err != nil {
		return err
	}
	if typed := strings.TrimSpace(v.PostFormValue("address")); typed != u.Email {
		return mistake(fmt.Sprintf("nothing was deleted: to delete the account, type its address, %s", u.Email))
	}
	err = c.server.RemoveUser(v.Context(), u.UID)
	c.listing.forget()
	if err != nil {
		return err
	}
	return v.back("/users", "deleted")
}
