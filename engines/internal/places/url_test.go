package places_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// What is not a web address is bytes: base64, hashes and scripts have no host
// that could be brought into lower case.
func TestOtherSchemesAreBytes(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"javascript://Label%0Aalert(encodeURIComponent(document.title))",
		"javascript:void(open('HTTP://A.example'))",
		"thunder://QUFodHRwOi8vZXhhbXBsZS5vcmcvRmlsZS5pc29aWg==",
		"vmess://eyJhZGQiOiJFeGFtcGxlIn0=",
		"ed2k://|file|The_Long.Name.iso|733679616|31D6CFE0D16AE931B73C59D7E0C089C0|/",
		"x-devonthink-item://8A5B0F1C-ABCD",
		"magnet:?xt=urn:btih:C12FE1C06BBA254A9DC9F519B335AA7C1367A88A&dn=A b",
		"data:text/html;base64,PGI+QjwvYj4=",
		"place:parent=MENU________&sort=1",
		"file://Server/Share/A%20b",
		"about:Config",
		"moz-extension://9C6E7B2A/Page.html",
		"http+unix://%2Fvar%2Frun/A",
	} {
		for name, f := range map[string]func(string) (string, error){"Normalise": places.Normalise, "Accept": places.Accept} {
			if got, err := f(url); got != url || err != nil {
				t.Errorf("%s(%q) is %q, %v", name, url, got, err)
			}
		}
	}
	if got, err := places.Normalise(" MAGNET:?xt=A\n"); got != "magnet:?xt=A" || err != nil {
		t.Errorf("a scheme in capitals becomes %q, %v", got, err)
	}
}

func TestWebAddressesAreSpeltAsBrowsersDo(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"HTTPS://Example.ORG":                   "https://example.org/",
		"https:example.org/A":                   "https://example.org/A",
		`http:\\Example.org\a\..\b?x\y`:         `http://example.org/b?x\y`,
		"http:///example.org":                   "http://example.org/",
		"https://example.org:443/":              "https://example.org/",
		"https://example.org:00080/":            "https://example.org:80/",
		"http://example.org:/":                  "http://example.org/",
		"ftp://Example.org:21/A":                "ftp://example.org/A",
		"https://Ann:Secret@Example.org?Q#F":    "https://Ann:Secret@example.org/?Q#F",
		"https://@example.org/":                 "https://example.org/",
		"https://bücher.example/ä":              "https://xn--bcher-kva.example/%C3%A4",
		"https://ex%41mple.org/":                "https://example.org/",
		"https://[2001:DB8:0:0::1]:8080/":       "https://[2001:db8::1]:8080/",
		"https://[::ffff:1.2.3.4]/":             "https://[::ffff:102:304]/",
		"http://0x7f.1/":                        "http://127.0.0.1/",
		"http://3232235777/":                    "http://192.168.1.1/",
		"https://a--b.example/":                 "https://a--b.example/",
		"https://exam\nple.org/a\tb":            "https://example.org/ab",
		"https://under_score.example/a b":       "https://under_score.example/a%20b",
		"https://web.archive.org/web/http://A/": "https://web.archive.org/web/http://A/",
		"https://1.example/":                    "https://1.example/",
	} {
		got, err := places.Normalise(in)
		if got != want || err != nil {
			t.Errorf("%q is spelt %q, %v; want %q", in, got, err, want)
		}
		if again, err := places.Normalise(got); again != got || err != nil {
			t.Errorf("%q is spelt %q the second time, %v", got, again, err)
		}
	}
}

// Firefox deletes such bookmarks on every device, so they are refused where they
// come from, and stay where another device stored them.
func TestWebAddressesThatNoBrowserStores(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"https://exa mple.org/", "https://100%.example/", "https://a%20b.example/", "https://[::1/", "https://[example.org]/",
		"https://a]b.example/", "https://example.org:65536/", "https://example.org:99999999999999999999/", "https://example.org:x/",
		"https://", "https:///", "https://:80/", "https://user@/", "https://a<b.example/", "https://a^b.example/",
		"http://1.2.3.256/", "http://1.2.3.4.5/", "http://256.256.256.256.256/", "http://example.09/", "https://\u2100\u00ad.example/\u200d",
		"wss://a|b.example/",
	} {
		if got, err := places.Normalise(url); !errors.Is(err, places.ErrURL) {
			t.Errorf("%q is stored as %q, %v", url, got, err)
		}
		if got, err := places.Accept(url); got != url || err != nil {
			t.Errorf("a record's %q becomes %q, %v", url, got, err)
		}
	}
	for _, url := range []string{"", "no scheme", "https:\x00//a", "https://a/\xff", "https://a/" + strings.Repeat("a", places.MaxURL)} {
		for _, f := range []func(string) (string, error){places.Normalise, places.Accept} {
			if got, err := f(url); !errors.Is(err, places.ErrURL) || len(err.Error()) > 100 {
				t.Errorf("%.20q is %.20q, %v", url, got, err)
			}
		}
	}
}

func TestARecordKeepsItsSpelling(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://example.org/a'b|c^d?'e'#`": "https://example.org/a'b|c^d?'e'#`",
		"https://example.org/ü/../%7e":      "https://example.org/ü/../%7e",
		"HTTPS://Example.org:443":           "https://example.org/",
	} {
		if got, err := places.Accept(in); got != want || err != nil {
			t.Errorf("a record's %q becomes %q, %v; want %q", in, got, err, want)
		}
	}
}

func FuzzAccept(f *testing.F) {
	for _, url := range []string{"https://a.example:80/..", "http:\\\\[::1]:1/?#", "javascript://A", "https://%31.2/ ", "https://@@:@xn--a/"} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		once, err := places.Accept(url)
		if err != nil {
			return
		}
		if twice, err := places.Accept(once); twice != once || err != nil {
			t.Errorf("%q becomes %q, and that %q, %v", url, once, twice, err)
		}
	})
}
