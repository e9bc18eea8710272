package channel

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The published vectors of fxa-pairing-channel, which were made with another TLS library.
const (
	vectorPSK, vectorID = "aabbccddeeff", "testkey"
	vectorClientRandom  = "01010101010101010101010101010101"
	vectorServerRandom  = "02020202020202020202020202020202"
	vectorSession       = "00000000000000000000000000000001"

	vectorClientHello = "16030300920100008e03033031303130313031303130313031303130313031303130313031303130" +
		"31303120303030303030303030303030303030303030303030303030303030303030303100021301" +
		"01000043002b0003020304002d0002010000290032000d0007746573746b6579000000000021205f" +
		"84ad32f7b6202f00377b0de82050feed09d13469537b33c62f7fe3bd8592cc"
	vectorCCS            = "140303000101"
	vectorClientFinished = "1703030035ef9bc9f46686662934751e20b2ac555c7b31919febcd7b2bc5752752ab6b6964ceb9db" +
		"12d60f6eae2476dd7687f470440820c202d6"
	vectorClientData  = "170303001c27b18f3e5120c06c89bb039bc097dce5b888b036f52db6d8a502215d"
	vectorClientData2 = "170303001dee7cb41bfa15b6d47c8615ad00e73a63c8ac48a03e6a7a6a65cb6d06d6"
	vectorClientClose = "17030300138ed43f858c66b28ab7b0e9ecd06b935d891a0f"
	vectorServerHello = "16030300580200005403033032303230323032303230323032303230323032303230323032303230" +
		"32303220303030303030303030303030303030303030303030303030303030303030303113010000" +
		"0c002b00020304002900020000"
	vectorServerRest = "170303003b5edd88393f4610968fba30364635d4f7d3f04b32c6a925ddb7b686f14c249103571880" +
		"7b1fa20a68d55da213d4c581f01ff80a077f1ee7e90de4e1"
	vectorServerData  = "170303001cf683f74f23ea006ed642e0dda96b97eda09e095784308fd7ee6dbece"
	vectorServerData2 = "1703030025afb2020a8fbd76b7d27919dbe2b1e951d9056c779587708471d9a66030b2f4c2f14057" +
		"2601"
	vectorServerClose = "1703030013f948f9f4d85e18801cd6ea796d438034d03a4f"
	// vectorFullHello is from a client that offers much more, and three keys.
	vectorFullHello = "16030302c4010002c003033031303130313031303130313031303130313031303130313031303130" +
		"31303120303030303030303030303030303030303030303030303030303030303030303100341302" +
		"13011303cca8c030c02fc028c027c014c013c012ccaa009f009e006b0067003900330016009d009c" +
		"003d003c0035002f000a010002430016000000170000000b00020100000a00160014001d001e0018" +
		"0017001901000101010201030104000d001800160806080b0805080a080408090601050104010301" +
		"0201002b000504030403050033006b00690017004104281ccb4d2bc57cf3bd922632101bbe3f16e9" +
		"9cb8e22e60b972fc9102ff03feada6a8fc82982f9c3c92ab982d5253d7e03c0ef6fec89c71854b1d" +
		"620d4f895f1b001d0020a1d303ffb674d592128899513a0fb1f2a43ec477772ff94e860536b38a59" +
		"331f002d0003020001000f000101001c00024001001500b100000000000000000000000000000000" +
		"00000000000000000000000000000000000000000000000000000000000000000000000000000000" +
		"00000000000000000000000000000000000000000000000000000000000000000000000000000000" +
		"00000000000000000000000000000000000000000000000000000000000000000000000000000000" +
		"00000000000000000000000000000000000000000000000000000000000000000000000000000000" +
		"00002900bc0035000b612064756d6d79206b6579000000000007746573746b657900000000001161" +
		"6e6f746865722064756d6d79206b657900000000008330c6b42489148aab36e2649d1e8c9c017aed" +
		"f5882061812caaf13680210120a101d823dff9cd8c17210f1cbfff99fc0b9b201d0d160f28139f00" +
		"cb54295153ab9c56b233e5c609efc4e3faa9e6ecafde91443081bdcd874e98150d5ef5d719441f50" +
		"8b7e0088c3c09693d090a33ec6938264837151ab85f953355434dad4bc78e9fa7f"
)

