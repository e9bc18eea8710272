// Package cheapkeys makes passwords cheap to stretch in the test that imports it;
// see [onepw.Cheapen]. Nothing is called:
//
//	import _ "github.com/syncmanager/syncmanager/internal/test/cheapkeys"
package cheapkeys

import "github.com/syncmanager/syncmanager/internal/onepw"

func init() { onepw.Cheapen() }
