package api

import (
	"fmt"
	"slices"
)

// Every is the name in [Rights].Engines that stands for all engines.
const Every = "*"

// Rights are what a caller may do. The zero value may do nothing but ask for the version.
type Rights struct {
	// Engines are the names of the engines that the caller may use, or [Every]. Only with
	// Every may it change what belongs to the account as a whole, such as its devices.
	Engines []string `json:"engines"`
	// Write says that the caller may change something.
	Write bool `json:"write"`
	// Secrets says that the caller may read passwords and card numbers.
	Secrets bool `json:"secrets"`
}

var (
	// All is the right to everything.
	All = Rights{Engines: []string{Every}, Write: true, Secrets: true}
	// NoSecrets is the right to everything but secrets.
	NoSecrets = Rights{Engines: []string{Every}, Write: true}
)

// Allow reports whether the caller may use an engine.
func (r Rights) Allow(engine string) bool {
	return slices.Contains(r.Engines, Every) || slices.Contains(r.Engines, engine)
}

// permit returns an error unless the caller may run a verb. It is the only place that decides
// this; of a verb that is about several engines, the answer has those that the caller may use.
func (r Rights) permit(v *Verb) error {
	refuse := func(format string, args ...any) error {
		return &Error{Code: CodeForbidden, Message: fmt.Sprintf(v.Name+" is not allowed: "+format, args...)}
	}
	switch {
	case v.Needs.Write && !r.Write:
		return refuse("this client may only read")
	case v.Needs.Secrets && !r.Secrets:
		return refuse("this client may not read secrets")
	case v.Needs.Account && !slices.Contains(r.Engines, Every):
		return refuse("it acts on the whole account, and this client may use some engines only")
	}
	for _, name := range v.Needs.Engines {
		if !r.Allow(name) {
			return refuse("this client may not use %s", name)
		}
	}
	return nil
}

// permitEngines returns an error unless the caller may use all engines that a request names.
func (r Rights) permitEngines(names []string) error {
	for _, name := range names {
		if !r.Allow(name) {
			return &Error{Code: CodeForbidden, Message: fmt.Sprintf("this client may not use %s", name)}
		}
	}
	return nil
}
