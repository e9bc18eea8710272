package external

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	patience = 10 * time.Second
	// maxAnswer bounds a response, in bytes.
	maxAnswer = 1 << 20
	// maxAsking bounds the requests in progress.
	maxAsking = 16
)

// remote sends requests to the accounts server.
type remote struct {
	client *http.Client
	slots  chan struct{}
}

func newRemote(transport http.RoundTripper) *remote {
	return &remote{
		client: &http.Client{
			Transport: transport,
			// Do not follow redirects: they could send a token to another server.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		slots: make(chan struct{}, maxAsking),
	}
}

// statusError is a response with a status other than 200.
type statusError struct {
	url  string
	code int
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s answers %d %s", e.url, e.code, http.StatusText(e.code))
}

// do sends a request, with in as JSON unless it is nil, and decodes the response into out.
func (r *remote) do(ctx context.Context, method, url string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return fmt.Errorf("the accounts server's endpoint is not valid: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("cannot reach the accounts server: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("cannot read the accounts server's answer: %w", err)
	case res.StatusCode != http.StatusOK:
		return &statusError{url, res.StatusCode}
	case len(text) > maxAnswer:
		return errors.New("the accounts server's answer is too long")
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("cannot read the accounts server's answer: %w", err)
	}
	return nil
}
