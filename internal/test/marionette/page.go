package marionette

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// elementKey is the name under which WebDriver writes the reference of an element.
const elementKey = "element-6066-11e4-a52e-4f735466cecf"

// Navigate opens url in the current tab and waits until it has loaded.
func (f *Firefox) Navigate(ctx context.Context, url string) error {
	return f.in(ctx, "content", func() error {
		_, err := f.do(ctx, "WebDriver:Navigate", map[string]string{"url": url})
		return err
	})
}

// URL is the address of the current tab's page.
func (f *Firefox) URL(ctx context.Context) (string, error) {
	var result struct{ Value string }
	err := f.in(ctx, "content", func() error {
		raw, err := f.do(ctx, "WebDriver:GetCurrentURL", nil)
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, &result)
	})
	return result.Value, err
}

// appearTimeout is how long an element may take to appear: the page may have to stretch a
// password first, on a busy machine.
const appearTimeout = 60 * time.Second

// Click clicks the first element that the CSS selector matches, as a user would:
// it must be visible. It waits for the element to be in the page.
func (f *Firefox) Click(ctx context.Context, selector string) error {
	_, err := f.element(ctx, selector, "WebDriver:ElementClick", nil)
	return err
}

// Type types text into the element, as Click finds it.
func (f *Firefox) Type(ctx context.Context, selector, text string) error {
	_, err := f.element(ctx, selector, "WebDriver:ElementSendKeys", map[string]any{"text": text})
	return err
}

// Clear empties a field, as Click finds it.
func (f *Firefox) Clear(ctx context.Context, selector string) error {
	_, err := f.element(ctx, selector, "WebDriver:ElementClear", nil)
	return err
}

// Text returns the text that the element shows. The element is found as in [Firefox.Click].
func (f *Firefox) Text(ctx context.Context, selector string) (string, error) {
	raw, err := f.element(ctx, selector, "WebDriver:GetElementText", nil)
	if err != nil {
		return "", err
	}
	var result struct{ Value string }
	if err := json.Unmarshal(raw, &result); err != nil {
		return "", fmt.Errorf("the text of %s: %w", selector, err)
	}
	return result.Value, nil
}

// element finds an element and runs one command on it. It waits for the element by itself:
// Firefox's own "implicit" timeout is forgotten when a tab changes its process.
func (f *Firefox) element(ctx context.Context, selector, command string, params map[string]any) (result json.RawMessage, err error) {
	patience, cancel := context.WithTimeout(ctx, appearTimeout)
	defer cancel()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		err = f.in(ctx, "content", func() (err error) {
			result, err = f.onElement(ctx, selector, command, params)
			return err
		})
		if e, ok := errors.AsType[*RemoteError](err); !ok || e.Kind != "no such element" {
			return result, err
		}
		select {
		case <-patience.Done():
			return nil, err
		case <-poll.C:
		}
	}
}

func (f *Firefox) onElement(ctx context.Context, selector, command string, params map[string]any) (json.RawMessage, error) {
	raw, err := f.do(ctx, "WebDriver:FindElement", map[string]string{"using": "css selector", "value": selector})
	if err != nil {
		return nil, err
	}
	var found struct{ Value map[string]string }
	if err := json.Unmarshal(raw, &found); err != nil {
		return nil, fmt.Errorf("the reference of %s: %w", selector, err)
	}
	send := map[string]any{"id": found.Value[elementKey]}
	for k, v := range params {
		send[k] = v
	}
	return f.do(ctx, command, send)
}
