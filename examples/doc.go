// Package examples holds the example apps, one in each folder. Its tests run those that are modules of
// their own.
package examples
