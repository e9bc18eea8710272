package onepw

import "testing"

// DefaultCost is the scrypt cost of Mozilla's protocol, as a power of two. Stretching takes
// 64 MiB of memory and about 300 ms.
const DefaultCost = 16

// The costs in this process; only Cheapen changes them.
var (
	roundsV2 = 650_000
	cost     = DefaultCost
)

// Cost returns the scrypt cost of new passwords on a server that configures none. It is
// [DefaultCost], except in a test that called [Cheapen].
func Cost() int { return cost }

// Cheapen lowers the cost of stretching passwords in this process, for [StretchV2] and
// [Cost], since tests sign in hundreds of times. Call it before anything is stretched, and
// not in tests with a browser, which uses the real cost. It panics if the process is not a
// test.
func Cheapen() {
	if !testing.Testing() {
		panic("onepw: only a test may stretch passwords cheaply")
	}
	roundsV2, cost = 10, 4
}
