package passwords

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Site returns the base domain of a URL, an origin or a host name: the host's part below
// the public suffix, "example.co.uk" of "https://www.example.co.uk/sign-in". What is
// registered below a suffix such as github.io is a site of its own. An IP address, a name of
// one label and a public suffix are their own sites. Hosts are in ASCII, as in [Origin]; the
// error is an [engine.InvalidError].
func Site(address string) (string, error) {
	origin, err := Origin(address)
	if err != nil {
		return "", err
	}
	return siteOf(hostOf(origin)), nil
}

func siteOf(host string) string {
	if isAddress(host) {
		return host
	}
	if site, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return site
	}
	return host
}

// hostOf is the host of an origin, or "".
func hostOf(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.Hostname(), ".")
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// What a login is found by in the file's index, of which the file holds MACs: its origin,
// its form's origin, each domain that its host is in, and whether its site was breached. All
// domains, and not the site alone, because the list of public suffixes changes.
const (
	byOrigin   = "origin "
	byAction   = "action "
	byDomain   = "domain "
	byBreach   = "breached"
	lookupsNow = 1 // raise it with any change of the words
)

func lookups(l *Login) (words []string) {
	origin := lookupOrigin(l.Hostname)
	words = append(words, byOrigin+origin)
	if l.HTTPRealm == "" && l.FormSubmitURL != "" {
		words = append(words, byAction+lookupOrigin(l.FormSubmitURL))
	}
	for _, domain := range domains(hostOf(origin)) {
		words = append(words, byDomain+domain)
	}
	if l.Breached() {
		words = append(words, byBreach)
	}
	return words
}

// lookupOrigin is an origin that any program stored in the form that Firefox stores, if it
// has one.
func lookupOrigin(stored string) string {
	if origin, err := formOrigin(stored); err == nil {
		return origin
	}
	return stored
}

// domains are those that a host is in, itself first. The last label alone is none, unless it
// is the whole host.
func domains(host string) (all []string) {
	if host == "" {
		return nil
	}
	all = []string{host}
	if isAddress(host) {
		return all
	}
	for {
		_, parent, ok := strings.Cut(host, ".")
		if !ok || !strings.Contains(parent, ".") {
			return all
		}
		all, host = append(all, parent), parent
	}
}

// ByOrigin yields the logins of an origin exactly, sorted by username: not those of another
// scheme, port or subdomain. A URL stands for its origin. The error is, among others, an
// [engine.InvalidError]. The logins are held in memory, and nothing is locked: the loop may
// edit.
func (e *Engine) ByOrigin(ctx context.Context, origin string) iter.Seq2[Login, error] {
	return func(yield func(Login, error) bool) {
		origin, err := Origin(origin)
		if err != nil {
			yield(Login{}, err)
			return
		}
		e.yieldFound(ctx, byOrigin+origin, nil, yield)
	}
}

// BySite yields the logins of a site, sorted by origin and username: all schemes, ports and
// subdomains of the base domain that [Site] finds in address. The error is, among others, an
// [engine.InvalidError]. The logins are held in memory, and nothing is locked: the loop may
// edit.
func (e *Engine) BySite(ctx context.Context, address string) iter.Seq2[Login, error] {
	return func(yield func(Login, error) bool) {
		site, err := Site(address)
		if err != nil {
			yield(Login{}, err)
			return
		}
		atSite := func(l *Login) bool { return siteOf(hostOf(lookupOrigin(l.Hostname))) == site }
		e.yieldFound(ctx, byDomain+site, atSite, yield)
	}
}

// yieldFound yields the logins with a word of lookups that keep wants, sorted.
func (e *Engine) yieldFound(ctx context.Context, word string, keep func(*Login) bool, yield func(Login, error) bool) {
	yieldSorted(e.store.Lookup(ctx, word), keep, yield)
}

