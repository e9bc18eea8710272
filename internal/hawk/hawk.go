// Package hawk signs and verifies HTTP requests with HAWK, which proves that the
// sender holds a key without sending it. The MAC covers the method, the path and query
// as sent, the host, the port, and the payload if its hash is given.
//
// Source: the HAWK specification (header version 1). The package has what Firefox Sync
// and Firefox accounts use: it lacks bewit, app and dlg, and Server-Authorization.
package hawk

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Scheme is the word that an Authorization header begins with.
const Scheme = "Hawk"

var (
	// ErrHeader is what every error of [Parse] wraps.
	ErrHeader = errors.New("not a valid HAWK header")
	// ErrMAC means that the sender does not hold the key, or that the request was
	// changed on its way.
	ErrMAC = errors.New("the HAWK MAC does not match the request")
	// ErrPayload means that the payload is not the one that was signed.
	ErrPayload = errors.New("the HAWK payload hash does not match the request's body")
	// ErrStale means that the timestamp is too old, or too far in the future.
	ErrStale = errors.New("the HAWK timestamp is too far from the server's time")
	// ErrReplay means that the same header was used before.
	ErrReplay = errors.New("the HAWK nonce was used before")
)

// Credentials are what a client signs with.
type Credentials struct {
	ID string
	// Key is the raw key. A storage token's key is its ASCII text.
	Key []byte
}

// Authorization returns the value of the Authorization header for one request: ts is
// in Unix seconds by the server's clock, nonce must not repeat within a ts (see
// [Nonce]), and hash is [PayloadHash] of the body, or empty.
//
// The MAC covers u.RequestURI(), so u must be exactly what is sent.
func (c Credentials) Authorization(method string, u *url.URL, ts int64, nonce, hash string) string {
	h := Header{ID: c.ID, TS: ts, Nonce: nonce, Hash: hash}
	r := Request{Method: method, URI: u.RequestURI()}
	r.Host, r.Port = hostPort(u.Host, u.Scheme)

	var stack [512]byte
	var mac [base64Size]byte
	h.mac(mac[:], c.Key, r, r.Host)
	b := append(stack[:0], Scheme+` id="`...)
	b = append(b, h.ID...)
	b = append(b, `", ts="`...)
	b = strconv.AppendInt(b, h.TS, 10)
	b = append(b, `", nonce="`...)
	b = append(b, h.Nonce...)
	if h.Hash != "" {
		b = append(b, `", hash="`...)
		b = append(b, h.Hash...)
	}
	b = append(b, `", mac="`...)
	b = append(b, mac[:]...)
	return string(append(b, '"'))
}

// Sign sets the Authorization header of r; see [Credentials.Authorization].
func Sign(r *http.Request, c Credentials, ts int64, nonce, hash string) {
	r.Header.Set("Authorization", c.Authorization(r.Method, r.URL, ts, nonce, hash))
}

// Nonce makes a nonce: eight random bytes in base64, as Firefox does.
func Nonce(random io.Reader) (string, error) {
	var raw [8]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("make a HAWK nonce: %w", err)
	}
	return base64.StdEncoding.EncodeToString(raw[:]), nil
}

// PayloadHash returns the hash of a request's body in base64. Of contentType only the
// media type counts, without parameters and in lower case.
func PayloadHash(contentType string, body []byte) string {
	d := startPayload(contentType)
	d.Write(body)
	return endPayload(d)
}

func startPayload(contentType string) hash.Hash {
	media, _, _ := strings.Cut(contentType, ";")
	d := sha256.New()
	io.WriteString(d, "hawk.1.payload\n"+strings.ToLower(strings.TrimSpace(media))+"\n")
	return d
}

func endPayload(d hash.Hash) string {
	d.Write([]byte{'\n'})
	return base64.StdEncoding.EncodeToString(d.Sum(nil))
}

// Request is what the MAC covers of a request.
type Request struct {
	Method string
	// URI is the path and query, byte for byte as on the wire.
	URI string
	// Host is without port; an IPv6 address is in brackets.
	Host string
	Port string
}

