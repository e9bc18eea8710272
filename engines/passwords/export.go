package passwords

import (
	"bufio"
	"context"
	"io"
	"strconv"
	"strings"
	"time"
)

// ExportCSV writes all logins, sorted, as Firefox exports them: every browser
// reads that. It holds all passwords in the clear: w should be open to the user
// alone.
func (e *Engine) ExportCSV(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriter(w)
	row(out, "url", "username", "password", "httpRealm", "formActionOrigin", "guid", "timeCreated", "timeLastUsed", "timePasswordChanged")
	for l, err := range e.List(ctx) {
		if err != nil {
			return err
		}
		realm, action := absent, l.FormSubmitURL
		if l.HTTPRealm != "" {
			realm, action = l.HTTPRealm, absent
		}
		row(out, l.Hostname, l.Username, l.Password, realm, action, string(l.ID),
			when(l.TimeCreated), when(l.TimeLastUsed), when(l.TimePasswordChanged))
	}
	return out.Flush()
}

// absent is a value that is not there, which Firefox writes without quotes. A NUL
// is in no login.
const absent = "\x00"

func when(t time.Time) string {
	if t.IsZero() {
		return absent
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

func row(out *bufio.Writer, fields ...string) {
	for i, f := range fields {
		if i > 0 {
			_ = out.WriteByte(',')
		}
		if f != absent {
			_, _ = out.WriteString(`"` + strings.ReplaceAll(f, `"`, `""`) + `"`)
		}
	}
	_, _ = out.WriteString("\r\n") // an error comes back from Flush
}
