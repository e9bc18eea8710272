package ui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/syncmanager/syncmanager/api"
)

// call runs a verb that answers with one value. Pages have no right to secrets.
func call[A any](ctx context.Context, q *request, verb string, ask any) (A, error) {
	return callWith[A](ctx, q, api.NoSecrets, verb, ask)
}

func callWith[A any](ctx context.Context, q *request, rights api.Rights, verb string, ask any) (a A, err error) {
	answer, err := run(ctx, q, rights, verb, ask)
	if err != nil {
		return a, err
	}
	a, ok := answer.Value.(A)
	if !ok {
		return a, fmt.Errorf("ui: %s answers with %T", verb, answer.Value)
	}
	return a, nil
}

func run(ctx context.Context, q *request, rights api.Rights, verb string, ask any) (api.Answer, error) {
	if ask == nil {
		ask = api.Empty{}
	}
	raw, err := json.Marshal(ask)
	if err != nil {
		return api.Answer{}, err
	}
	return q.server.Service.Call(ctx, rights, verb, raw)
}

// act runs a verb whose answer does not matter.
func act(ctx context.Context, q *request, verb string, ask any) error {
	_, err := run(ctx, q, api.NoSecrets, verb, ask)
	return err
}

// part returns the items of a stream from the one with the number from, n at most, and how many
// there are in all.
func part[A any](ctx context.Context, q *request, verb string, ask any, from, n int) (items []A, total int, err error) {
	answer, err := run(ctx, q, api.NoSecrets, verb, ask)
	if err != nil {
		return nil, 0, err
	}
	for item, err := range answer.Items {
		if err != nil {
			return nil, 0, err
		}
		if total >= from && len(items) < n {
			items = append(items, item.(A))
		}
		total++
	}
	return items, total, nil
}

// codeOf is the code of an error.
func codeOf(err error) api.Code {
	var e *api.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// sentence is an error as a sentence: with a capital letter and a full stop.
func sentence(err error) string {
	var e *api.Error
	text := err.Error()
	if errors.As(err, &e) {
		text = e.Message
		if e.Code == api.CodeConflict {
			text = "nothing was changed: it was changed elsewhere since this page showed it. Look at it again, and decide then"
		}
	}
	return asSentence(text)
}

func asSentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	text = string(unicode.ToUpper(first)) + text[size:]
	switch text[len(text)-1] {
	case '.', '!', '?':
		return text
	}
	return text + "."
}
