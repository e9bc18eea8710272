package push

import (
	"errors"
	"testing"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, public := range map[string]bool{
		"34.117.188.166:443": true, "[2600:1901:0:92a9::]:443": true, "[::ffff:34.117.188.166]:443": true, "[64:ff9b::2275:bca6]:443": true,
		"34.117.188.166:80": false, "34.117.188.166:8443": false, "": false, "example.com:443": false,
		"127.0.0.1:443": false, "127.9.9.9:443": false, "0.0.0.0:443": false, "0.1.2.3:443": false, "10.1.2.3:443": false,
		"172.16.0.1:443": false, "172.31.255.255:443": false, "192.168.1.1:443": false, "169.254.169.254:443": false,
		"100.64.0.1:443": false, "192.0.0.8:443": false, "198.18.0.1:443": false, "224.0.0.1:443": false, "240.0.0.1:443": false,
		"255.255.255.255:443": false, "192.0.2.1:443": false,
		"[::1]:443": false, "[::]:443": false, "[fe80::1%eth0]:443": false, "[fe80::1]:443": false, "[fd00::1]:443": false,
		"[fec0::1]:443": false, "[ff02::1]:443": false, "[::ffff:127.0.0.1]:443": false, "[::ffff:10.0.0.1]:443": false, "[::ffff:100.64.0.1]:443": false,
		"[::127.0.0.1]:443": false, "[64:ff9b::7f00:1]:443": false, "[64:ff9b::a9fe:a9fe]:443": false, "[64:ff9b:1::7f00:1]:443": false,
		"[2002:7f00:1::]:443": false, "[2001:0:7f00:1::]:443": false, "[2001:db8::1]:443": false,
	} {
		err := onlyPublic("tcp", address, nil)
		if (err == nil) != public || err != nil && !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v", address, err)
		}
	}
}
