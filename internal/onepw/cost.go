package onepw

import "testing"

// DefaultCost is the scrypt cost of Mozilla's protocol, as a power of two: 64 MiB
// of memory and some 300 ms for each try.
const DefaultCost = 16

// The costs of this process, which only Cheapen changes.
var (
	roundsV2 = 650_000
	cost     = DefaultCost
)

// Cost is the scrypt cost of new passwords on a server that sets none:
// [DefaultCost], but in a test that called [Cheapen].
func Cost() int { return cost }

// Cheapen makes passwords cheap to stretch in this process, for version 2 and with
// [Cost]: a test signs in hundreds of times and does not test what that costs. Call
// it before anything is stretched, and not where a browser is the other side: it
// stretches by the protocol. It panics where the process is not a test.
func Cheapen() {
	if !testing.Testing() {
		panic("onepw: only a test may stretch passwords cheaply")
	}
	roundsV2, cost = 10, 4
}
