package firefoxprofile

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"
	"unicode/utf8"

	"github.com/syncmanager/syncmanager/internal/skips"
	"github.com/syncmanager/syncmanager/internal/sqlitecopy"
)

const formsFile = "formhistory.sqlite"

var formTables = map[string][]string{
	"moz_formhistory": {"id", "fieldname", "value", "timesUsed", "firstUsed", "lastUsed", "guid"},
}

// A FormEntry is something that the user once typed into a field.
type FormEntry struct {
	// GUID is the entry's ID, sixteen characters of base64; "" if Firefox gave none.
	GUID string
	// Field is the name of the field, on any page; "searchbar-history" is
	// Firefox's search bar.
	Field, Value string
	// TimesUsed counts uses; 0 if unknown.
	TimesUsed int64
	// The times are in UTC, in microseconds; zero if unknown.
	FirstUsed, LastUsed time.Time
}

// In a file made by hand, a column can have values of any type.
const sqlFormHistory = `SELECT CASE WHEN length(CAST(fieldname AS BLOB)) <= ?1 THEN CAST(fieldname AS TEXT) ELSE '' END,
		CASE WHEN length(CAST(value AS BLOB)) <= ?1 THEN CAST(value AS TEXT) END,
		CAST(coalesce(timesUsed, 0) AS INTEGER), CAST(coalesce(firstUsed, 0) AS INTEGER), CAST(coalesce(lastUsed, 0) AS INTEGER),
		CASE WHEN length(CAST(guid AS BLOB)) <= 100 THEN CAST(guid AS TEXT) ELSE '' END
	FROM moz_formhistory ORDER BY id`

// FormHistory yields what was typed into forms, in the order in which Firefox stored it.
func (p *Profile) FormHistory(ctx context.Context, left *skips.List) iter.Seq2[FormEntry, error] {
	return func(yield func(FormEntry, error) bool) {
		stopped := false
		err := p.database(ctx, formsFile, formTables, func(db *sqlitecopy.Copy) error {
			return eachRow(ctx, db, sqlFormHistory, maxValue, func(rows *sql.Rows) (more bool, err error) {
				var e FormEntry
				var value *string
				var first, last int64
				if err := rows.Scan(&e.Field, &value, &e.TimesUsed, &first, &last, &e.GUID); err != nil {
					return false, err
				}
				if reason := e.fill(value); reason != "" {
					left.Add(skips.Skip{Item: skips.Shorten(e.Field), Reason: reason})
					return true, nil
				}
				e.TimesUsed, e.FirstUsed, e.LastUsed = max(0, e.TimesUsed), fromMicro(first), fromMicro(last)
				stopped = !yield(e, nil)
				return !stopped, nil
			})
		})
		if err != nil && !stopped {
			yield(FormEntry{}, err)
		}
	}
}

// fill sets the entry's value, or returns why it cannot be taken over.
func (e *FormEntry) fill(value *string) (reason string) {
	switch {
	case e.Field == "":
		return "it has no field's name"
	case value == nil:
		return fmt.Sprintf("it has no value, or one longer than %d bytes", maxValue)
	case !utf8.ValidString(e.Field) || !utf8.ValidString(*value):
		return "its text is not valid UTF-8"
	}
	e.Value = *value
	return ""
}
