package usage

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// units are decimal, like those of disks and providers.
var units = []struct {
	name  string
	bytes int64
}{{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}}

// ParseSize reads a number of bytes, like 500MB.
func ParseSize(text string) (int64, error) {
	number, factor := strings.ToUpper(text), int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, factor = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return 0, fmt.Errorf("%q is not a size: write it like 500MB or 2GB", text)
	}
	return n * factor, nil
}

// FormatSize writes a number of bytes with its largest unit, like 1.5 MB.
func FormatSize(bytes int64) string {
	for _, u := range units {
		if bytes >= u.bytes && u.bytes > 1 {
			return strconv.FormatFloat(float64(bytes)/float64(u.bytes), 'f', 1, 64) + " " + u.name
		}
	}
	return strconv.FormatInt(bytes, 10) + " B"
}
