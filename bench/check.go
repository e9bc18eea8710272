//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// baselineFile has the costs that 'bench check' compares with.
const baselineFile = "bench/baseline.json"

// cost is what one unit of a workload costs.
type cost struct {
	// Instructions are those of the processor; 0: not counted.
	Instructions float64 `json:"instructions"`
	// Allocations is how many objects the heap gave, and Bytes how large they were together.
	Allocations float64 `json:"allocations"`
	Bytes       float64 `json:"bytes"`
}

// baseline is the content of baselineFile.
type baseline struct {
	// Go and Arch are those that it was made with. Instructions of another Arch are not compared.
	Go   string `json:"go"`
	Arch string `json:"arch"`
	// Costs are by workload.
	Costs map[string]cost `json:"costs"`
}

// checkCosts measures the workloads that only chooses, or all, and compares them with the baseline,
// or with update writes them into it. It returns an error if one costs more.
func checkCosts(ctx context.Context, only *regexp.Regexp, update bool) error {
	old := baseline{Costs: map[string]cost{}}
	text, err := os.ReadFile(baselineFile)
	if err == nil {
		err = json.Unmarshal(text, &old)
	}
	if err != nil && !update {
		return fmt.Errorf("cannot read the costs to compare with (run it in the project's folder): %w", err)
	}
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		fmt.Println("left out: instructions, since valgrind is not installed")
	}
	rows := [][]string{{"work", "instructions", "", "allocations", "", "bytes", "", ""}}
	var worse []string
	for _, w := range workloads() {
		if only != nil && !only.MatchString(w.name) {
			continue
		}
		now, err := w.cost(ctx, valgrind)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		was := old.Costs[w.name]
		if old.Arch != runtime.GOARCH {
			was.Instructions = 0
		}
		verdict := compare(was, now)
		if verdict == dearer {
			worse = append(worse, w.name)
		}
		rows = append(rows, []string{
			w.name, number(now.Instructions), change(was.Instructions, now.Instructions),
			number(now.Allocations), change(was.Allocations, now.Allocations), number(now.Bytes), change(was.Bytes, now.Bytes), verdict,
		})
		if update {
			old.Costs[w.name] = now
		}
	}
	table(rows)
	if update {
		return writeBaseline(old)
	}
	if worse != nil {
		return fmt.Errorf("more than a tenth dearer than %s: %s; if that is meant, 'go run ./bench check -update' records it", baselineFile, strings.Join(worse, ", "))
	}
	return nil
}

func writeBaseline(b baseline) error {
	known := map[string]bool{}
	for _, w := range workloads() {
		known[w.name] = true
	}
	maps.DeleteFunc(b.Costs, func(name string, _ cost) bool { return !known[name] })
	b.Go, b.Arch = runtime.Version(), runtime.GOARCH
	text, err := json.MarshalIndent(b, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(baselineFile, append(text, '\n'), 0o644)
}

// What compare says.
const (
	dearer  = "dearer"
	cheaper = "cheaper"
	unknown = "not in the baseline"
)

// compare says whether a workload became more than a tenth dearer, or cheaper, in any of its costs.
// Differences of some instructions, bytes or half an allocation do not count.
func compare(was, now cost) string {
	if was == (cost{}) {
		return unknown
	}
	verdict := ""
	for _, c := range []struct{ was, now, least float64 }{
		{was.Instructions, now.Instructions, 500}, {was.Allocations, now.Allocations, 0.5}, {was.Bytes, now.Bytes, 100},
	} {
		switch {
		case c.was == 0 && c.least == 500 || c.now == 0 && c.least == 500: // not counted
		case c.now > c.was*1.1+c.least:
			return dearer
		case c.now < c.was*0.9-c.least:
			verdict = cheaper
		}
	}
	return verdict
}

func number(f float64) string {
	if f < 100 {
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}

func change(was, now float64) string {
	if was == 0 || now == 0 {
		return ""
	}
	return fmt.Sprintf("%+.0f%%", (now/was-1)*100)
}

// cost measures a workload: a process with many units less one with few, by unit.
func (w workload) cost(ctx context.Context, valgrind string) (c cost, err error) {
	dir, err := os.MkdirTemp("", "syncmanager-bench")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var totals [2]cost
	for i, n := range []int{w.few, w.many} {
		own := filepath.Join(dir, strconv.Itoa(n))
		if err := os.Mkdir(own, 0o700); err != nil {
			return c, err
		}
		if w.prepare != nil {
			if err := w.prepare(ctx, own, n); err != nil {
				return c, err
			}
		}
		if totals[i], err = counted(ctx, valgrind, task{Dir: own, Work: w.name, To: n}); err != nil {
			return c, err
		}
	}
	units := float64((w.many - w.few) * max(w.each, 1))
	each := func(few, many float64) float64 { return max(many-few, 0) / units }
	return cost{
		Instructions: each(totals[0].Instructions, totals[1].Instructions),
		Allocations:  each(totals[0].Allocations, totals[1].Allocations), Bytes: each(totals[0].Bytes, totals[1].Bytes),
	}, nil
}

// counted runs a workload in a process of its own, on one processor, and counts what all of it costs.
func counted(ctx context.Context, valgrind string, what task) (c cost, err error) {
	var around []string
	report := filepath.Join(what.Dir, "valgrind.log")
	if valgrind != "" {
		around = []string{valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", "--log-file=" + report}
	}
	p, err := startBy(ctx, "work", what, around, "GOMAXPROCS=1")
	if err != nil {
		return c, err
	}
	if err := p.answer(&c); err != nil {
		return c, err
	}
	if _, err := p.end(); err != nil || valgrind == "" {
		return c, err
	}
	text, err := os.ReadFile(report)
	if err != nil {
		return c, err
	}
	found := instructions.FindSubmatch(text)
	if found == nil {
		return c, fmt.Errorf("valgrind counted nothing: %s", text)
	}
	c.Instructions, err = strconv.ParseFloat(strings.ReplaceAll(string(found[1]), ",", ""), 64)
	return c, err
}

// instructions is valgrind's line with their number.
var instructions = regexp.MustCompile(`I\s+refs:\s+([0-9,]+)`)

// work is the process of a workload.
func work(ctx context.Context, line []byte) (any, error) {
	var t task
	if err := json.Unmarshal(line, &t); err != nil {
		return nil, err
	}
	all := workloads()
	i := slices.IndexFunc(all, func(w workload) bool { return w.name == t.Work })
	if i < 0 {
		return nil, fmt.Errorf("no work is called %q", t.Work)
	}
	if err := all[i].do(ctx, t.Dir, t.To); err != nil {
		return nil, err
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return cost{Allocations: float64(m.Mallocs), Bytes: float64(m.TotalAlloc)}, nil
}
