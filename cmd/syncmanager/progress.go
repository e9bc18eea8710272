package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/syncmanager/syncmanager"
)

const (
	// patience is how long work may take without a word.
	patience = time.Second
	// between is the time between two lines where there is no terminal to redraw.
	between = 10 * time.Second
)

// progress tells on stderr how far a long piece of work is: a line that is
// redrawn on a terminal, and elsewhere a line now and then. Its methods may be
// called from several goroutines.
type progress struct {
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

func (a *app) newProgress() *progress {
	_, isTerminal := terminal(a.stderr)
	start := time.Now()
	return &progress{
		// Log lines and a line that is redrawn do not go together.
		out: a.stderr, terminal: isTerminal && !a.loud, quiet: a.quiet, now: time.Now,
		start: start, next: start.Add(patience), steps: map[string]string{},
	}
}

// phases are the words for what an engine does.
var phases = map[string]string{"download": "receiving", "merge": "merging", "upload": "sending"}

// sync takes a step of a sync.
func (p *progress) sync(s syncmanager.Progress) {
	if s.Phase == "done" {
		p.forget(s.Engine)
		return
	}
	verb, known := phases[s.Phase]
	if !known || s.Records == 0 {
		return
	}
	p.say(s.Engine, fmt.Sprintf("%s %s %s", s.Engine, verb, count(s.Records)))
}

// say tells how far the work on one thing is.
func (p *progress) say(thing, text string) {
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

// while says text for as long as work goes on that cannot tell how far it is.
func (p *progress) while(text string, work func()) {
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
				p.say(text, text)
			}
		}
	})
	work()
	close(worked)
	telling.Wait()
	p.done()
}

// forget takes a thing that is done out of the line.
func (p *progress) forget(thing string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.steps, thing)
}

// done takes the line away.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
		p.bar = nil
	}
	p.quiet = true
}
