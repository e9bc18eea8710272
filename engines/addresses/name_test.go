package addresses_test

import (
	"testing"

	"github.com/syncmanager/syncmanager/engines/addresses"
)

func TestSplitName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][3]string{
		"":                        {},
		"Ann":                     {"Ann", "", ""},
		"Ann Example":             {"Ann", "", "Example"},
		"Bob B Bobson":            {"Bob", "B", "Bobson"},
		"Mr. Bob B. Bobson, Jr.":  {"Bob", "B.", "Bobson"},
		"Ann Mary Jane Example":   {"Ann Mary", "Jane", "Example"},
		"Ludwig van Beethoven":    {"Ludwig", "", "van Beethoven"},
		"Dr. Ann B. van der Dyke": {"Ann", "B.", "van der Dyke"},
		"John Ma":                 {"John", "", "Ma"},
		"John Smith Ma":           {"John", "", "Smith"},
		"Mr.":                     {"Mr.", "", ""},
		"van Dyke":                {"", "", "van Dyke"},
		"  Ann   Example  ":       {"Ann", "", "Example"},
		"王小明":                     {"小明", "", "王"},
		"欧阳修":                     {"修", "", "欧阳"},
		"王 小明":                    {"小明", "", "王"},
		"홍길동":                     {"길동", "", "홍"},
		"남궁민":                     {"민", "", "남궁"},
		"동방신기":                    {"신기", "", "동방"},
		"동방신":                     {"방신", "", "동"},
		"マイケル・ジャクソン":              {"ジャクソン", "", "マイケル"},
		"王":                       {"", "", "王"},
		"王 Ann":                   {"王", "", "Ann"},
	} {
		given, additional, family := addresses.SplitName(name)
		if got := [3]string{given, additional, family}; got != want {
			t.Errorf("%q: %q; want %q", name, got, want)
		}
	}
}

func TestJoinName(t *testing.T) {
	t.Parallel()
	for _, x := range [][4]string{
		{"", "", "", ""}, {"Ann", "", "Example", "Ann Example"}, {"Ann", "B.", "van Dyke", "Ann B. van Dyke"},
		{"小明", "", "王", "王小明"}, {"小明", "x", "王", "小明 x 王"}, {"Ann", "", "王", "Ann 王"},
	} {
		if got := addresses.JoinName(x[0], x[1], x[2]); got != x[3] {
			t.Errorf("%q: %q", x, got)
		}
	}
}

func TestCountries(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"us": "US", "Germany": "DE", "GERMANY": "DE", "United Kingdom": "GB", "uk": "GB", "UAE": "AE", "Côte d'Ivoire": "CI",
		"Antarctica": "AQ", "": "", "Atlantis": "", "XX": "",
	} {
		if code, ok := addresses.CountryCode(word); code != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", word, code, ok, want)
		}
	}
	if got := addresses.CountryName("NZ"); got != "New Zealand" {
		t.Errorf("NZ is %q", got)
	}
}

func TestInternational(t *testing.T) {
	t.Parallel()
	for _, x := range [][3]string{
		{"+1 (555) 123-4567", "", "+15551234567"}, {"(555) 123-4567", "US", "+15551234567"}, {"1-555-123-4567", "CA", "+15551234567"},
		{"030 1234567", "DE", "+49301234567"}, {"0039 06 1234567", "DE", "+39061234567"}, {"06 1234567", "IT", "+39061234567"},
		{"+44 (0)20 7946 0000", "", "+442079460000"}, {"06 1 234 5678", "HU", "+3612345678"},
		{"8 (812) 123-45-67", "RU", "+78121234567"}, {"812 123 45 67", "RU", "+78121234567"}, {"011 49 30 1234567", "US", "+49301234567"},
		// A number whose country is not certain stays as it is.
		{"555-1234", "US", "555-1234"}, {"1234567", "DE", "1234567"}, {"030 1234567", "", "030 1234567"}, {"1-800-FLOWERS", "US", "1-800-FLOWERS"},
		{"+", "US", "+"}, {"", "DE", ""}, {"+0 12345678", "", "+0 12345678"}, {"8 017 123 45 67", "BY", "8 017 123 45 67"},
		{"+49 30 1234567 ext. 5", "DE", "+49 30 1234567 ext. 5"}, {"+12345678901234567890", "", "+12345678901234567890"}, {"0", "AQ", "0"},
	} {
		if got := addresses.International(x[0], x[1]); got != x[2] {
			t.Errorf("%q dialled in %q: %q; want %q", x[0], x[1], got, x[2])
		}
	}
}
