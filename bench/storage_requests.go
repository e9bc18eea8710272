//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// request is what a device does, as one of the loads.
type request struct {
	name string
	// most is how many users send it at once, at most; before prepares one.
	most   int
	before func(context.Context, *user) error
	do     func(ctx context.Context, u *user, n int) error
}

const (
	everyone = 1 << 30
	// some bounds the users who have a thousand records.
	some = 64
)

// collections are those of all requests.
var collections = []string{"stored", "posted", "read", "first0", "first1", "first2", "gone"}

var requests = []request{
	{"a sync without changes", everyone, nil, func(ctx context.Context, u *user, _ int) error {
		return u.send(ctx, http.MethodGet, "/info/collections", nil, nil)
	}},
	{"POST of 100", everyone, nil, func(ctx context.Context, u *user, n int) error {
		return u.send(ctx, http.MethodPost, "/storage/posted", records(n%10*100, 100), nil)
	}},
	{"GET of 1,000", some, func(ctx context.Context, u *user) error { return u.upload(ctx, "read", 10) }, func(ctx context.Context, u *user, _ int) error {
		return u.send(ctx, http.MethodGet, "/storage/read?full=1&limit=1000", nil, nil)
	}},
	{"first sync of 1,000, as a batch", some, nil, func(ctx context.Context, u *user, n int) error {
		return u.upload(ctx, "first"+strconv.Itoa(n%3), 10)
	}},
	{"a record and the deletion of its collection", everyone, nil, func(ctx context.Context, u *user, _ int) error {
		if err := u.send(ctx, http.MethodPost, "/storage/gone", records(0, 1), nil); err != nil {
			return err
		}
		return u.send(ctx, http.MethodDelete, "/storage/gone", nil, nil)
	}},
}

// upload posts records a hundred at a time, as one batch.
func (u *user) upload(ctx context.Context, collection string, posts int) error {
	var began struct{ Batch any }
	path := "/storage/" + collection + "?batch=true"
	for i := range posts {
		if i == 1 {
			path = "/storage/" + collection + "?batch=" + url.QueryEscape(fmt.Sprint(began.Batch))
		}
		if i == posts-1 {
			path += "&commit=true"
		}
		into := any(&began)
		if i > 0 {
			into = nil
		}
		if err := u.send(ctx, http.MethodPost, path, records(100*i, 100), into); err != nil {
			return err
		}
	}
	return nil
}

// tick is the unit of the times in /proc.
const tick = time.Second / 100

// processTime is what a process has used so far; with its children, those that ended and those
// that run. It is 0 for a process that is not there.
func processTime(pid int, children bool) (sum time.Duration) {
	if pid == 0 {
		return 0
	}
	ticks, ok := stat(pid)
	if !ok {
		return 0
	}
	sum = ticks.own
	if !children {
		return sum
	}
	sum += ticks.ended
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		other, err := strconv.Atoi(filepath.Base(dir))
		if child, ok := stat(other); err == nil && ok && child.parent == pid {
			sum += child.own
		}
	}
	return sum
}

type processTicks struct {
	parent     int
	own, ended time.Duration
}

// stat reads /proc/PID/stat.
func stat(pid int) (t processTicks, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return t, false
	}
	// The name in parentheses may have any character.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 15 {
		return t, false
	}
	number := func(i int) int { n, _ := strconv.Atoi(fields[i]); return n }
	return processTicks{number(1), tick * time.Duration(number(11)+number(12)), tick * time.Duration(number(13)+number(14))}, true
}
