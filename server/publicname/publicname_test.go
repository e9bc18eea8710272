package publicname_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/syncmanager/syncmanager/server/publicname"
)

func names(t *testing.T, texts ...string) (all publicname.Names) {
	t.Helper()
	for _, text := range texts {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, u)
	}
	return all
}

// request is what a table below changes.
type request struct {
	host, forwardedHost, forwardedProto, path string
	tls, proxied                              bool
}

func (q request) name(t *testing.T, all publicname.Names) (name string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	r.Host, r.URL.Path = q.host, q.path
	for k, v := range map[string]string{"X-Forwarded-Host": q.forwardedHost, "X-Forwarded-Proto": q.forwardedProto} {
		if v != "" {
			r.Header.Set(k, v)
		}
	}
	if q.tls {
		r.TLS = &tls.ConnectionState{}
	}
	h := all.Handler(func(*http.Request) bool { return q.proxied }, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		name = all.Of(r.Context()).String()
	}))
	h.ServeHTTP(httptest.NewRecorder(), r)
	return name
}

func TestNameOfARequest(t *testing.T) {
	const first, nas, onion, six = "https://sync.example.org", "http://nas.lan:8000", "http://abcdefghij.onion", "https://[2001:db8::1]:8443"
	all := names(t, first, nas, onion, six)
	for text, c := range map[string]struct {
		request
		want string
	}{
		"the canonical name":             {request{host: "sync.example.org"}, first},
		"its port, named":                {request{host: "sync.example.org:443"}, first},
		"another name":                   {request{host: "nas.lan:8000"}, nas},
		"in capitals, with the last dot": {request{host: "NAS.LAN.:8000"}, nas},
		"without its port":               {request{host: "nas.lan"}, nas},
		"with another port":              {request{host: "nas.lan:9000"}, first},
		"an onion name":                  {request{host: "abcdefghij.onion"}, onion},
		"an address":                     {request{host: "[2001:DB8::1]:8443", tls: true}, six},
		"nobody's":                       {request{host: "evil.test"}, first},
		"a name that ends alike":         {request{host: "evil.nas.lan:8000"}, first},
		"none":                           {request{}, first},
		"not a host":                     {request{host: "nas.lan:8000/@"}, first},
		"through a proxy":                {request{host: "127.0.0.1:5000", forwardedHost: "nas.lan:8000", proxied: true}, nas},
		"through two proxies":            {request{host: "127.0.0.1:5000", forwardedHost: "nas.lan:8000, inner.lan", proxied: true}, nas},
		"through a proxy that says none": {request{host: "nas.lan:8000", proxied: true}, nas},
		"a proxy's word for nobody's":    {request{host: "nas.lan:8000", forwardedHost: "evil.test", proxied: true}, nas},
		"a stranger's word":              {request{host: "sync.example.org", forwardedHost: "nas.lan:8000"}, first},
	} {
		if got := c.name(t, all); got != c.want {
			t.Errorf("%s: %s, want %s", text, got, c.want)
		}
	}
}

// Names that share a host differ by path, and else by scheme.
func TestNamesOfOneHost(t *testing.T) {
	const plain, secure, below = "http://a.example", "https://a.example", "https://a.example/sync"
	all := names(t, plain, secure, below)
	for text, c := range map[string]struct {
		request
		want string
	}{
		"open":                       {request{host: "a.example", path: "/x"}, plain},
		"encrypted":                  {request{host: "a.example", path: "/x", tls: true}, secure},
		"by a proxy":                 {request{host: "a.example", path: "/x", proxied: true, forwardedProto: "https"}, secure},
		"as a stranger says":         {request{host: "a.example", path: "/x", forwardedProto: "https"}, plain},
		"below the path":             {request{host: "a.example", path: "/sync/x", tls: true}, below},
		"beside the path":            {request{host: "a.example", path: "/synced", tls: true}, secure},
		"the path itself":            {request{host: "a.example", path: "/sync", tls: true}, below},
		"with the port of the other": {request{host: "a.example:443", path: "/x"}, secure},
	} {
		if got := c.name(t, all); got != c.want {
			t.Errorf("%s: %s, want %s", text, got, c.want)
		}
	}
}

func FuzzHost(f *testing.F) {
	for _, host := range []string{"", "nas.lan", "nas.lan:8000", "[::1]:1", "]:[", "%zz", "a:b:c"} {
		f.Add(host, host)
	}
	f.Fuzz(func(t *testing.T, host, forwarded string) {
		all := names(t, "https://sync.example.org", "http://nas.lan:8000")
		if got := (request{host: host, forwardedHost: forwarded, proxied: true}).name(t, all); !all.Has(got) {
			t.Errorf("%q names %q", host, got)
		}
	})
}
