package sync15

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/syncmanager/syncmanager/bso"
)

func readEvents(r io.Reader) (all []map[string]bso.Timestamp, last bso.Timestamp, err error) {
	events := eventReader{lines: bufio.NewReaderSize(r, 64)}
	for {
		id, times, err := events.next()
		if err != nil {
			return all, last, err
		}
		all, last = append(all, times), max(last, id)
	}
}

func TestEventsAreRead(t *testing.T) {
	t.Parallel()
	const text = ":\n\nid: 5.00\ndata: {\"forms\":4.5}\n\n: a heartbeat\n\nevent: other\nretry: 5\r\nid:x\ndata:{\"bookmarks\":6,\ndata: \"../etc\":7}\r\n\r\nid: 9.00\n\ndata: {"
	for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
		all, last, err := readEvents(r)
		if !errors.Is(err, io.EOF) || len(all) != 2 || all[0]["forms"] != 450 || all[1]["bookmarks"] != 600 || len(all[1]) != 1 || last != 500 {
			t.Errorf("%v, %v, %v", all, last, err)
		}
	}
	for name, text := range map[string]string{
		"no JSON":           "data: {\n\n",
		"null":              "data: null\n\n",
		"a list":            "data: [1]\n\n",
		"texts":             "data: {\"forms\":\"x\"}\n\n",
		"nothing":           "data\n\n",
		"a negative time":   "data: {\"forms\":-1}\n\n",
		"a long line":       "data: " + strings.Repeat("x", maxEventLine) + "\n\n",
		"a long comment":    ":" + strings.Repeat("x", maxEventLine+1),
		"many lines of one": strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 1+maxEvent/1000) + "\n",
	} {
		if _, _, err := readEvents(strings.NewReader(text)); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzEvents(f *testing.F) {
	for _, text := range []string{
		"id: 5.00\ndata: {\"forms\":4.5}\n\n", ":\n\n", "data: {\ndata: }\n\n", "data\n\n", "id: 99999999999999999999\n\n", "\r\n\r", "data: {\"\":1}\n\n",
		"data: {\"forms\":1e999}\n\n", strings.Repeat("data: {}\n", 100), "\x00\xff: x\n\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		all, _, err := readEvents(bytes.NewReader(text))
		if !errors.Is(err, io.EOF) && !errors.Is(err, ErrProtocol) {
			t.Fatal(err)
		}
		for _, times := range all {
			for name := range times {
				if !bso.ValidCollection(name) {
					t.Errorf("a collection is named %q", name)
				}
			}
		}
	})
}
