package marionette

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// peer simulates Firefox's end of a connection, byte by byte.
func peer(t *testing.T, play func(c net.Conn)) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		play(theirs)
	}()
	return ours
}

const hello = `50:{"applicationType":"gecko","marionetteProtocol":3}`

func TestAStrangerIsNotMarionette(t *testing.T) {
	for name, greeting := range map[string]string{
		"another protocol":  `24:{"marionetteProtocol":2}`,
		"no JSON":           `5:hello`,
		"a web server":      "HTTP/1.1 400 Bad Request\r\n\r\n",
		"a length too long": "99999999999:{}",
		"no length":         ":{}",
		"cut short":         `50:{"applicationType"`,
		"silence":           ``,
	} {
		t.Run(name, func(t *testing.T) {
			raw := peer(t, func(c net.Conn) { io.WriteString(c, greeting) })
			if _, err := newConn(t.Context(), raw); err == nil {
				t.Error("it was taken for Marionette")
			}
		})
	}
}

func TestABrokenAnswerEndsAllWaits(t *testing.T) {
	for name, reply := range map[string]string{
		"not an answer": `16:[0, 1, null, {}]`,
		"too short":     `9:[1, null]`,
		"closed":        ``,
	} {
		t.Run(name, func(t *testing.T) {
			raw := peer(t, func(c net.Conn) {
				io.WriteString(c, hello)
				if _, err := readPacket(bufio.NewReader(c)); err == nil {
					io.WriteString(c, reply)
				}
			})
			c, err := newConn(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.command(t.Context(), "Any:Command", nil); !errors.Is(err, errClosed) {
				t.Errorf("got %v, want %v", err, errClosed)
			}
			if _, err := c.command(t.Context(), "Any:Command", nil); !errors.Is(err, errClosed) {
				t.Errorf("the next command: got %v, want %v", err, errClosed)
			}
		})
	}
}

func FuzzReadPacket(f *testing.F) {
	f.Add(hello)
	f.Add("0:")
	f.Add("3:ab")
	f.Add("007:")
	f.Fuzz(func(t *testing.T, in string) {
		packet, err := readPacket(bufio.NewReader(strings.NewReader(in)))
		if err != nil {
			return
		}
		if _, rest, ok := strings.Cut(in, ":"); !ok || !strings.HasPrefix(rest, string(packet)) {
			t.Errorf("%q gave %q", in, packet)
		}
		_, _, _ = parseAnswer(packet)
	})
}
