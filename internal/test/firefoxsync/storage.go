package firefoxsync

import (
	"context"
	"encoding/json"
	"fmt"
)

// Storage runs a call of storage.sync, "set({a: 1})", in the page of an add-on that
// is installed and has a page.html, and returns the JSON of what it gives.
func (ff *Firefox) Storage(ctx context.Context, addon, call string) (json.RawMessage, error) {
	var url string
	err := ff.run(ctx, &url, `return WebExtensionPolicy.getByID(args[0]).getURL("page.html");`, addon)
	if err == nil {
		err = ff.Navigate(ctx, url)
	}
	var raw json.RawMessage
	if err == nil {
		raw, err = ff.Content(ctx, `return JSON.stringify(await window.browser.storage.sync.`+call+`);`)
	}
	if err != nil {
		return nil, fmt.Errorf("storage.sync.%s of %s in Firefox: %w", call, addon, err)
	}
	return raw, nil
}
