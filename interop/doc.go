// Package interop holds the tests with real browsers: a Firefox as a device of an account, and the
// server's pages in Firefox and Chromium.
package interop
