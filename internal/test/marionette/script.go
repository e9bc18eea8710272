package marionette

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// ScriptError is an exception that a script did not catch.
type ScriptError struct {
	// Name is the exception's class: "TypeError", "NS_ERROR_FAILURE".
	Name string `json:"name"`
	// Message is the exception's own text.
	Message string `json:"message"`
	// Stack is where it was thrown, a line per call, the innermost first. Lines of
	// "script" are the script's own, counted from 1.
	Stack string `json:"stack"`
}

func (e *ScriptError) Error() string {
	where, _, _ := strings.Cut(e.Stack, "\n")
	if where == "" {
		return fmt.Sprintf("the script threw %s: %s", e.Name, e.Message)
	}
	return fmt.Sprintf("the script threw %s: %s (at %s)", e.Name, e.Message, where)
}

// Chrome runs script with the browser's own privileges: Services, ChromeUtils, Cc, Ci and the
// globals of the newest window. The script is the body of an async function: it may await,
// finds args in the array of that name, and what it returns is the result, as JSON (null for
// nothing). A *ScriptError is an exception that it threw.
//
// ctx bounds the wait; a script keeps running in Firefox after the wait ends.
func (f *Firefox) Chrome(ctx context.Context, script string, args ...any) (json.RawMessage, error) {
	return f.run(ctx, "chrome", script, args)
}

// Content runs script in the page of the current tab, otherwise as Chrome does.
func (f *Firefox) Content(ctx context.Context, script string, args ...any) (json.RawMessage, error) {
	return f.run(ctx, "content", script, args)
}

// wrap makes a function body that Firefox awaits. Arguments and result are passed as JSON text,
// because Marionette treats some objects specially. The wrapper is on the script's first line,
// so that line numbers are right.
func wrap(script string) string {
	return `const args = JSON.parse(arguments[0]); return (async () => {` + script + `
})().then(
	value => JSON.stringify({ value: value === undefined ? null : value }),
	e => JSON.stringify({ thrown: {
		name: String(e?.name ?? typeof e), message: String(e?.message || e), stack: String(e?.stack ?? "") } })
);`
}

func (f *Firefox) run(ctx context.Context, where, script string, args []any) (json.RawMessage, error) {
	if args == nil {
		args = []any{}
	}
	text, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("a script's arguments: %w", err)
	}
	var result struct{ Value string }
	err = f.in(ctx, where, func() error {
		raw, err := f.do(ctx, "WebDriver:ExecuteScript", map[string]any{
			"script": wrap(script), "args": []string{string(text)},
			"filename": "script", "line": 0, "newSandbox": true,
		})
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, &result)
	})
	if err != nil {
		return nil, err
	}
	var outcome struct {
		Value  json.RawMessage
		Thrown *ScriptError
	}
	if err := json.Unmarshal([]byte(result.Value), &outcome); err != nil {
		return nil, fmt.Errorf("a script's result: %w", err)
	}
	if outcome.Thrown != nil {
		return nil, outcome.Thrown
	}
	return outcome.Value, nil
}
