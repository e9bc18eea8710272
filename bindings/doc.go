// Package bindings has what other languages use of Sync Manager: clients of the agent, and
// libsyncmanager in C. Each client tells the same story as its test.
package bindings

//go:generate go run ./internal/genclients
