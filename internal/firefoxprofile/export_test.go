package firefoxprofile

import "github.com/syncmanager/syncmanager/internal/skips"

// ParsePrefs is parsePrefs, into a map.
func ParsePrefs(text []byte) (map[string]any, skips.List) {
	var left skips.List
	set := make(map[string]any)
	parsePrefs(text, func(name string, value any) { set[name] = value }, &left)
	return set, left
}

// Decrypt decrypts a value of key4.db.
func Decrypt(der, salt []byte, password string) ([]byte, error) {
	return decrypt(der, seed(salt, password))
}

// DecryptLogin decrypts a value of logins.json with a key that is open.
func DecryptLogin(id, key []byte, text string) (string, error) {
	k := &keys{sealed: []*sealedKey{{id: id, plain: key, open: true}}}
	return k.login(text)
}

// MaxText bounds a text, in bytes.
const MaxText = maxText

// MaxDatabase bounds a database, in bytes.
const MaxDatabase = maxDatabase
