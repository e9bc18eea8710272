package creditcards

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/syncmanager/syncmanager/internal/lazyre"
)

// bare is a number without the spaces and dashes between its groups.
func bare(number string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, number)
}

// ValidNumber reports whether a number can be a card's: 12 to 19 digits, the last of which is
// the Luhn checksum.
func ValidNumber(number string) bool {
	if len(number) < 12 || len(number) > 19 {
		return false
	}
	sum := 0
	for i := range len(number) {
		n := int(number[len(number)-1-i]) - '0'
		if n < 0 || n > 9 {
			return false
		}
		if i%2 == 1 {
			n *= 2
			n = n/10 + n%10
		}
		sum += n
	}
	return sum%10 == 0
}

// networks are those that Firefox knows by how a number begins (from … to), and by
// its length; the first that fits is it.
var networks = []struct {
	name     string
	from, to string
	min, max int
}{
	{"cartebancaire", "4035", "4035", 16, 16},
	{"cartebancaire", "4360", "4360", 16, 16},
	{"visa", "4", "4", 13, 19},
	{"mastercard", "51", "55", 16, 16},
	{"mastercard", "2221", "2720", 16, 16},
	{"mir", "2200", "2204", 16, 19},
	{"amex", "34", "34", 15, 15},
	{"amex", "37", "37", 15, 15},
	{"jcb", "3528", "3589", 16, 19},
	{"diners", "300", "305", 14, 19},
	{"diners", "3095", "3095", 14, 19},
	{"diners", "36", "36", 14, 19},
	{"diners", "38", "39", 14, 19},
	{"discover", "6011", "6011", 16, 19},
	{"discover", "644", "649", 16, 19},
	{"discover", "65", "65", 16, 19},
	{"unionpay", "62", "62", 16, 19},
	{"unionpay", "81", "81", 16, 19},
}

// Network returns the network of a card number, as Firefox names it: "visa". It is "" if
// Firefox does not know the network.
func Network(number string) string {
	for _, n := range networks {
		if len(number) < n.min || len(number) > n.max {
			continue
		}
		if start := number[:len(n.from)]; start >= n.from && start <= n.to {
			return n.name
		}
	}
	return ""
}

var (
	monthFirst = lazyre.New(`^(\d{1,2}) *[-/.] *(\d{4}|\d{2})$`)
	yearFirst  = lazyre.New(`^(\d{4}) *[-/.] *(\d{1,2})$`)
	together   = lazyre.New(`^(\d{2})(\d{2})$`)
	errExpires = errors.New(`when a card expires is a month and a year, like "04/2031"`)
)

// ParseExpires reads when a card expires: "04/2031", "4/31", "0431" or "2031-04"; ""
// is not known.
func ParseExpires(text string) (month, year int, err error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, 0, nil
	}
	var m, y string
	if f := yearFirst.FindStringSubmatch(text); f != nil {
		y, m = f[1], f[2]
	} else if f := monthFirst.FindStringSubmatch(text); f != nil {
		m, y = f[1], f[2]
	} else if f := together.FindStringSubmatch(text); f != nil {
		m, y = f[1], f[2]
	} else {
		return 0, 0, errExpires
	}
	month, _ = strconv.Atoi(m)
	year, _ = strconv.Atoi(y)
	if len(y) == 2 {
		year += 2000
	}
	if month < 1 || month > 12 || year < 2000 {
		return 0, 0, errExpires
	}
	return month, year, nil
}
