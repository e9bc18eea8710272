package passwords

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/internal/anydate"
	"github.com/syncmanager/syncmanager/internal/mirror"
	"github.com/syncmanager/syncmanager/internal/textfile"
)

// columns are what is read of a row, by the names that browsers and password managers
// give the columns, in lower case. When an entry was last changed is not when its
// password was, and is not read.
var columns = map[string]string{
	"url": "url", "login_uri": "url", "web site": "url", "website": "url",
	"username": "username", "login_username": "username", "login name": "username", "user name": "username", "login": "username",
	"password": "password", "login_password": "password", "pwd": "password",
	"httprealm": "httprealm", "formactionorigin": "formactionorigin", "guid": "guid",
	"timecreated": "timecreated", "created": "timecreated", "createtime": "timecreated",
	"timelastused": "timelastused", "timepasswordchanged": "timepasswordchanged",
	// What stands in for another column, or adds to it.
	"email": "email", "additional_urls": "urls", "type": "type",
}

// leftOut are the columns that have no place in a login, by what they hold.
var leftOut = map[string]string{
	"note": notesLeft, "notes": notesLeft, "extra": notesLeft, "comments": notesLeft,
	"totp": codesLeft, "login_totp": codesLeft, "otpauth": codesLeft, "otpsecret": codesLeft, "otpurl": codesLeft, "otp": codesLeft,
	"fields": fieldsLeft, "rffieldsv2": fieldsLeft,
	"username2": namesLeft, "username3": namesLeft,
}

// What is left out of rows that are taken, in the order in which it is told.
const (
	notesLeft  = "notes were left out, since a login has no place for them"
	codesLeft  = "secrets of one-time codes (TOTP) were left out, since a login has no place for them"
	fieldsLeft = "custom fields were left out, since a login has no place for them"
	namesLeft  = "further user names were left out, since a login has one"
	datesLeft  = "dates that make no sense were left out"
	cellsLeft  = "cells beyond those of the header were left out: check these rows"
)

// formats are told by columns that no other has.
var formats = []struct {
	name    string
	columns []string
}{
	{"firefox", []string{"guid"}}, {"firefox", []string{"timepasswordchanged"}},
	{"bitwarden", []string{"login_uri"}}, {"lastpass", []string{"grouping"}}, {"keepassxc", []string{"group", "title", "icon"}}, {"keepass", []string{"login name", "web site"}},
	{"1password", []string{"otpauth", "archived"}}, {"apple", []string{"title", "otpauth"}}, {"dashlane", []string{"username2"}},
	{"protonpass", []string{"vault"}}, {"nordpass", []string{"additional_urls"}}, {"roboform", []string{"matchurl"}},
	{"chrome", []string{"name"}}, {"chrome", []string{"note"}},
}

// csvLogins reads logins from the rows of a file.
type csvLogins struct {
	csv    *textfile.CSV
	format string
	column map[string]int
	// unused are the columns of what has no place in a login.
	unused map[int]string
	width  int
	// left has, of each thing that was left out, the lines of the rows.
	left map[string][]int
}

func (c *csvLogins) has(field string) bool {
	_, ok := c.column[field]
	return ok
}

func (c *csvLogins) header() error {
	ok, err := c.csv.Header(c.fits)
	if err == nil && !ok {
		err = ErrFormat
	}
	return err
}

// fits takes the names of the columns, in lower case, if they are those of logins.
func (c *csvLogins) fits(names []string) bool {
	c.column, c.unused, c.width = make(map[string]int), make(map[int]string), len(names)
	for i, name := range names {
		if field, ok := columns[name]; ok {
			if c.has(field) {
				return false
			}
			c.column[field] = i
		}
		if what, ok := leftOut[name]; ok {
			c.unused[i] = what
		}
	}
	c.format = "csv"
	for _, f := range formats {
		if !slices.ContainsFunc(f.columns, func(name string) bool { return !slices.Contains(names, name) }) {
			c.format = f.name
			break
		}
	}
	c.csv.Backslash = c.format == "keepass"
	return c.has("url") && c.has("username") && c.has("password")
}

// logins yields those of the rows. A row that is none is an [importing.Skip].
func (c *csvLogins) logins() iter.Seq2[sourced, error] {
	return func(yield func(sourced, error) bool) {
		for {
			all, line, err := c.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil && !yield(sourced{line: line}, err) {
				return
			}
			for _, l := range all {
				if !yield(sourced{Login: l, line: line}, nil) {
					return
				}
			}
		}
	}
}

// next reads the logins of the next row, and its line. The error is io.EOF at the end.
func (c *csvLogins) next() ([]Login, int, error) {
	fields, line, err := c.csv.Read()
	if bad := (*textfile.RowError)(nil); errors.As(err, &bad) {
		return nil, line, &importing.Skip{Line: line, Reason: bad.Reason}
	}
	if err != nil {
		return nil, line, err
	}
	all, err := c.row(fields, line)
	return all, line, err
}

