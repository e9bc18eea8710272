package mirror

import (
	"bufio"
	"encoding/json"
	"io"
	"iter"
)

// Export writes what a list yields as a JSON array, an item on each line. It holds one item
// at a time.
func Export[R any](w io.Writer, list iter.Seq2[R, error]) error {
	out := bufio.NewWriter(w)
	between := "[\n"
	for r, err := range list {
		if err != nil {
			return err
		}
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		_, _ = out.WriteString(between)
		_, _ = out.Write(text)
		between = ",\n"
	}
	if between == "[\n" {
		_, _ = out.WriteString("[")
	}
	_, _ = out.WriteString("]\n") // an error comes back from Flush
	return out.Flush()
}
