// Package hawk signs and verifies HTTP requests with HAWK, which proves that the
// sender holds a key without sending it: the MAC covers the method, the resource
// as it stands on the wire, the host and the port, and the payload if its hash
// is given.
//
// Source: the HAWK specification (header version 1). Only what Firefox Sync and
// Firefox accounts use is here: no bewit, no app and dlg, no server answers.
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
	// ErrHeader is wrapped by every error of Parse.
	ErrHeader = errors.New("not a valid HAWK header")
	// ErrMAC means that the sender does not hold the key, or that the request was
	// changed on its way.
	ErrMAC = errors.New("the HAWK MAC does not match the request")
	// ErrPayload means that the payload is not the one that was signed.
	ErrPayload = errors.New("the HAWK payload hash does not match the request's body")
	// ErrStale means that the timestamp is outside the window that is allowed.
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

// Authorization is the value of the Authorization header for one request: ts is
// Unix seconds by the server's clock, nonce must not repeat within a ts (see
// Nonce), and hash is PayloadHash of the body, or empty.
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

// Sign sets the Authorization header of r; see Credentials.Authorization.
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

// PayloadHash is the hash of a request's body. Of contentType only the media
// type counts, without parameters and in lower case.
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

// RequestOf is the Request of r as its sender saw it. When public is not nil its
// scheme, host and port count instead of the Host header, which a proxy in
// front of the server may have replaced.
func RequestOf(r *http.Request, public *url.URL) Request {
	out := Request{Method: r.Method, URI: r.RequestURI}
	if !strings.HasPrefix(out.URI, "/") { // the absolute form, as to a proxy; or no wire
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

// mac writes the base64 of the MAC of r under key into out.
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

// Verify reports whether the holder of key made the header for r; the error is
// ErrMAC. It says nothing of the payload (VerifyPayload) nor of the time (Window).
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

// payload is a body whose end is an error unless it is what was signed.
type payload struct {
	io.ReadCloser
	sum  hash.Hash
	want string
	end  error // once it was reached
}

// VerifiedPayload is body, read through: instead of its end there is ErrPayload if it
// is not what the header's hash says. A header without a hash says nothing of it.
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

// Unwrap is the body as it was.
func (p *payload) Unwrap() io.ReadCloser { return p.ReadCloser }

// VerifyPayload reports whether body is what was signed; the error is ErrPayload,
// also for a body whose header has no hash: it could be anyone's.
func (h Header) VerifyPayload(contentType string, body []byte) error {
	if h.Hash == "" && len(body) == 0 {
		return nil
	}
	if !hmac.Equal([]byte(PayloadHash(contentType, body)), []byte(h.Hash)) {
		return ErrPayload
	}
	return nil
}
