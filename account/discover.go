package account

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// endpoints are the URLs of a server's services.
type endpoints struct {
	Auth    string `json:"auth"`    // with its version: …/v1
	OAuth   string `json:"oauth"`   // with its version: …/v1
	Profile string `json:"profile"` // with its version: …/v1
	Token   string `json:"token"`   // a client appends /1.0/sync/1.5
}

// servers are the servers that have a name.
var servers = map[string]string{
	"mozilla": "https://accounts.firefox.com",
}

// ServerURL returns the root URL of a server with a well-known name, such as "mozilla". It
// returns any other text unchanged.
func ServerURL(server string) string {
	server = strings.TrimRight(strings.TrimSpace(server), "/")
	if root, ok := servers[strings.ToLower(server)]; ok {
		return root
	}
	return server
}

// discover asks the server where its services are, and for the OAuth client of a program
// whose browser returns to this computer; "": the server has none, as Mozilla's.
func (c *Client) discover(ctx context.Context) (at endpoints, loopback string, err error) {
	var doc struct {
		Auth    string `json:"auth_server_base_url"`
		OAuth   string `json:"oauth_server_base_url"`
		Profile string `json:"profile_server_base_url"`
		Token   string `json:"sync_tokenserver_base_url"`

		Loopback string `json:"loopback_client_id"`
	}
	err = c.do(ctx, call{
		doing: "find the services of " + c.root.Host, method: http.MethodGet,
		url: c.root.String() + "/.well-known/fxa-client-configuration", out: &doc,
	})
	if err != nil {
		return endpoints{}, "", err
	}
	e := endpoints{Auth: versioned(doc.Auth), OAuth: versioned(doc.OAuth), Profile: versioned(doc.Profile), Token: strings.TrimRight(doc.Token, "/")}
	for _, s := range []string{e.Auth, e.OAuth, e.Profile, e.Token} {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != c.root.Scheme {
			return endpoints{}, "", fmt.Errorf("cannot find the services of %s: %w: it names a service at %.100q", c.root.Host, ErrBadAnswer, s)
		}
	}
	return e, doc.Loopback, nil
}

func versioned(base string) string {
	base = strings.TrimRight(base, "/")
	if strings.HasSuffix(base, "/v1") {
		return base
	}
	return base + "/v1"
}
