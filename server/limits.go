package server

import (
	"math"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/syncmanager/syncmanager/internal/intake"
)

const (
	// connBytes is what an open connection takes: buffers, TLS, a goroutine.
	connBytes = 64 << 10
	// leastConns and maxConns bound the number of connections, and of requests under
	// way, whatever the memory.
	leastConns, maxConns = 256, 8192
	// maxPerAddress bounds both for one address, and of IPv6 for one /64 network, which
	// is what one customer gets; maxPerSite for one /48 network, which is what one
	// office gets or one who rents many. A browser opens six.
	maxPerAddress, maxPerSite = 128, 512
	// maxBody is the largest body of any request, maxOther that of one that is not for
	// storage.
	maxBody, maxOther = 3 << 20, 256 << 10
)

// limit makes what bounds the server against its clients, out of its memory.
func (s *Server) limit() {
	most := int(min(max(s.cfg.Memory/4/connBytes, leastConns), maxConns))
	s.conns = &conns{max: most, proxies: s.cfg.Proxies}
	s.requests = &requests{max: most}
	s.bodies = intake.NewBudget(s.cfg.Memory / 8)
}

// limited bounds the requests under way, and the bodies of them, for each client: also
// for one that shares its connection, by HTTP/2 or a proxy.
func (s *Server) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from := sendersOf(r.RemoteAddr, s.cfg.Proxies)
		if !s.requests.begin(from) {
			w.Header().Set("Retry-After", "10")
			w.Header().Set("Connection", "close")
			writeJSON(w, http.StatusServiceUnavailable, struct{}{})
			return
		}
		defer s.requests.end(from)
		size := int64(maxOther)
		if strings.HasPrefix(r.URL.Path, storagePrefix+"/") || strings.HasSuffix(r.URL.Path, "/upload") {
			size = maxBody
		}
		sender := r.RemoteAddr
		if from.address.IsValid() {
			sender = from.address.String()
		}
		defer intake.Limit(s.bodies, w, r, size, sender)()
		next.ServeHTTP(w, r)
	})
}

// requests counts the requests under way, in all and by client.
type requests struct {
	max int

	mu     sync.Mutex
	all    int
	number map[netip.Prefix]int
}

func (q *requests) begin(from senders) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.all >= q.max || from.over(q.number, q.max) {
		return false
	}
	if q.number == nil {
		q.number = make(map[netip.Prefix]int)
	}
	q.all++
	from.add(q.number, 1)
	return true
}

func (q *requests) end(from senders) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all--
	from.add(q.number, -1)
}

// senders are whom to count what comes from an address by. They are invalid for what
// is no network address, as of a socket file.
type senders struct {
	// many says that the address speaks for many: this machine's, as of a proxy that the
	// server was not told of, and a trusted proxy's that names nobody.
	many bool
	// address is the address itself, or of IPv6 the /64 network.
	address netip.Prefix
	// site is the /48 network; of IPv4 it is invalid.
	site netip.Prefix
}

func sendersOf(addr string, proxies []netip.Prefix) (s senders) {
	peer, err := netip.ParseAddrPort(addr)
	if err != nil {
		return senders{many: true}
	}
	a := peer.Addr().Unmap().WithZone("")
	s.many = a.IsLoopback() || trusted(proxies, a)
	switch {
	case a.Is4():
		s.address = netip.PrefixFrom(a, 32)
	case a.IsLoopback():
		s.address = netip.PrefixFrom(a, 128)
	default:
		s.address = netip.PrefixFrom(a, 64).Masked()
		s.site = netip.PrefixFrom(a, 48).Masked()
	}
	return s
}

// over reports whether one more is too many of at most all. Who speaks for many may have
// three quarters of them: what is left is for others.
func (s senders) over(number map[netip.Prefix]int, all int) bool {
	if s.many {
		return number[s.address] >= all*3/4
	}
	return number[s.address] >= maxPerAddress || s.site.IsValid() && number[s.site] >= maxPerSite
}

func (s senders) add(number map[netip.Prefix]int, n int) {
	counted := []netip.Prefix{s.address, s.site}
	if !s.site.IsValid() {
		counted = counted[:1]
	}
	for _, p := range counted {
		if number[p] += n; number[p] == 0 {
			delete(number, p)
		}
	}
}

// The default of Config.DiskReserve.
const (
	diskReserve = 200_000_000
	diskPart    = 20
)

// diskFull reports whether no more than the reserve is left of the disk. Where that
// cannot be told, SQLite will say.
func (s *Server) diskFull() bool {
	left, known := s.diskLeft()
	return known && left < 0 && s.cfg.DiskReserve >= 0
}

// diskLeft is how many bytes are left of the disk besides the reserve, if that is known.
func (s *Server) diskLeft() (left int64, known bool) {
	left, size, err := s.cfg.Disk(s.cfg.Dir)
	if err != nil || size == 0 {
		return 0, false
	}
	reserve := s.cfg.DiskReserve
	if reserve == 0 {
		reserve = min(diskReserve, size/diskPart)
	}
	return left - max(0, reserve), true
}

// batchRoom is how much uploads may take that wait for their commit: no more than is left
// of the disk, so that half of what was there stays for what is committed.
func (s *Server) batchRoom() int64 {
	left, known := s.diskLeft()
	if !known {
		return math.MaxInt64
	}
	return max(0, left)
}
