//go:build !js

package main

import "fmt"

// report prints a text.
func report(text string) { fmt.Println(text) }
