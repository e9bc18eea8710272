package nativehost

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"

	"github.com/syncmanager/syncmanager/engines/bookmarks/browsertree"
	"github.com/syncmanager/syncmanager/internal/browsers"
)

// maxBatch bounds the operations of one answer, in bytes of JSON and in number: the extension
// acknowledges a batch at once.
const (
	maxBatch    = 256 << 10
	maxBatchOps = 200
)

// asks are the requests of the extension.
var asks = map[string]func(*session, context.Context, request) (any, error){
	"hello":     (*session).hello,
	"nodes":     (*session).addNodes,
	"bookmarks": (*session).bookmarks,
	"ops":       (*session).nextOps,
	"forget":    (*session).forget,
	"tabs":      (*session).tabs,
	"status":    (*session).status,
	"sync":      (*session).sync,
	"others":    (*session).others,
	"send":      (*session).sendTab,
	"received":  (*session).received,
	"visits":    (*session).visits,
	"history":   (*session).history,
}

func (s *session) do(ctx context.Context, r request) (any, error) {
	f, ok := asks[r.Do]
	switch {
	case !ok:
		return nil, failf("unknown", "this syncmanager does not know the request %.40q: update it", r.Do)
	case s.install == "" && r.Do != "hello":
		return nil, failf("malformed", "the first request must be hello")
	}
	return f(s, ctx, r)
}

// parse reads the fields of a request.
func parse[T any](r request) (v T, err error) {
	if err := json.Unmarshal(r.raw, &v); err != nil {
		return v, failf("malformed", "the request %q is malformed: %v", r.Do, err)
	}
	return v, nil
}

// Hello is the extension's greeting.
type hello struct {
	Protocol int    `json:"protocol"`
	Install  string `json:"install"`
	Session  string `json:"session"`
	Browser  string `json:"browser"`
	Version  string `json:"version"`
}

func (s *session) hello(_ context.Context, r request) (any, error) {
	h, err := parse[hello](r)
	switch {
	case err != nil:
		return nil, err
	case h.Protocol < Protocol:
		return nil, failf("version", "this extension is older than syncmanager %s: update it", s.Version)
	case h.Protocol > Protocol:
		return nil, failf("version", "this extension is newer than syncmanager %s: update syncmanager", s.Version)
	case !browsers.ValidInstall(h.Install) || !browsers.ValidInstall(h.Session):
		return nil, failf("malformed", "the extension does not say which browser it is in")
	case s.install != "" && s.install != h.Install:
		return nil, failf("malformed", "the extension says that it is in another browser now")
	case len(h.Browser) > 200:
		return nil, failf("malformed", "the browser's name is too long")
	}
	s.install, s.session, s.browser = h.Install, h.Session, h.Browser
	return map[string]any{"protocol": Protocol, "version": s.Version}, nil
}

func (s *session) addNodes(_ context.Context, r request) (any, error) {
	part, err := parse[struct {
		// First begins another tree.
		First bool               `json:"first"`
		Nodes []browsertree.Node `json:"nodes"`
	}](r)
	if err != nil {
		return nil, err
	}
	if part.First {
		s.nodes = nil
	}
	if len(s.nodes)+len(part.Nodes) > browsertree.MaxNodes {
		s.nodes = nil
		return nil, failf("tooLarge", "the browser has more than %d bookmarks, which is more than can be synced", browsertree.MaxNodes)
	}
	s.nodes = append(s.nodes, part.Nodes...)
	return struct{}{}, nil
}

func (s *session) bookmarks(ctx context.Context, r request) (any, error) {
	q, err := parse[browsertree.Request](r)
	if err != nil {
		return nil, err
	}
	q.Nodes, q.Session = s.nodes, s.session
	s.nodes, s.ops = nil, nil
	var result browsertree.Result
	if err := s.post(ctx, "browser/bookmarks", browsers.Bookmarks{Install: s.install, Request: q}, &result); err != nil {
		return nil, err
	}
	s.ops, result.Ops = result.Ops, nil
	return struct {
		browsertree.Result
		// Waiting counts the operations, which the request ops fetches.
		Waiting int `json:"waiting"`
	}{result, len(s.ops)}, nil
}