// yieldSorted yields the logins that keep wants, sorted; nil: all.
func yieldSorted(logins iter.Seq2[Login, error], keep func(*Login) bool, yield func(Login, error) bool) {
	var found []Login
	for l, err := range logins {
		if err != nil {
			yield(Login{}, err)
			return
		}
		if keep == nil || keep(&l) {
			found = append(found, l)
		}
	}
	slices.SortStableFunc(found, func(a, b Login) int {
		return cmp.Or(cmp.Compare(a.Hostname, b.Hostname), cmp.Compare(a.Username, b.Username))
	})
	for _, l := range found {
		if !yield(l, nil) {
			return
		}
	}
}

// CountByOrigin counts the logins that ByOrigin yields. It decrypts none.
func (e *Engine) CountByOrigin(ctx context.Context, origin string) (int, error) {
	origin, err := Origin(origin)
	if err != nil {
		return 0, err
	}
	return e.store.CountLookup(ctx, byOrigin+origin)
}

// CountByFormAction counts the logins whose form submits to an origin, or to the origin of a
// URL: not those for any form, or for an HTTP authentication. It decrypts none. The error is,
// among others, an [engine.InvalidError].
func (e *Engine) CountByFormAction(ctx context.Context, action string) (int, error) {
	action, err := formOrigin(action)
	if err != nil {
		return 0, err
	}
	return e.store.CountLookup(ctx, byAction+action)
}

// FindLoginToUpdate returns the saved login that a submitted form, or a realm's sign-in,
// changes: of the logins for the same origin and the same form or realm, the one with the
// username; failing that, one without a username, which the user saved before the site was
// known to have them. A login for any form is one for this form, where there is no closer
// one. It returns [engine.ErrNotFound] if submitted is a new login, and an
// [engine.InvalidError] if it is not a valid one. Of submitted, only Hostname, FormSubmitURL,
// HTTPRealm and Username count: a browser asks before the user has typed a password, too.
func (e *Engine) FindLoginToUpdate(ctx context.Context, submitted Login) (found Login, err error) {
	submitted.Password = "any" // a login without one is not valid
	if err := submitted.normalise(); err != nil {
		return Login{}, err
	}
	err = e.store.View(ctx, func(tx *mirror.Tx[Login]) error {
		found, err = toUpdate(tx, &submitted)
		return err
	})
	return found, err
}

func toUpdate(tx *mirror.Tx[Login], submitted *Login) (Login, error) {
	nameless := *submitted
	nameless.Username = ""
	for _, like := range []*Login{submitted, &nameless} {
		all, err := tx.Loose(like.looseKey())
		if err != nil {
			return Login{}, err
		}
		found := slices.DeleteFunc(all, func(l Login) bool { return !l.matches(submitted) })
		closest := slices.IndexFunc(found, func(l Login) bool { return string(l.dedupeKey()) == string(like.dedupeKey()) })
		if len(found) > 0 {
			return found[max(closest, 0)], nil
		}
	}
	return Login{}, engine.ErrNotFound
}

// AddOrUpdate saves what the user submitted, in one transaction: it changes the login that
// [Engine.FindLoginToUpdate] finds, or adds a new one, and returns it as it was saved. A login
// that is there gets the username and the password, and the names of the inputs if submitted
// has them; it keeps its ID, its form and its times but for TimePasswordChanged. Saving is not
// a use: see [Engine.Touch].
func (e *Engine) AddOrUpdate(ctx context.Context, submitted Login) (saved Login, err error) {
	if err := submitted.normalise(); err != nil {
		return Login{}, err
	}
	err = e.store.Edit(ctx, func(tx *mirror.Tx[Login]) error {
		old, err := toUpdate(tx, &submitted)
		if errors.Is(err, engine.ErrNotFound) {
			saved = submitted
			dated(&saved, e.now())
			return tx.Add(&saved)
		}
		if err != nil {
			return err
		}
		saved = old
		saved.Username, saved.Password = submitted.Username, submitted.Password
		saved.UsernameField = cmp.Or(submitted.UsernameField, old.UsernameField)
		saved.PasswordField = cmp.Or(submitted.PasswordField, old.PasswordField)
		return tx.Update(&saved)
	})
	if err != nil {
		return Login{}, err
	}
	return saved, nil
}