// RequestOf returns the Request of r as its sender saw it. If public is not nil, its
// scheme, host and port count instead of the Host header, which a proxy in
// front of the server may have replaced.
func RequestOf(r *http.Request, public *url.URL) Request {
	out := Request{Method: r.Method, URI: r.RequestURI}
	if !strings.HasPrefix(out.URI, "/") { // the absolute form, as to a proxy, or a request that was never sent
		out.URI = r.URL.RequestURI()
	}
	switch {
	case public != nil:
		out.Host, out.Port = hostPort(public.Host, public.Scheme)
	case r.TLS != nil:
		out.Host, out.Port = hostPort(r.Host, "https")
	default:
		out.Host, out.Port = hostPort(r.Host, "http")
	}
	return out
}

// hostPort splits "host:port" without an allocation; the port follows from the
// scheme when there is none.
func hostPort(hostport, scheme string) (host, port string) {
	colon := strings.LastIndexByte(hostport, ':')
	if colon > strings.LastIndexByte(hostport, ']') {
		return hostport[:colon], hostport[colon+1:]
	}
	if scheme == "https" {
		return hostport, "443"
	}
	return hostport, "80"
}

const base64Size = (sha256.Size + 2) / 3 * 4

// mac writes the MAC of r with key into out, in base64.
func (h Header) mac(out, key []byte, r Request, host string) {
	var stack [512]byte
	b := append(stack[:0], "hawk.1.header\n"...)
	b = strconv.AppendInt(b, h.TS, 10)
	for _, part := range [...]string{
		"", h.Nonce, strings.ToUpper(r.Method), r.URI, strings.ToLower(host), r.Port, h.Hash, h.Ext, "",
	} {
		b = append(b, part...)
		b = append(b, '\n')
	}
	m := hmac.New(sha256.New, key)
	m.Write(b[:len(b)-1])
	var sum [sha256.Size]byte
	base64.StdEncoding.Encode(out, m.Sum(sum[:0]))
}

// Verify returns [ErrMAC] unless the header was made for r with key. It checks neither the
// payload (see [Header.VerifyPayload]) nor the time (see [Window]).
func (h Header) Verify(key []byte, r Request) error {
	var want [base64Size]byte
	h.mac(want[:], key, r, r.Host)
	if hmac.Equal(want[:], []byte(h.MAC)) {
		return nil
	}
	// Firefox signs a literal IPv6 address without its brackets.
	if bare := strings.Trim(r.Host, "[]"); bare != r.Host && net.ParseIP(bare) != nil {
		if h.mac(want[:], key, r, bare); hmac.Equal(want[:], []byte(h.MAC)) {
			return nil
		}
	}
	return ErrMAC
}

// payload is a body that ends in an error unless it is what was signed.
type payload struct {
	io.ReadCloser
	sum  hash.Hash
	want string
	end  error // nil until the end was reached
}

// VerifiedPayload returns a reader of body that ends in [ErrPayload] instead of io.EOF if
// the body does not match the header's hash. Without a hash in the header, it returns body.
func (h Header) VerifiedPayload(contentType string, body io.ReadCloser) io.ReadCloser {
	if h.Hash == "" || body == nil {
		return body
	}
	return &payload{ReadCloser: body, sum: startPayload(contentType), want: h.Hash}
}

func (p *payload) Read(b []byte) (int, error) {
	if p.end != nil {
		return 0, p.end
	}
	n, err := p.ReadCloser.Read(b)
	p.sum.Write(b[:n])
	if errors.Is(err, io.EOF) {
		if !hmac.Equal([]byte(endPayload(p.sum)), []byte(p.want)) {
			err = ErrPayload
		}
		p.end = err
	}
	return n, err
}

// Unwrap returns the body as it was.
func (p *payload) Unwrap() io.ReadCloser { return p.ReadCloser }

// VerifyPayload returns [ErrPayload] unless body is what was signed. Without a hash in the
// header, only an empty body passes: any other could come from anyone.
func (h Header) VerifyPayload(contentType string, body []byte) error {
	if h.Hash == "" && len(body) == 0 {
		return nil
	}
	if !hmac.Equal([]byte(PayloadHash(contentType, body)), []byte(h.Hash)) {
		return ErrPayload
	}
	return nil
}
