package archtest

import (
	"fmt"
	"strings"
)

// Packages are named by their folder; "." is the root package. "x/..." is x and all
// below it, "x" just x, "..." the whole module.

// A rule says what one package, or a family of packages, may import of the module.
type rule struct {
	pkg string
	// may lists what it may import besides itself.
	may []string
	// why says what the rule protects; the test prints it.
	why string
}

// rules says which package may import which. The first rule that covers a package applies; a
// package that no rule covers is an error.
var rules = []rule{
	{"bso", []string{"internal/rawjson"},
		"the wire's leaf types know neither client nor server"},
	{"seal/...", []string{"bso", "internal/rawjson"},
		"sealing is pure: no I/O, nothing of the protocol"},
	{"engine", []string{"bso", "internal/rawjson"},
		"the contract stands on nothing that fulfils or drives it"},
	{"engine/importing", nil,
		"it is a few types that every import shares"},
	{"engine/flat", []string{"engine", "engine/importing", "bso", "internal/..."},
		"the store of an engine of one's own fulfils the contract alone"},
	{"engine/enginetest", []string{"engine", "bso", "internal/..."},
		"the conformance suite runs against any engine, so it knows the contract alone"},
	{"sync15/...", []string{"seal/...", "engine", "bso", "internal/..."},
		"the protocol drives any engine, so it knows none, and it serves any manager"},
	{".", []string{"sync15/...", "engine", "bso", "account/message", "internal/catalogue", "internal/localkey", "internal/sealedfile"},
		"an app that imports the manager gets little else"},
	{"api", []string{".", "account/message", "engine", "engine/importing", "engines/...", "internal/rawjson"},
		"the verbs are what an app could do itself with the public packages, whoever asks for them"},
	{"api/internal/...", []string{"api"},
		"what describes the verbs has them from their one table"},
	{"api/door", []string{"api", "internal/dirlock", "internal/lazyre", "internal/sealedfile"},
		"who may call, and how, is decided without knowing what is called"},
	{"engines/placesfile", []string{"engine", "engines/internal/places", "internal/sqlite"},
		"it opens a file as engine.StoreConfig says, and knows neither engine on it"},
	{"engines/...", []string{"engine", "engine/importing", "internal/..."},
		"an engine fulfils the contract alone, and takes IDs and timestamps from it"},
	{"collection/...", []string{"engine", "engine/flat", "engine/importing", "internal/catalogue"},
		"an app's own struct is an engine like any other on flat"},
	{"account/pairing/internal/channel", nil,
		"the encrypted channel does not know what is said on it"},
	{"account/pairing", []string{"account", "account/pairing/internal/channel"},
		"an app that does not pair links no WebSocket"},
	{"account/message", nil,
		"it is a few types that the account and the manager share"},
	{"account", []string{"account/message", "internal/..."},
		"signing in is of use without sync"},
	{"server/storage", []string{"bso", "internal/..."},
		"the storage's rules hold for any backend, so they know none"},
	{"server/storage/storagetest", []string{"server/storage", "bso"},
		"it runs any backend, so it knows the interface alone"},
	{"server/telemetry/...", nil,
		"what is observed does not depend on what it is for"},
	{"server/storage/sqlite/internal/journal", []string{"internal/dirlock"},
		"a journal does not know what is in its entries"},
	{"server/storage/sqlite", []string{"server/storage", "server/storage/sqlite/internal/journal", "server/telemetry", "server/storage/internal/syncids", "bso", "internal/dirlock", "internal/sqlite"},
		"a backend knows no rule of the storage service"},
	{"server/internal/pg", []string{"server/telemetry", "internal/lazyre"},
		"a connection does not depend on what is kept there"},
	{"server/internal/sqldb", []string{"internal/lazyre", "internal/sqlite", "server/internal/pg", "server/telemetry"},
		"a database does not depend on what is kept there"},
	{"server/storage/internal/syncids", nil,
		"what the IDs are does not depend on where they are kept"},
	{"server/storage/postgres", []string{"server/storage", "server/telemetry", "server/storage/internal/syncids", "server/internal/pg", "bso"},
		"a backend knows no rule of the storage service"},
	{"server/internal/messages", nil,
		"texts know nothing of who shows them"},
	{"server/outbox", []string{"server/internal/sqldb", "server/telemetry", "internal/sqlite"},
		"a queue does not depend on what its messages are"},
	{"server/accounts/internal/store", nil,
		"the interface of a database of accounts does not depend on its implementations"},
	{"server/accounts/internal/store/storetest", []string{"server/accounts/internal/store"},
		"it runs any database of accounts, so it knows the interface alone"},
	{"server/accounts/internal/store/sqlstore", []string{"server/accounts/internal/store", "server/accounts/internal/store/storetest", "server/internal/sqldb", "server/telemetry", "server/token", "internal/test/..."},
		"a database of accounts knows no rule of the accounts server"},
	{"server/accounts/internal/fault", nil,
		"what a client is told depends on no rule"},
	{"server/accounts/internal/random", nil,
		"randomness does not depend on what it is for"},
	{"server/accounts/internal/mailaddr", []string{"server/accounts/internal/fault", "server/accounts/internal/store"},
		"an address is compared in one way, whatever for"},
	{"server/accounts/internal/api", []string{"server/accounts/internal/fault", "server/internal/messages", "internal/intake", "internal/stretch"},
		"requests are read and answered without knowing what they ask"},
	{"server/accounts/internal/tries", []string{"server/accounts/internal/api", "server/accounts/internal/fault", "server/accounts/internal/limiter",
		"server/accounts/internal/mailaddr", "server/accounts/internal/store", "server/security"},
		"what is counted knows nothing of what it is tried for"},
	{"server/accounts/internal/auth", []string{"server/accounts/internal/api", "server/accounts/internal/fault", "server/accounts/internal/oauth",
		"server/accounts/internal/random", "server/accounts/internal/store", "server/accounts/internal/store/sqlstore",
		"server/accounts/internal/tries", "server/publicname", "server/token",
		"internal/hawk", "internal/onepw"},
		"who sends a request does not depend on what is asked; the database is for tests"},
	{"server/accounts/internal/authtest", []string{"server/accounts/internal/api", "server/accounts/internal/auth", "server/accounts/internal/fault",
		"server/accounts/internal/oauth", "server/accounts/internal/store", "server/accounts/internal/store/sqlstore", "server/accounts/internal/tries",
		"server/publicname", "internal/hawk", "internal/onepw"},
		"an account for tests has no part of the server that is tested on it"},
	{"server/accounts/internal/limiter", nil,
		"a counter does not depend on what it counts"},
	{"server/accounts/internal/typed", nil,
		"an alphabet does not depend on what it spells"},
	{"server/accounts/internal/oauth", []string{"server/accounts/internal/store", "server/accounts/internal/store/sqlstore", "internal/onepw"},
		"what OAuth says is apart from who is granted what; the database is for tests"},
	{"server/accounts/internal/secondfactor", []string{"server/accounts/internal/api", "server/accounts/internal/auth",
		"server/accounts/internal/fault", "server/accounts/internal/random", "server/accounts/internal/store", "server/accounts/internal/tries",
		"server/accounts/internal/typed", "server/publicname", "server/security"},
		"the second step is decided in the caller's transaction, whatever that is for"},
	{"server/accounts/internal/devices", []string{"server/accounts/internal/api", "server/accounts/internal/auth",
		"server/accounts/internal/fault", "server/accounts/internal/limiter", "server/accounts/internal/oauth", "server/accounts/internal/random",
		"server/accounts/internal/store", "server/accounts/internal/store/sqlstore", "server/publicname", "server/push", "server/security"},
		"devices depend on who asks, not on how that signed in; the database is for tests"},
	{"server/accounts/internal/grants", []string{"server/accounts/internal/api", "server/accounts/internal/auth", "server/accounts/internal/authtest",
		"server/accounts/internal/fault", "server/accounts/internal/oauth", "server/accounts/internal/random", "server/accounts/internal/store",
		"server/publicname"},
		"a client is granted what a session may give, however that signed in"},
	{"server/accounts/internal/profile", []string{"server/accounts/internal/api", "server/accounts/internal/auth", "server/accounts/internal/authtest",
		"server/accounts/internal/devices", "server/accounts/internal/fault", "server/accounts/internal/oauth",
		"server/accounts/internal/random", "server/accounts/internal/store", "server/picture", "server/publicname"},
		"a profile is what an account says, and opens nothing"},
	{"server/accounts/internal/password", []string{"server/accounts/internal/api", "server/accounts/internal/auth", "server/accounts/internal/authtest", "server/accounts/internal/fault",
		"server/accounts/internal/mailaddr", "server/accounts/internal/random", "server/accounts/internal/store", "server/accounts/internal/tries",
		"server/security", "internal/onepw", "internal/stretch"},
		"a password is checked without knowing what it opens"},
	{"server/accounts/internal/confirmation", []string{"server/accounts/internal/api", "server/accounts/internal/auth", "server/accounts/internal/authtest",
		"server/accounts/internal/fault", "server/accounts/internal/mailaddr", "server/accounts/internal/random", "server/accounts/internal/store",
		"server/accounts/internal/tries", "server/internal/messages", "server/mail", "server/publicname"},
		"an address is confirmed without knowing how accounts are made"},
	{"server/accounts/internal/recovery", []string{"server/accounts/internal/api", "server/accounts/internal/auth", "server/accounts/internal/authtest",
		"server/accounts/internal/fault", "server/accounts/internal/mailaddr",
		"server/accounts/internal/secondfactor", "server/accounts/internal/store", "server/accounts/internal/tries"},
		"a recovery key opens an account, and does not set its password"},
	{"server/takeover/mozilla", []string{"server/takeover", "bso", "internal/lazyre", "internal/sqlitecopy"},
		"another server's database is read without knowing where it is copied to"},
	{"server/takeover", []string{"server/storage", "server/storage/transfer", "server/token", "server/internal/sqldb", "bso", "internal/lazyre"},
		"copying users depends neither on the databases that they come from nor on those that they go to"},
	{"server/storage/transfer", []string{"server/storage", "server/storage/sqlite", "bso"},
		"a copy is made between any two backends, so it knows none; one is for tests"},
	{"server/events", []string{"server/internal/pg", "bso"},
		"what is told of a write depends neither on the storage nor on how a device proved who it is"},
	{"server/node", []string{"server/storage", "server/storage/transfer", "server/storage/sqlite", "bso", "internal/hawk"},
		"what nodes say to each other depends on no server around it; the backend is for tests"},
	{"server/...", []string{"bso", "internal/..."},
		"the server shares the wire's types with a client, and no client code"},
	{"internal/ledger/...", []string{"engine", "internal/..."},
		"the bookkeeping of syncs knows the contract alone"},
	{"internal/mirror/...", []string{"engine", "engine/importing", "internal/..."},
		"the record store is the ground of an engine, and knows the contract alone"},
	{"internal/test/...", []string{"..."},
		"helpers of tests play every part"},
	{"internal/sendtab/...", []string{"seal/...", "internal/..."},
		"what devices hand each other is sealed with the account's key, as records are"},
	{"internal/ui", []string{"api", "engine", "engine/importing"},
		"the page shows what the API answers, and can do nothing else"},
	{"internal/home", []string{".", "account", "account/message", "api", "engine", "internal/capacity", "internal/profile"},
		"it joins a profile and the API, and decides nothing"},
	{"internal/browsers", []string{".", "engine", "engines/bookmarks", "engines/bookmarks/browsertree", "engines/history", "engines/tabs", "internal/..."},
		"it joins browsers and a profile, and knows no browser's language"},
	{"internal/nativehost/...", []string{"engines/bookmarks/browsertree", "internal/browsers", "internal/nativehost"},
		"it passes on what an extension asks, and decides nothing"},
	{"extension", nil,
		"it is files"},
	{"internal/agent/...", []string{".", "account", "engine", "internal/..."},
		"it holds a profile, and knows nothing of a command line"},
	{"internal/profile", []string{".", "account", "account/pairing", "engine", "engines/...", "server", "internal/..."},
		"a profile wires the public packages for whoever holds it, and knows nothing of a command line"},
	{"internal/...", []string{"engine/importing", "internal/..."},
		"a small piece that several packages need stands on small pieces"},
	{"examples/browser", []string{".", "engine", "account", "account/message", "account/pairing", "engines/placesfile", "engines/history", "engines/bookmarks", "engines/passwords", "engines/tabs",
		"engines/addresses", "engines/creditcards", "engines/extstorage", "server"},
		"an app has nothing but what is public; its tests have a server too"},
	{"examples/...", []string{".", "engine", "engine/enginetest", "engine/flat", "engine/importing", "account", "collection", "engines/passwords", "engines/tabs", "engines/bookmarks", "engines/history"},
		"an app has nothing but what is public"},
	{"cmd/syncmanager/internal/usage", nil,
		"a mistake on the command line is explained without knowing what the command does"},
	{"cmd/syncmanager/internal/term", []string{"cmd/syncmanager/internal/usage"},
		"printing and asking know nothing of what is synced or served"},
	{"cmd/syncmanager/internal/serve", []string{"cmd/syncmanager/internal/...", "server/...", "internal/..."},
		"starting a server needs no client"},
	{"bindings/internal/library", []string{"api", "internal/home", "internal/profile"},
		"what C calls is the API on a profile"},
	{"bindings/internal/...", []string{"api"},
		"clients have the verbs from their one table"},
	{"bindings/...", []string{"bindings/internal/..."},
		"C has what its library does without C"},
	{"cmd/...", []string{"..."}, "the command wires everything"},
	{"interop/...", []string{"..."}, "it shows everything at work"},
	{"bench/...", []string{"..."}, "it measures everything"},
}

