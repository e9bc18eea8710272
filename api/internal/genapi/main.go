// Command genapi writes openapi.json, in the folder of package api.
package main

import (
	"fmt"
	"os"

	"github.com/syncmanager/syncmanager/api/internal/openapi"
)

func main() {
	document, err := openapi.Document("..")
	if err == nil {
		err = os.WriteFile("openapi.json", document, 0o644) //nolint:gosec // a source file
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "genapi:", err)
		os.Exit(1)
	}
}
