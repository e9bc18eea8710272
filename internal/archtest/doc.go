// Package archtest guards the architecture: its test reads the import graph of the module,
// and fails on any import that rules does not allow. ARCHITECTURE.md describes the packages.
package archtest
