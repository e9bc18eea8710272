package api

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Needs says what a caller needs to run a verb; see [Rights].
type Needs struct {
	// Engines names the engines that the verb is about. None: the manager, or those that the
	// request names and the caller may use.
	Engines []string
	// Write: it changes something. Secrets: its answer has secrets. Account: it acts on the
	// account as a whole.
	Write, Secrets, Account bool
}

// Verb is one thing that can be asked for.
type Verb struct {
	// Name is the engine or the part, a point, and the verb: "bookmarks.add".
	Name string
	// Doc is what it does, in one or two sentences.
	Doc   string
	Needs Needs
	// Stream says that the answer is any number of items.
	Stream bool
	// MaxRequest is how many bytes a request may have.
	MaxRequest int
	// Request and Answer are the types, of structs; Answer is that of one item of a stream.
	Request, Answer reflect.Type

	run func(ctx context.Context, c *call, request []byte) (Answer, error)
}

const (
	// maxRequest is how large most requests may be, and maxImport those that bring a file
	// or many records along.
	maxRequest = 1 << 20
	maxImport  = 32 << 20
)

// Empty is the request or the answer of a verb that has none.
type Empty struct{}

// value describes a verb that answers with one value.
func value[Q, A any](name, doc string, needs Needs, f func(ctx context.Context, c *call, q Q) (A, error)) *Verb {
	return &Verb{
		Name: name, Doc: doc, Needs: needs, MaxRequest: maxRequest,
		Request: reflect.TypeFor[Q](), Answer: reflect.TypeFor[A](),
		run: func(ctx context.Context, c *call, request []byte) (Answer, error) {
			q, err := read[Q](name, request)
			if err != nil {
				return Answer{}, err
			}
			a, err := f(ctx, c, q)
			return Answer{Value: a}, err
		},
	}
}

// action describes a verb that answers with nothing.
func action[Q any](name, doc string, needs Needs, f func(ctx context.Context, c *call, q Q) error) *Verb {
	return value(name, doc, needs, func(ctx context.Context, c *call, q Q) (Empty, error) { return Empty{}, f(ctx, c, q) })
}

// stream describes a verb that answers with any number of items.
func stream[Q, A any](name, doc string, needs Needs, f func(ctx context.Context, c *call, q Q) (iter.Seq2[A, error], error)) *Verb {
	return &Verb{
		Name: name, Doc: doc, Needs: needs, Stream: true, MaxRequest: maxRequest,
		Request: reflect.TypeFor[Q](), Answer: reflect.TypeFor[A](),
		run: func(ctx context.Context, c *call, request []byte) (Answer, error) {
			q, err := read[Q](name, request)
			if err != nil {
				return Answer{}, err
			}
			items, err := f(ctx, c, q)
			if err != nil {
				return Answer{}, err
			}
			return Answer{Items: func(yield func(any, error) bool) {
				for item, err := range items {
					if err != nil {
						yield(nil, asError(err))
						return
					}
					if !yield(item, nil) {
						return
					}
				}
			}}, nil
		},
	}
}

// large lets a verb have requests of maxImport.
func large(v *Verb) *Verb {
	v.MaxRequest = maxImport
	return v
}

// read reads a request.
func read[Q any](verb string, request []byte) (q Q, err error) {
	if len(request) == 0 {
		request = []byte("{}")
	}
	if err := checkRequest(verb, request, reflect.TypeFor[Q]()); err != nil {
		return q, err
	}
	if err := json.Unmarshal(request, &q); err != nil {
		return q, invalidf("", "the request is not valid: "+err.Error())
	}
	return q, nil
}

// table has all verbs, sorted by name.
var table = sync.OnceValue(func() []*Verb {
	all := slices.Concat(managerVerbs(), keeperVerbs(), deviceVerbs(), bookmarkVerbs(), bookmarkPageVerbs(), bookmarkFileVerbs(), historyVerbs(), passwordVerbs(), tabVerbs(),
		addressVerbs(), cardVerbs(), formVerbs(), addonVerbs(), prefVerbs(), extensionStorageVerbs())
	slices.SortFunc(all, func(a, b *Verb) int { return strings.Compare(a.Name, b.Name) })
	return all
})

// Verbs lists all verbs, sorted by name. They are shared and must not be changed.
func Verbs() []*Verb { return slices.Clone(table()) }

// Lookup returns the verb with a name. The error is of type *[Error], with [CodeUnknownVerb].
func Lookup(name string) (*Verb, error) {
	i, ok := slices.BinarySearchFunc(table(), name, func(v *Verb, name string) int { return strings.Compare(v.Name, name) })
	if !ok {
		return nil, &Error{Code: CodeUnknownVerb, Message: fmt.Sprintf("there is no verb %.100q", name)}
	}
	return table()[i], nil
}
