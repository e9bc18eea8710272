package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("anything"), 1},
		{context.Canceled, 1},
		{usage.Errorf("wrong"), 2},
		{&reportedError{syncmanager.StatusPartial}, 3},
		{&reportedError{syncmanager.StatusFailed}, 1},
		{&syncmanager.AuthError{}, 4},
		{profile.NotSignedInError{}, 4},
		{&account.Error{Status: 401, Errno: 110}, 4},
		{&account.Error{Status: 400, Errno: 103}, 4},
		{&account.Error{Status: 400, Errno: 107}, 1},
		{&syncmanager.BackedOffError{}, 5},
		{&account.Error{Status: 429, Errno: 114}, 5},
	} {
		wrapped := c.err
		if wrapped != nil {
			wrapped = fmt.Errorf("doing something: %w", c.err)
		}
		if got := exitCode(wrapped); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.want)
		}
	}
}

func TestASentenceIsOneLine(t *testing.T) {
	if s := sentence(errors.Join(errors.New("one"), errors.New("two"))); strings.Contains(s, "\n") || !strings.Contains(s, "two") {
		t.Errorf("got %q", s)
	}
}
