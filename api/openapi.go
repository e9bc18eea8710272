package api

import (
	_ "embed"
	"slices"
)

//go:generate go run ./internal/genapi

//go:embed openapi.json
var openAPI []byte

// OpenAPI is the description of the verbs, as package
// [github.com/syncmanager/syncmanager/api/door] serves them: an OpenAPI 3.1 document in JSON.
func OpenAPI() []byte { return slices.Clone(openAPI) }