func TestVectorsOfTheKeySchedule(t *testing.T) {
	t.Parallel()
	var s schedule
	check := func(what string, got []byte, want string) {
		t.Helper()
		if hex.EncodeToString(got) != want {
			t.Errorf("%s is %x, want %s", what, got, want)
		}
	}
	check("the binder key", s.early([]byte(vectorPSK)), "573c05ab12932bd141a222c46db9172205c9f9d0c9326c42c5604eed55b57e3a")
	transcript := []byte("fake plaintext transcript")
	c, v := s.handshake(transcript)
	check("the client's handshake secret", c, "d21e1d6279c57611c6e85e8390cb1676ed1a545da75bfa3853f128f77ea15196")
	check("the server's", v, "6f8923e53e434a4f34333b5c3ea60f21f90df3600eec82c588e4ebfe88273626")
	c, v = s.application(append(transcript, "fake encrypted transcript"...))
	check("the client's application secret", c, "65d7f3a53ec6e224c2594e4ef3729cb174137a97a22b0eb78f459fd0e5797fb7")
	check("the server's", v, "9ca237a625b861b84b15c0d0013fa6067618535ecf3b26e4f40580765863f8ea")
}

// receive gives c a record, and expects a message ("": none).
func receive(t *testing.T, c *Conn, record, want string) [][]byte {
	t.Helper()
	got, answer, err := c.Receive(unhex(t, record))
	if err != nil || string(got) != want {
		t.Fatalf("%q, %v; want %q", got, err, want)
	}
	return answer
}

func send(t *testing.T, c *Conn, message, want string) {
	t.Helper()
	record, err := c.Send([]byte(message))
	if err != nil || hex.EncodeToString(record) != want {
		t.Fatalf("%x, %v; want %s", record, err, want)
	}
}

