// Package bindings has the clients of the agent in other languages. Each tells the same story as
// its test.
package bindings

//go:generate go run ./internal/genclients
