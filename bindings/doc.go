// Package bindings has what other languages use of Sync Manager: clients of the agent and of
// libsyncmanager, and the library itself in C. script/bindings.sh builds their packages. Each
// client tells the same story as its test.
package bindings

//go:generate go run ./internal/genclients
