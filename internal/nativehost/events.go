package nativehost

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// event is an event of the agent.
type event struct {
	Type    string `json:"type"`
	Changed *struct {
		Engine string `json:"engine"`
		By     string `json:"by"`
	} `json:"changed"`
}

// errAgentEnded means that the agent has ended, and the host with it: the extension starts another.
var errAgentEnded = errors.New("the agent of the profile ended")

// watch tells the extension of the agent's events until the agent ends.
func (s *session) watch(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://agent/v1/events", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := s.Agent.Do(r)
	if err != nil {
		return errors.Join(errAgentEnded, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the agent answers %s: restart it, if it is of another version", resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		var v event
		if !ok || json.Unmarshal([]byte(data), &v) != nil {
			continue
		}
		for _, what := range v.pushes() {
			s.push(what, nil)
		}
	}
	return errAgentEnded
}

// pushes names what the extension is to look at.
func (v event) pushes() []string {
	switch {
	case v.Type == "lost":
		return []string{"bookmarks", "received", "history", "synced"}
	case v.Type == "received":
		return []string{"received"}
	case v.Type == "sync.ended":
		return []string{"synced", "received"}
	case v.Type == "changed" && v.Changed != nil && v.Changed.Engine == "bookmarks":
		return []string{"bookmarks"}
	case v.Type == "changed" && v.Changed != nil && v.Changed.Engine == "history" && v.Changed.By == "sync":
		return []string{"history"}
	}
	return nil
}
