package addresses

import (
	_ "embed"
	"strings"
	"sync"
)

// countryTable has a line for each country: its code by ISO 3166, its calling code,
// what is dialled before an international number and before a national one ("-":
// nothing, "?": it depends), and its name.
//
//go:embed countries.txt
var countryTable string

type country struct{ code, calling, abroad, trunk, name string }

var countries = sync.OnceValue(func() map[string]country {
	all := make(map[string]country)
	for line := range strings.Lines(countryTable) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 5)
		for i := range f {
			f[i] = strings.TrimPrefix(f[i], "-")
		}
		all[f[0]] = country{f[0], f[1], f[2], f[3], f[4]}
	}
	return all
})

// otherNames are what countries are called too, in lower case.
var otherNames = map[string]string{
	"usa": "US", "united states of america": "US", "america": "US", "uk": "GB", "great britain": "GB", "england": "GB",
	"scotland": "GB", "wales": "GB", "northern ireland": "GB", "holland": "NL", "the netherlands": "NL", "czech republic": "CZ",
	"turkey": "TR", "ivory coast": "CI", "cote d'ivoire": "CI", "burma": "MM", "korea": "KR", "republic of korea": "KR",
	"russian federation": "RU", "swaziland": "SZ", "macedonia": "MK", "macau": "MO", "uae": "AE", "cabo verde": "CV",
	"reunion": "RE", "curacao": "CW", "viet nam": "VN",
}

// CountryCode returns the code of the country with a code or English name, in upper or lower
// case.
func CountryCode(word string) (code string, ok bool) {
	if c, ok := countries()[strings.ToUpper(word)]; ok {
		return c.code, true
	}
	if code, ok := otherNames[strings.ToLower(word)]; ok {
		return code, true
	}
	for _, c := range countries() {
		if strings.EqualFold(c.name, word) {
			return c.code, true
		}
	}
	return "", false
}

// CountryName returns the English name of the country with a code, or "".
func CountryName(code string) string { return countries()[code].name }

// International is the telephone number as E.164 writes it, if it is dialled in the
// country. What is not surely such a number stays as it is.
func International(tel, countryCode string) string {
	bare := tel
	if strings.HasPrefix(bare, "+") {
		bare = strings.Replace(bare, "(0)", "", 1) // for those who dial it within the country
	}
	number := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \u00a0-\u2010\u2011\u2013./()", r) {
			return -1
		}
		return r
	}, bare)
	if !strings.HasPrefix(number, "+") {
		number = countries()[countryCode].dialled(number)
	}
	digits := strings.TrimPrefix(number, "+")
	if len(digits) < 7 || len(digits) > 15 || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" || number == digits {
		return tel
	}
	return number
}

// dialled is the international number that one reaches with the digits in the
// country, or "".
func (c country) dialled(digits string) string {
	switch {
	case c.calling == "":
		return ""
	case strings.HasPrefix(digits, c.abroad):
		return "+" + digits[len(c.abroad):]
	case (c.calling == "1" || c.calling == "7") && len(digits) == 10:
		// Numbers of one length, some of which begin with what is dialled before them.
		return "+" + c.calling + digits
	case (c.calling == "1" || c.calling == "7") && len(digits) != 11 || !strings.HasPrefix(digits, c.trunk):
		return "" // a number within a town
	}
	return "+" + c.calling + digits[len(c.trunk):]
}