func TestVectorsOfTheClient(t *testing.T) {
	t.Parallel()
	c, first, err := NewClient([]byte(vectorPSK), []byte(vectorID), strings.NewReader(vectorClientRandom+vectorSession))
	if err != nil || hex.EncodeToString(first) != vectorClientHello {
		t.Fatalf("%x, %v", first, err)
	}
	receive(t, c, vectorServerHello, "")
	receive(t, c, vectorCCS, "")
	answer := receive(t, c, vectorServerRest, "")
	if len(answer) != 1 || hex.EncodeToString(answer[0]) != vectorClientFinished || !c.Connected() {
		t.Fatalf("%x", answer)
	}
	send(t, c, "hello world", vectorClientData)
	receive(t, c, vectorServerData, "hello world")
	send(t, c, "how are you?", vectorClientData2)
	receive(t, c, vectorServerData2, "fine thanks and you?")
	if got := c.Close(); hex.EncodeToString(got) != vectorClientClose {
		t.Errorf("%x", got)
	}
	if _, _, err := c.Receive(unhex(t, vectorServerClose)); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestVectorsOfTheServer(t *testing.T) {
	t.Parallel()
	c := NewServer([]byte(vectorPSK), []byte(vectorID), strings.NewReader(vectorServerRandom))
	answer := receive(t, c, vectorClientHello, "")
	if got := fmt.Sprintf("%x", answer); got != fmt.Sprintf("[%s %s %s]", vectorServerHello, vectorCCS, vectorServerRest) {
		t.Fatal(got)
	}
	receive(t, c, vectorCCS, "")
	if c.Connected() {
		t.Error("connected before the client proved anything")
	}
	receive(t, c, vectorClientFinished, "")
	receive(t, c, vectorClientData, "hello world")
	send(t, c, "hello world", vectorServerData)
	receive(t, c, vectorClientData2, "how are you?")
	send(t, c, "fine thanks and you?", vectorServerData2)
	if got := c.Close(); hex.EncodeToString(got) != vectorServerClose {
		t.Errorf("%x", got)
	}
	if _, _, err := c.Receive(unhex(t, vectorClientClose)); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// A client may offer other keys beside the right one.
func TestVectorOfAFullHello(t *testing.T) {
	t.Parallel()
	c := NewServer([]byte(vectorPSK), []byte(vectorID), strings.NewReader(vectorServerRandom))
	answer := receive(t, c, vectorFullHello, "")
	if len(answer) != 3 || !bytes.HasSuffix(answer[0], []byte{0, extPreSharedKey, 0, 2, 0, 1}) {
		t.Errorf("%x", answer)
	}
}

// pair returns both sides, connected.
func pair(t testing.TB, psk1, psk2, id1, id2 string) (client, server *Conn, err error) {
	t.Helper()
	client, first, err := NewClient([]byte(psk1), []byte(id1), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	server = NewServer([]byte(psk2), []byte(id2), rand.Reader)
	to, from := [][]byte{first}, server
	for len(to) > 0 {
		var answer [][]byte
		for _, record := range to {
			_, more, e := from.Receive(record)
			if err == nil {
				err = e
			}
			answer = append(answer, more...)
		}
		to = answer
		if from == server {
			from = client
		} else {
			from = server
		}
	}
	return client, server, err
}

func TestOtherKeys(t *testing.T) {
	t.Parallel()
	for name, test := range map[string][4]string{
		"another key": {"key 1", "key 2", "id", "id"}, "another channel": {"key", "key", "id 1", "id 2"},
	} {
		client, server, err := pair(t, test[0], test[1], test[2], test[3])
		if err == nil || !strings.Contains(err.Error(), "the same pairing key") {
			t.Errorf("%s: %v", name, err)
		}
		for _, c := range []*Conn{client, server} {
			if _, err := c.Send([]byte("x")); err == nil || c.Connected() {
				t.Errorf("%s: it is connected", name)
			}
			if _, _, err := c.Receive(nil); err == nil || !strings.Contains(err.Error(), "the same pairing key") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// A relay that changes, repeats, reorders or leaves out records is noticed.
func TestHostileRelay(t *testing.T) {
	t.Parallel()
	for name, deliver := range map[string]func(a, b []byte) [][]byte{
		"changed":   func(a, _ []byte) [][]byte { a[len(a)-1] ^= 1; return [][]byte{a} },
		"shortened": func(a, _ []byte) [][]byte { return [][]byte{a[:len(a)-1]} },
		"repeated":  func(a, _ []byte) [][]byte { return [][]byte{a, a} },
		"reordered": func(a, b []byte) [][]byte { return [][]byte{b, a} },
		"left out":  func(_, b []byte) [][]byte { return [][]byte{b} },
		"joined":    func(a, b []byte) [][]byte { return [][]byte{append(a, b...)} },
		"of another type": func(a, _ []byte) [][]byte {
			a[0] = recordHandshake
			return [][]byte{a}
		},
		"in the clear": func(_, _ []byte) [][]byte { return [][]byte{append(header(recordAlert, 2), levelWarning, 0)} },
	} {
		client, server, err := pair(t, "key", "key", "id", "id")
		if err != nil || !client.Connected() || !server.Connected() {
			t.Fatal(err)
		}
		a, err1 := client.Send([]byte("one"))
		b, err2 := client.Send([]byte("two"))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		err = nil
		for _, record := range deliver(a, b) {
			var alert [][]byte
			if _, alert, err = server.Receive(record); err != nil {
				if len(alert) != 1 {
					t.Errorf("%s: %d answers", name, len(alert))
				} else if _, _, err := client.Receive(alert[0]); err == nil || errors.Is(err, ErrClosed) {
					t.Errorf("%s: the client hears of %v", name, err)
				}
				break
			}
		}
		if err == nil || errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A relay that keeps a handshake cannot replay it to another server with the same key.
func TestReplay(t *testing.T) {
	t.Parallel()
	psk, id := []byte(vectorPSK), []byte(vectorID)
	server := NewServer(psk, id, rand.Reader)
	if _, _, err := server.Receive(unhex(t, vectorClientHello)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := server.Receive(unhex(t, vectorClientFinished)); err == nil {
		t.Error("an old handshake is accepted")
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	client, server, err := pair(t, "key", "key", "id", "id")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Send(make([]byte, maxPlain+1)); err == nil {
		t.Error("a long message is sent")
	}
	record, err := client.Send(bytes.Repeat([]byte("x"), maxPlain))
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := server.Receive(record); err != nil || len(got) != maxPlain {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	client.out.seq = maxRecords
	if _, err := client.Send([]byte("x")); err == nil {
		t.Error("a key is used too often")
	}
	if _, err := server.Send(nil); err != nil {
		t.Error(err)
	}
	server.Close()
	if _, err := server.Send([]byte("x")); err == nil || server.Close() != nil {
		t.Error("it sends after its close")
	}
}

// Any bytes get an error or are ignored, on both sides, before and after the handshake.
func FuzzReceive(f *testing.F) {
	for _, text := range []string{
		vectorClientHello, vectorFullHello, vectorServerHello, vectorCCS, vectorServerRest, vectorClientFinished, vectorClientData, "", "15030300020100", "1603030000",
	} {
		f.Add(unhex(f, text))
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		client, _, err := NewClient([]byte(vectorPSK), []byte(vectorID), strings.NewReader(vectorClientRandom+vectorSession))
		if err != nil {
			t.Fatal(err)
		}
		later, server, err := pair(t, "key", "key", "id", "id")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []*Conn{client, NewServer([]byte(vectorPSK), []byte(vectorID), rand.Reader), later, server} {
			was := c.Connected()
			message, answer, err := c.Receive(record)
			if message != nil || !was && c.Connected() || len(answer) > 3 || err != nil && err.Error() == "" {
				t.Errorf("%q, %d answers, %v", message, len(answer), err)
			}
			if _, _, again := c.Receive(record); err != nil && again == nil {
				t.Error("it goes on after", err)
			}
		}
	})
}

// Each side must prove that it has the key and saw the same handshake.
func TestProofs(t *testing.T) {
	t.Parallel()
	begin := func() (client, server *Conn, hello, flight [][]byte) {
		t.Helper()
		client, first, err := NewClient([]byte("key"), []byte("id"), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		server = NewServer([]byte("key"), []byte("id"), rand.Reader)
		_, flight, err = server.Receive(bytes.Clone(first))
		if err != nil || len(flight) != 3 {
			t.Fatal(err)
		}
		return client, server, [][]byte{first}, flight
	}
	refuses := func(name string, c *Conn, record []byte, want Alert) {
		t.Helper()
		if _, _, err := c.Receive(record); !errors.Is(err, want) || c.Connected() {
			t.Errorf("%s: %v", name, err)
		}
	}
	wrong := append([]byte{typeFinished, 0, 0, hashSize}, make([]byte, hashSize)...)
	seal := func(secret, content []byte) []byte {
		record, err := (&Conn{out: newProtection(secret)}).seal(recordHandshake, content)
		if err != nil {
			t.Fatal(err)
		}
		return record
	}

	_, _, hello, _ := begin()
	changed := hello[0]
	changed[len(changed)-1] ^= 1
	refuses("a wrong binder", NewServer([]byte("key"), []byte("id"), rand.Reader), changed, alertDecryptError)

	client, server, _, flight := begin()
	for _, record := range flight[:2] {
		if _, _, err := client.Receive(record); err != nil {
			t.Fatal(err)
		}
	}
	refuses("a wrong proof of the server", client, seal(server.serverSecret, append([]byte{typeEncryptedExtensions, 0, 0, 2, 0, 0}, wrong...)), alertDecryptError)

	_, server, _, _ = begin()
	refuses("a wrong proof of the client", server, seal(server.clientSecret, wrong), alertDecryptError)

	// A message that changes the keys must end its record.
	_, server, _, _ = begin()
	verify := finishedMAC(server.clientSecret, server.transcript[:server.finishedAt])
	right := append([]byte{typeFinished, 0, 0, hashSize}, verify...)
	refuses("more behind the proof", server, seal(server.clientSecret, append(right, right...)), alertUnexpectedMessage)
}
