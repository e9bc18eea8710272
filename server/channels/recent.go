package channels

import "time"

// recent counts the channels that were created in the last [Lifetime], in total and by
// network. Because no channel lives longer, it bounds the open ones too.
type recent struct {
	order  []created // by time
	number map[string]int
}

type created struct {
	at      time.Time
	network string
}

// most is how many channels a sender's network may have. One that speaks for many clients may have
// three quarters of all.
func (s Sender) most() int {
	if s.Shared {
		return maxRecent * 3 / 4
	}
	return maxRecentOf
}

// take counts a new channel, and returns 0 if it is within the bounds, or how long to wait.
func (q *recent) take(s Sender, now time.Time) (wait time.Duration) {
	n := 0
	for n < len(q.order) && !now.Before(q.order[n].at.Add(Lifetime)) {
		q.forget(q.order[n].network)
		n++
	}
	q.order = append(q.order[:0], q.order[n:]...)
	if len(q.order) >= maxRecent || q.number[s.Network] >= s.most() {
		return q.order[0].at.Add(Lifetime).Sub(now)
	}
	if q.number == nil {
		q.number = make(map[string]int)
	}
	q.order = append(q.order, created{now, s.Network})
	q.number[s.Network]++
	return 0
}

func (q *recent) forget(network string) {
	if q.number[network]--; q.number[network] == 0 {
		delete(q.number, network)
	}
}
