package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// authenticator NAME SECRET sets $NAME to the code that an authenticator app with
// the secret, in hex, shows now (RFC 6238).
func cmdAuthenticator(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: authenticator NAME SECRET")
	}
	secret, err := hex.DecodeString(args[1])
	ts.Check(err)
	m := hmac.New(sha1.New, secret)
	ts.Check(binary.Write(m, binary.BigEndian, time.Now().Unix()/30))
	sum := m.Sum(nil)
	ts.Setenv(args[0], fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[sum[19]&15:])&(1<<31-1))%1_000_000))
}
