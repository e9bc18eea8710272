package sim_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys" // signs in often
	"github.com/syncmanager/syncmanager/internal/test/sim"
)

var (
	soakSteps = flag.Int("sim.steps", 0, "play stories of this many device-steps in all")
	soakSeed  = flag.Uint64("sim.seed", 1, "the first story's seed")
	soakLen   = flag.Int("sim.length", 60, "how many steps a story has")
	kindsFlag = flag.String("sim.kinds", "", "the stores, separated by commas; all if empty")
	faultFlag = flag.String("sim.faults", "all", "what may happen to requests")
	upsetFlag = flag.String("sim.upsets", "all", "what may happen to devices and the server")
	tellSeed  = flag.Uint64("sim.tell", 0, "play this one seed and tell all of it")
	storyFile = flag.String("sim.story", "", "play the story in this file and tell all of it")
	maxFound  = flag.Int("sim.findings", 8, "stop after so many findings")
)

func chaos() sim.Chaos {
	c := sim.All()
	if *kindsFlag != "" {
		c.Kinds = strings.Split(*kindsFlag, ",")
	}
	if *faultFlag != "all" {
		c.Faults = strings.FieldsFunc(*faultFlag, func(r rune) bool { return r == ',' })
	}
	if *upsetFlag != "all" {
		c.Upsets = nil
		for _, u := range strings.FieldsFunc(*upsetFlag, func(r rune) bool { return r == ',' }) {
			c.Upsets = append(c.Upsets, sim.Op(u))
		}
	}
	return c
}

func stage(t testing.TB) *sim.Stage {
	t.Helper()
	s, err := sim.NewStage(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// report runs a story. If it fails, report reduces it and prints it.
func report(t testing.TB, stage *sim.Stage, story sim.Story) (kind string) {
	t.Helper()
	found, err := stage.Play(t.Context(), story, nil)
	if err != nil {
		t.Fatalf("seed %d: %v", story.Seed, err)
	}
	if found == nil {
		return ""
	}
	short := sim.Shrink(story, 150, func(s sim.Story) bool {
		f, err := stage.Play(context.Background(), s, nil)
		return err == nil && f != nil && f.Kind == found.Kind
	})
	again, _ := stage.Play(t.Context(), short, nil)
	if again == nil {
		again = found
	}
	t.Errorf("%v\n%v", again, short)
	return found.Kind
}

func TestSimulated(t *testing.T) {
	t.Parallel()
	stage := stage(t)
	for seed := range uint64(30) {
		report(t, stage, sim.New(seed, 40, sim.Chaos{
			Faults: sim.All().Faults, Upsets: []sim.Op{sim.Reset, sim.Reopen, sim.Save, sim.PutBack},
		}))
	}
}

// The stories in testdata failed once.
func TestStories(t *testing.T) {
	t.Parallel()
	stage := stage(t)
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d stories, %v", len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		story, err := sim.ParseStory(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if found, err := stage.Play(t.Context(), story, nil); found != nil || err != nil {
			t.Errorf("%s: %v %v", name, found, err)
		}
	}
}

// TestTheSameSeedIsTheSameStory runs one story twice.
func TestTheSameSeedIsTheSameStory(t *testing.T) {
	t.Parallel()
	stage := stage(t)
	var told [2]strings.Builder
	for i := range told {
		found, err := stage.Play(t.Context(), sim.New(7, 60, sim.Chaos{Faults: sim.All().Faults, Upsets: []sim.Op{sim.Reset, sim.PutBack, sim.Save}}),
			func(line string) { fmt.Fprintln(&told[i], line) })
		if found != nil || err != nil {
			t.Fatal(found, err)
		}
	}
	if told[0].String() != told[1].String() {
		t.Errorf("it was\n%s\nand then\n%s", &told[0], &told[1])
	}
}

func TestShrink(t *testing.T) {
	story := sim.New(1, 100, sim.All())
	tries := 0
	short := sim.Shrink(story, 1000, func(s sim.Story) bool {
		tries++
		a, b := false, false
		for _, step := range s.Steps {
			a = a || step.N == 20
			b = b || a && step.N == 40
		}
		return b
	})
	if len(short.Steps) != 2 || tries > 1000 {
		t.Errorf("after %d tries: %v", tries, short)
	}
}

func TestTell(t *testing.T) {
	var story sim.Story
	switch {
	case *storyFile != "":
		text, err := os.ReadFile(*storyFile)
		if err != nil {
			t.Fatal(err)
		}
		if story, err = sim.ParseStory(text); err != nil {
			t.Fatal(err)
		}
	case *tellSeed > 0:
		story = sim.New(*tellSeed, *soakLen, chaos())
	default:
		t.Skip("-sim.tell and -sim.story choose a story")
	}
	found, err := stage(t).Play(t.Context(), story, func(line string) { fmt.Println(line) })
	if found != nil || err != nil {
		t.Errorf("%v %v", found, err)
	}
}

// TestSoak runs stories until the given number of steps is done.
func TestSoak(t *testing.T) {
	if *soakSteps == 0 {
		t.Skip("-sim.steps says how long")
	}
	began := time.Now()
	var done, found atomic.Int64
	var seed atomic.Uint64
	seed.Store(*soakSeed)
	var mu sync.Mutex
	seen := map[string]int{}
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		stage := stage(t)
		group.Go(func() {
			for done.Load() < int64(*soakSteps) && found.Load() < int64(*maxFound) {
				before := stage.Steps()
				kind := report(t, stage, sim.New(seed.Add(1)-1, *soakLen, chaos()))
				if kind == "" { // without the steps for reducing a story
					done.Add(stage.Steps() - before)
				}
				if kind != "" {
					found.Add(1)
					mu.Lock()
					seen[kind]++
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	took := time.Since(began)
	t.Logf("%d device-steps in %d stories, %d findings %v, %v, %.0f steps a second",
		done.Load(), seed.Load()-*soakSeed, found.Load(), seen, took.Round(time.Second), float64(done.Load())/took.Seconds())
}
