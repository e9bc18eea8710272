package server

import (
	"math"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/syncmanager/syncmanager/internal/intake"
	"github.com/syncmanager/syncmanager/server/channels"
	"github.com/syncmanager/syncmanager/server/storage"
)

const (
	// connBytes is about how much memory an open connection takes: buffers, TLS, a goroutine.
	connBytes = 64 << 10
	// leastConns and maxConns bound the number of connections, and of requests in progress,
	// for any size of memory.
	leastConns, maxConns = 256, 8192
	// maxPerAddress bounds both for one IPv4 address or one IPv6 /64 network, which is what a
	// provider gives one customer. maxPerSite bounds both for one IPv6 /48 network, which is
	// what an office gets. A browser opens six connections.
	maxPerAddress, maxPerSite = 128, 512
	// fileBytes is about how much memory an open user's file takes, with the three connections
	// of a user who reads and writes at once.
	fileBytes = 512 << 10
	// fileDescriptors is how many descriptors it takes.
	fileDescriptors = 8
	// leastFiles and maxFiles bound the number of users' files that stay open, for any size of
	// memory.
	leastFiles, maxFiles = 64, 1024
	// maxBody is the largest body of a request to the storage or of an upload; maxOther is
	// that of other requests. Both are in bytes.
	maxBody, maxOther = 3 << 20, 256 << 10
)

// limit sets the bounds on connections, requests and bodies according to Config.Memory.
func (s *Server) limit() {
	most := maxConnections(s.cfg.Memory)
	s.conns = &conns{max: most, proxies: s.cfg.Proxies}
	s.requests = &requests{max: most}
	s.bodies = intake.NewBudget(s.cfg.Memory / 8)
}

// maxConnections returns how many connections there may be, and requests in progress.
func maxConnections(memory int64) int {
	return int(min(max(memory/4/connBytes, leastConns), maxConns))
}

// openFiles returns how many users' files stay open: an eighth of the memory, and half of the
// descriptors that the process may have; 0: unknown.
func openFiles(memory int64, descriptors int) int {
	most := min(max(memory/8/fileBytes, leastFiles), maxFiles)
	if descriptors > 0 {
		most = min(most, max(int64(descriptors)/2/fileDescriptors, 1))
	}
	return int(most)
}

// limited bounds the requests in progress and their bodies for each client, also when many
// requests share a connection, by HTTP/2 or a proxy.
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
		if strings.HasPrefix(r.URL.Path, storagePrefix+"/") || s.cfg.Node != nil || strings.HasSuffix(r.URL.Path, "/upload") {
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

// shed refuses requests for tokens while the storage refuses work, and asks clients to come less
// often while it has much to do.
func (s *Server) shed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse, backoff := s.storage.Load()
		if refuse {
			w.Header().Set("Retry-After", storage.Seconds(backoff))
			writeJSON(w, http.StatusServiceUnavailable, struct{}{})
			return
		}
		if backoff > 0 {
			w.Header().Set("X-Backoff", storage.Seconds(backoff))
		}
		next.ServeHTTP(w, r)
	})
}

// requests counts the requests in progress, in total and by client.
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

// senders holds the keys by which connections and requests from an address are counted. They
// are invalid if the peer has no network address, as with a Unix domain socket.
type senders struct {
	// many says that the address may speak for many clients: it is a loopback address,
	// perhaps of a proxy that is not configured, or a trusted proxy that forwarded no client
	// address.
	many bool
	// address is the IPv4 address, or the IPv6 /64 network.
	address netip.Prefix
	// site is the IPv6 /48 network; it is invalid for IPv4.
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

// channelSender returns by which network the channels of a request are counted.
func (s *Server) channelSender(r *http.Request) channels.Sender {
	from := sendersOf(r.RemoteAddr, s.cfg.Proxies)
	address := r.RemoteAddr
	if peer, err := netip.ParseAddrPort(address); err == nil {
		address = peer.Addr().Unmap().WithZone("").String()
	}
	return channels.Sender{Address: address, Network: from.address.String(), Shared: from.many}
}

// over reports whether one more would exceed the limits, where all is the limit in total. An
// address that speaks for many may have three quarters of the total, so that a quarter is
// left for others.
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

// diskFull reports whether the free space of the disk is below the reserve. If the free space
// is unknown it returns false, and SQLite reports a full disk itself.
func (s *Server) diskFull() bool {
	if s.cfg.Database != "" {
		return false // it refuses what does not fit
	}
	left, known := s.diskLeft()
	return known && left < 0 && s.cfg.DiskReserve >= 0
}

// diskLeft returns how many bytes of the disk are free beyond the reserve, if that is known.
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

// batchRoom returns how many bytes uncommitted batches may take: as much as is free now, so
// that half of the space that was free stays for committed records.
func (s *Server) batchRoom() int64 {
	left, known := s.diskLeft()
	if !known {
		return math.MaxInt64
	}
	return max(0, left)
}