// nextOps takes a batch of the operations.
func (s *session) nextOps(context.Context, request) (any, error) {
	batch, size := []json.RawMessage{}, 0
	for len(s.ops) > 0 && len(batch) < maxBatchOps {
		b, err := json.Marshal(s.ops[0])
		if err != nil {
			return nil, err
		}
		if size += len(b); size > maxBatch && len(batch) > 0 {
			break
		}
		batch, s.ops = append(batch, b), s.ops[1:]
	}
	return map[string]any{"ops": batch, "waiting": len(s.ops)}, nil
}

func (s *session) forget(ctx context.Context, _ request) (any, error) {
	return struct{}{}, s.post(ctx, "browser/forget", browsers.Install{Install: s.install}, nil)
}

func (s *session) tabs(ctx context.Context, r request) (any, error) {
	q, err := parse[browsers.Tabs](r)
	if err != nil {
		return nil, err
	}
	q.Install = s.install
	return struct{}{}, s.post(ctx, "browser/tabs", q, nil)
}

func (s *session) status(ctx context.Context, _ request) (any, error) {
	var v json.RawMessage
	return &v, s.post(ctx, "browser/status", browsers.Install{Install: s.install}, &v)
}

func (s *session) sync(ctx context.Context, _ request) (any, error) {
	var v json.RawMessage
	return &v, s.post(ctx, "sync.run", struct{}{}, &v)
}

func (s *session) others(ctx context.Context, _ request) (any, error) {
	var v json.RawMessage
	return &v, s.post(ctx, "browser/others", struct{}{}, &v)
}

func (s *session) sendTab(ctx context.Context, r request) (any, error) {
	q, err := parse[struct {
		Device string `json:"device"`
		URL    string `json:"url"`
		Title  string `json:"title,omitempty"`
	}](r)
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.post(ctx, "devices.sendTab", q, nil)
}

func (s *session) received(ctx context.Context, r request) (any, error) {
	q, err := parse[struct {
		Now bool `json:"now"`
	}](r)
	if err != nil {
		return nil, err
	}
	var v json.RawMessage
	return &v, s.post(ctx, "browser/received", browsers.Receiving{Install: s.install, Now: q.Now}, &v)
}

func (s *session) visits(ctx context.Context, r request) (any, error) {
	q, err := parse[browsers.Visits](r)
	if err != nil {
		return nil, err
	}
	q.Install = s.install
	return struct{}{}, s.post(ctx, "browser/visits", q, nil)
}

func (s *session) history(ctx context.Context, _ request) (any, error) {
	var v json.RawMessage
	return &v, s.post(ctx, "browser/history", browsers.Install{Install: s.install}, &v)
}

// maxAnswer bounds an answer of the agent, in bytes.
const maxAnswer = 256 << 20

// escapes are the terminal's control characters, which an error may have from a title.
var escapes = regexp.MustCompile(`[\x00-\x1f\x7f]+`)

// post asks the agent, and decodes its answer into v unless that is nil.
func (s *session) post(ctx context.Context, path string, q, v any) error {
	body, err := json.Marshal(q)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.Agent.Do(r)
	if err != nil {
		return failf("agent", "the agent of the profile does not answer: %v", err)
	}
	defer resp.Body.Close()
	answer := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode >= 300 {
		var f struct{ Error *Failure }
		if err := answer.Decode(&f); err != nil || f.Error == nil {
			return failf("agent", "the agent answers %s: restart it, if it is of another version", resp.Status)
		}
		f.Error.Message = escapes.ReplaceAllString(f.Error.Message, " ")
		return f.Error
	}
	if v == nil {
		return nil
	}
	if err := answer.Decode(v); err != nil {
		return fmt.Errorf("the agent's answer is malformed: %w", err)
	}
	return nil
}
