// Package archtest guards the layout of the house: its test reads the import
// graph of the module and fails on any arrow that rules does not allow. See
// ARCHITECTURE.md for what the rooms are for.
package archtest
