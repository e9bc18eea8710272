package term

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	// patience is how long work takes before the first report.
	patience = time.Second
	// between is the time between two lines where there is no terminal to redraw.
	between = 10 * time.Second
)

// A Progress reports on stderr how far long work is: in a line that is redrawn on a
// terminal, and elsewhere in a line every ten seconds. It is safe for concurrent use.
type Progress struct {
	out      io.Writer
	terminal bool
	quiet    bool
	now      func() time.Time
	start    time.Time

	mu    sync.Mutex
	next  time.Time
	steps map[string]string
	bar   *progressbar.ProgressBar
}

// NewProgress returns a [Progress] of work that begins now.
func (c *Console) NewProgress() *Progress {
	_, isTerminal := terminal(c.Err)
	start := time.Now()
	return &Progress{
		// Log lines and a line that is redrawn do not go together.
		out: c.Err, terminal: isTerminal && !c.Verbose, quiet: c.Quiet, now: time.Now,
		start: start, next: start.Add(patience), steps: map[string]string{},
	}
}

// Say sets the text that tells how far the work on one thing is.
func (p *Progress) Say(thing, text string) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps[thing] = text
	now := p.now()
	if now.Before(p.next) {
		return
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(p.steps)) {
		all = append(all, p.steps[name])
	}
	line := strings.Join(all, ", ")
	if !p.terminal {
		fmt.Fprintln(p.out, line)
		p.next = now.Add(between)
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(p.out), progressbar.OptionSpinnerType(14),
			progressbar.OptionSetElapsedTime(false), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	p.bar.Describe(line)
	_ = p.bar.Add(1)
	p.next = now.Add(100 * time.Millisecond)
}

// While runs work that cannot tell how far it is, and shows text meanwhile.
func (p *Progress) While(text string, work func()) {
	worked := make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-worked:
				return
			case <-tick.C:
				p.Say(text, text)
			}
		}
	})
	work()
	close(worked)
	telling.Wait()
	p.Done()
}

// Forget removes a thing that is done from the line.
func (p *Progress) Forget(thing string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.steps, thing)
}

// Done removes the line and ends all reports.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
		p.bar = nil
	}
	p.quiet = true
}
