package term

import "fmt"

// Number writes a count that may be unknown.
func Number(n *int) string {
	if n == nil {
		return "-"
	}
	return Count(*n)
}

// Count writes a number with a comma between its thousands.
func Count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
