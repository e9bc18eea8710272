// Package cheapkeys makes passwords cheap to stretch in a test that imports it; see
// [onepw.Cheapen]. The import is enough:
//
//	import _ "github.com/syncmanager/syncmanager/internal/test/cheapkeys"
package cheapkeys

import "github.com/syncmanager/syncmanager/internal/onepw"

func init() { onepw.Cheapen() }