// row makes the logins of a row: one for each site. A spreadsheet cuts off the empty
// cells at the end of a row, and may add some.
func (c *csvLogins) row(fields []string, line int) ([]Login, error) {
	for _, name := range []string{"url", "username", "password"} {
		if c.column[name] >= len(fields) {
			return nil, &importing.Skip{Line: line, Reason: fmt.Sprintf("it has %d columns, and the header has %d: its %s is missing", len(fields), c.width, name)}
		}
	}
	field := func(name string) string {
		if i, ok := c.column[name]; ok && i < len(fields) {
			return fields[i]
		}
		return ""
	}
	urls := sites(field("url") + "\n" + strings.Trim(field("urls"), "[]"))
	if what := notLogin[strings.ToLower(field("type"))]; what != "" && field("password") == "" {
		return nil, &importing.Skip{Line: line, Reason: "it is " + what + ", not a login"}
	}
	if len(urls) == 1 && urls[0] == "http://sn" { // LastPass's mark
		return nil, &importing.Skip{Line: line, Reason: "it is a secure note, not a login"}
	}
	l := c.login(field, line)
	c.noteUnused(fields, line)
	all := make([]Login, 0, len(urls))
	for _, url := range urls {
		l.Hostname = url
		all = append(all, l)
		l.ID = ""
	}
	return all, nil
}

// login makes the login of a row, without its site.
func (c *csvLogins) login(field func(name string) string, line int) Login {
	l := Login{
		Username: field("username"), Password: field("password"), HTTPRealm: field("httprealm"), FormSubmitURL: field("formactionorigin"),
		TimeCreated: mirror.Time(c.milliseconds(field("timecreated"), line)), TimeLastUsed: mirror.Time(c.milliseconds(field("timelastused"), line)),
		TimePasswordChanged: mirror.Time(c.milliseconds(field("timepasswordchanged"), line)),
	}
	if l.Username == "" {
		l.Username = field("email")
	}
	if id := engine.ID(field("guid")); (len(id) == 36 || len(id) == 38) && id.Valid() {
		l.ID = id
	}
	return l
}

// noteUnused notes the cells of a row that have no place in a login.
func (c *csvLogins) noteUnused(fields []string, line int) {
	for i, value := range fields {
		switch what := c.unused[i]; {
		case strings.TrimSpace(value) == "":
		case i >= c.width:
			c.leaveOut(cellsLeft, line)
		case what != "":
			c.leaveOut(what, line)
		}
	}
}

// notLogin are the types of rows that are something else, as password managers name
// them.
var notLogin = map[string]string{
	"note": "a note", "securenote": "a note", "secure note": "a note", "card": "a card", "creditcard": "a card", "credit_card": "a card",
	"identity": "an identity", "personal_info": "an identity", "alias": "an alias",
}

// maxSites bounds the sites of one row.
const maxSites = 100

// sites takes the URLs of a cell apart, which may be separated by line ends, spaces,
// commas or semicolons. Since a URL can have the last two in it, they separate only
// before another URL, or names of hosts alone. It returns one site at least, which may
// be "", and none twice.
func sites(cell string) []string {
	var all []string
	for _, url := range candidates(cell) {
		url = strings.Trim(url, " \t\r\n,;\"")
		if url != "" && len(all) < maxSites && !slices.ContainsFunc(all, func(had string) bool { return sameSite(had, url) }) {
			all = append(all, url)
		}
	}
	if all == nil {
		return []string{""}
	}
	return all
}

// candidates takes a cell apart where a site may begin.
func candidates(cell string) (all []string) {
	for line := range strings.FieldsFuncSeq(cell, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if !strings.ContainsAny(line, "/") {
			all = append(all, strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ';' })...)
			continue
		}
		start := 0
		for at := 1; at < len(line); at++ {
			if strings.ContainsRune(",; \t\"", rune(line[at-1])) && beginsURL(line[at:]) {
				all = append(all, line[start:at])
				start = at
			}
		}
		all = append(all, line[start:])
	}
	return all
}

// sameSite reports whether two URLs are the same, or have the same origin.
func sameSite(a, b string) bool {
	if a == b {
		return true
	}
	origin, err := Origin(a)
	other, otherErr := Origin(b)
	return err == nil && otherErr == nil && origin == other
}

// beginsURL reports whether a text begins with a scheme and "://".
func beginsURL(s string) bool {
	for i := range min(len(s), 32) {
		c := s[i] | 0x20
		switch {
		case s[i] == ':':
			return i > 0 && strings.HasPrefix(s[i:], "://")
		case 'a' <= c && c <= 'z', i > 0 && ('0' <= s[i] && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.'):
		default:
			return false
		}
	}
	return false
}

// milliseconds reads a date. One that makes no sense is none; the text is not told,
// since it may be a secret in the wrong column.
func (c *csvLogins) milliseconds(text string, line int) int64 {
	const seconds1973 = 100_000_000
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 && n < seconds1973 {
		return n // too small for seconds: milliseconds, as Firefox writes them
	}
	t, ok := anydate.Parse(text)
	if t.After(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t, ok = time.Time{}, false
	}
	if !ok {
		c.leaveOut(datesLeft, line)
	}
	if t.IsZero() {
		return 0
	}
	return max(t.UnixMilli(), 0)
}

func (c *csvLogins) leaveOut(what string, line int) {
	if lines := c.left[what]; len(lines) == 0 || lines[len(lines)-1] != line {
		c.left[what] = append(lines, line)
	}
}

// notes tells what was left out, and of which rows.
func (c *csvLogins) notes() (notes []string) {
	const named = 20
	for _, what := range []string{notesLeft, codesLeft, fieldsLeft, namesLeft, datesLeft, cellsLeft} {
		lines := c.left[what]
		if len(lines) == 0 {
			continue
		}
		var text []string
		for _, line := range lines[:min(len(lines), named)] {
			text = append(text, strconv.Itoa(line))
		}
		if more := len(lines) - named; more > 0 {
			text = append(text, fmt.Sprintf("and %d more", more))
		}
		notes = append(notes, fmt.Sprintf("%s: %d (lines %s)", what, len(lines), strings.Join(text, ", ")))
	}
	return notes
}