// A reserved package is one that "internal/..." in a rule does not include.
type reserved struct {
	pkg string
	// by lists who may import it.
	by  []string
	why string
}

var reservations = []reserved{
	{"internal/test/...", []string{"interop/...", "bench/..."},
		"it is for tests, and imports everything"},
	{"internal/mirror/...", []string{"engines/...", "engine/flat", "internal/test/...", "cmd/...", "interop/...", "bench/..."},
		"it brings the engine contract along, which the rest of internal and the server must not reach"},
	{"internal/ledger/...", []string{"engines/...", "internal/mirror/...", "internal/test/...", "interop/...", "bench/..."},
		"it brings the engine contract along, which the rest of internal and the server must not reach"},
	{"internal/ui", []string{"cmd/...", "interop/..."},
		"it brings the API with all its engines along"},
	{"internal/home", []string{"bindings/...", "cmd/...", "internal/agent/..."},
		"it brings a profile along"},
	{"internal/browsers", []string{"cmd/...", "internal/nativehost/...", "interop/..."},
		"it brings a profile along"},
	{"internal/profile", []string{"bindings/...", "cmd/...", "internal/agent/...", "internal/browsers", "internal/home"},
		"it is a client with all its engines and a server, which a small package must not bring along"},
	{"internal/keyring", []string{"cmd/...", "internal/profile"},
		"an app that imports the public packages must not link a keyring and D-Bus"},
	{"internal/sendtab/...", []string{"account/...", "internal/test/...", "cmd/...", "interop/..."},
		"it is end-to-end encryption, and the server is not an end"},
	{"cmd/...", []string{"cmd/..."},
		"a command is for people; what programs share is in the packages that it imports"},
	{"internal/firefoxprofile/...", []string{"cmd/...", "interop/..."},
		"it holds a user's secrets in the clear, which the server and the engines never ask for"},
}

