package creditcards_test

import (
	"testing"

	"github.com/syncmanager/syncmanager/engines/creditcards"
)

// The numbers are those that the networks give out for tests, or made up.
func TestNumbers(t *testing.T) {
	t.Parallel()
	for number, network := range map[string]string{
		"4111111111111111": "visa", "4222222222222": "visa", "378282246310005": "amex", "341111111111111": "amex",
		"5555555555554444": "mastercard", "2223003122003222": "mastercard", "6011111111111117": "discover", "6500000000000002": "discover",
		"30569309025904": "diners", "38520000023237": "diners", "3530111333300000": "jcb", "6200000000000005": "unionpay",
		"2200000000000004": "mir", "4035501000000008": "cartebancaire", "4360000001000005": "cartebancaire", "9999999999999995": "",
	} {
		if !creditcards.ValidNumber(number) {
			t.Errorf("%s is refused", number)
		}
		if got := creditcards.Network(number); got != network {
			t.Errorf("%s is of %q; want %q", number, got, network)
		}
	}
	for _, number := range []string{"", "0", "4111111111111112", "41111111111", "411111111111111111111", "4111-1111-1111-1111", "４１１１111111111111", "411111111111111a"} {
		if creditcards.ValidNumber(number) {
			t.Errorf("%q passes", number)
		}
	}
}

func TestParseExpires(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]int{
		"04/2031": {4, 2031}, "4/31": {4, 2031}, "04-31": {4, 2031}, "2031-04": {4, 2031}, "0431": {4, 2031}, " 12 / 30 ": {12, 2030}, "": {},
	} {
		if month, year, err := creditcards.ParseExpires(text); err != nil || month != want[0] || year != want[1] {
			t.Errorf("%q: %d/%d, %v; want %v", text, month, year, err, want)
		}
	}
	for _, text := range []string{"13/2031", "0/31", "04/1999", "2031", "April 2031", "04/203", "04//31", "04/20311", "-4/31"} {
		if month, year, err := creditcards.ParseExpires(text); err == nil {
			t.Errorf("%q is %d/%d", text, month, year)
		}
	}
}
