package testenv_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/engines/extstorage"
	"github.com/syncmanager/syncmanager/engines/forms"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/engines/prefs"
	"github.com/syncmanager/syncmanager/engines/tabs"
)

// TestAClosedEngineSaysSo calls each method of each engine after Close: the error is
// engine.ErrClosed, or one about the arguments, which are zero. The engines are opened with
// the clock and the randomness that they have by default.
func TestAClosedEngineSaysSo(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(context.Context, engine.StoreConfig) (io.Closer, error){
		"addons":      func(ctx context.Context, c engine.StoreConfig) (io.Closer, error) { return addons.Open(ctx, c) },
		"addresses":   func(ctx context.Context, c engine.StoreConfig) (io.Closer, error) { return addresses.Open(ctx, c) },
		"bookmarks":   func(ctx context.Context, c engine.StoreConfig) (io.Closer, error) { return bookmarks.Open(ctx, c) },
		"creditcards": func(ctx context.Context, c engine.StoreConfig) (io.Closer, error) { return creditcards.Open(ctx, c) },
		"extstorage":  func(ctx context.Context, c engine.StoreConfig) (io.Closer, error) { return extstorage.Open(ctx, c) },
		"forms":       func(ctx context.Context, c engine.StoreConfig) (io.Closer, error) { return forms.Open(ctx, c) },
		"history":     func(ctx context.Context, c engine.StoreConfig) (io.Closer, error) { return history.Open(ctx, c) },
		"passwords":   func(ctx context.Context, c engine.StoreConfig) (io.Closer, error) { return passwords.Open(ctx, c) },
		"prefs":       func(ctx context.Context, c engine.StoreConfig) (io.Closer, error) { return prefs.Open(ctx, c) },
		"tabs":        func(ctx context.Context, c engine.StoreConfig) (io.Closer, error) { return tabs.Open(ctx, c) },
		"collection": func(ctx context.Context, c engine.StoreConfig) (io.Closer, error) {
			return collection.Open(ctx, "test-notes", collection.Options[note]{Path: c.Path, Key: c.Key})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := engine.StoreConfig{Path: filepath.Join(t.TempDir(), "x.sqlite")}
			if name != "bookmarks" && name != "history" && name != "tabs" {
				c.Key = [32]byte{1}
			}
			e, err := open(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			told := 0
			for m := range reflect.TypeOf(e).Methods() {
				err := callWithNothing(t, reflect.ValueOf(e).MethodByName(m.Name))
				if errors.Is(err, engine.ErrClosed) {
					told++
				} else if err != nil && strings.Contains(err.Error(), "sql: ") {
					t.Errorf("%s: %v", m.Name, err)
				}
			}
			if told < 8 {
				t.Errorf("%d methods said that the engine is closed", told)
			}
		})
	}
}

// callWithNothing calls a function with zero arguments, and returns its error, or the one
// that its iterator yields.
func callWithNothing(t *testing.T, f reflect.Value) (err error) {
	var args []reflect.Value
	for i := range f.Type().NumIn() {
		switch in := f.Type().In(i); {
		case in == reflect.TypeFor[context.Context]():
			args = append(args, reflect.ValueOf(t.Context()))
		case in == reflect.TypeFor[io.Writer]():
			args = append(args, reflect.ValueOf(io.Discard))
		case in == reflect.TypeFor[io.Reader]():
			args = append(args, reflect.ValueOf(strings.NewReader("")))
		case in.Kind() == reflect.Func:
			args = append(args, reflect.MakeFunc(in, func([]reflect.Value) (out []reflect.Value) {
				for i := range in.NumOut() {
					out = append(out, reflect.Zero(in.Out(i)))
				}
				return out
			}))
		default:
			args = append(args, reflect.Zero(in))
		}
	}
	if f.Type().IsVariadic() {
		args = args[:len(args)-1]
	}
	for _, out := range f.Call(args) {
		switch v := out.Interface().(type) {
		case error:
			err = v
		default:
			if out.Kind() == reflect.Func && out.Type().CanSeq2() {
				for _, e := range out.Seq2() {
					err, _ = e.Interface().(error)
				}
			}
		}
	}
	return err
}
