package tree

// maxRounds bounds how often cycles are opened by trying another place. Each
// round costs a walk over the tree; two are rare.
const maxRounds = 16

// eachCycle calls open once for each cycle among the parents of all numbers.
// open may give one of the cycle's members another parent, which this call
// doesn't look at again: whether that made a new cycle is for the next one to find.
// So a round's outcome does not depend on where it starts. It reports whether
// there was a cycle.
func eachCycle(parent []int32, open func(cycle []int32)) (found bool) {
	const (
		unknown = iota
		walking
		done
	)
	state := make([]uint8, len(parent))
	var path []int32
	for start := range int32(len(parent)) {
		at := start
		for at != none && state[at] == unknown {
			state[at] = walking
			path = append(path, at)
			at = parent[at]
		}
		if at != none && state[at] == walking {
			begin := len(path) - 1
			for path[begin] != at {
				begin--
			}
			found = true
			open(path[begin:])
		}
		for _, i := range path {
			state[i] = done
		}
		path = path[:0]
	}
	return found
}
