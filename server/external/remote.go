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
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 1 << 20
	// maxAsking bounds how many questions are asked at once.
	maxAsking = 16
)

// remote is the way to the accounts server.
type remote struct {
	client *http.Client
	slots  chan struct{}
}

func newRemote(transport http.RoundTripper) *remote {
	return &remote{
		client: &http.Client{
			Transport: transport,
			// A token must not follow where somebody points.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		slots: make(chan struct{}, maxAsking),
	}
}

// statusError is an answer that is no success.
type statusError struct {
	url  string
	code int
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s answers %d %s", e.url, e.code, http.StatusText(e.code))
}

// do asks for url, with in as JSON unless it is nil, and reads the answer into
// out.
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
		return fmt.Errorf("the accounts server names a bad address: %w", err)
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
