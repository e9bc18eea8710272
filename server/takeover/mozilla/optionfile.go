package mozilla

import (
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxOptions bounds an option file, in bytes.
const maxOptions = 256 << 10

// optionPassword returns the password that the user's option file of MySQL, ~/.my.cnf, has for
// clients, or "".
func optionPassword(getenv func(string) string) string {
	f, err := os.Open(filepath.Join(getenv("HOME"), ".my.cnf"))
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxOptions))
	if err != nil {
		return ""
	}
	return passwordIn(string(text))
}

// passwordIn returns the last password of the groups for clients.
func passwordIn(text string) (password string) {
	ours := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if group, ok := strings.CutPrefix(line, "["); ok {
			group = strings.TrimSuffix(group, "]")
			ours = group == "client" || group == "client-mariadb"
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if ours && ok && strings.TrimSpace(name) == "password" {
			password = unquote(strings.TrimSpace(value))
		}
	}
	return password
}

// unquote removes the quotation marks around a value.
func unquote(value string) string {
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		return value[1 : n-1]
	}
	return value
}