// check returns what is wrong with from importing to, or nil.
func check(from, to string) error {
	r, ok := ruleFor(from)
	if !ok {
		return fmt.Errorf("no rule covers the folder %s; give it one in internal/archtest/rules.go", from)
	}
	for _, res := range reservations {
		if within(to, res.pkg) && !within(from, res.pkg) && !anyWithin(from, res.by) {
			return fmt.Errorf("%s must not import %s: only %s may import %s, because %s",
				from, to, strings.Join(res.by, ", "), res.pkg, res.why)
		}
	}
	if within(to, r.pkg) || anyWithin(to, r.may) {
		return nil
	}
	return fmt.Errorf("%s must not import %s: %s may import only %s, because %s",
		from, to, r.pkg, strings.Join(r.may, ", "), r.why)
}

func ruleFor(pkg string) (rule, bool) {
	for _, r := range rules {
		if within(pkg, r.pkg) {
			return r, true
		}
	}
	return rule{}, false
}

// within reports whether pattern covers pkg.
func within(pkg, pattern string) bool {
	folder, below := strings.CutSuffix(pattern, "/...")
	return pattern == "..." || pkg == folder || below && strings.HasPrefix(pkg, folder+"/")
}

func anyWithin(pkg string, patterns []string) bool {
	for _, p := range patterns {
		if within(pkg, p) {
			return true
		}
	}
	return false
}
