package server_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
)

func scrape(t *testing.T, s *server.Server) string {
	t.Helper()
	rec := httptest.NewRecorder()
	s.Metrics().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	return rec.Body.String()
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	d := w.device(true)
	d.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
	d.do("GET", "/storage/forms/nothing", "")
	text := scrape(t, w.server)
	for _, want := range []string{
		`syncmanager_http_requests_total{code="200",method="PUT",service="storage"} 1`,
		`syncmanager_http_requests_total{code="404",method="GET",service="storage"} 1`,
		`syncmanager_http_requests_total{code="200",method="GET",service="token"} 1`,
		`syncmanager_http_request_duration_seconds_count{service="storage"} 2`,
		`syncmanager_http_requests_in_flight 0`,
		`syncmanager_users 1`,
		`syncmanager_build_info{version="1.2.3"} 1`,
		`go_goroutines`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, d.account.Session().UID) || strings.Contains(text, "alice") || strings.Contains(text, "forms") {
		t.Error("a user can be told from the metrics")
	}
	// The metrics are for the operator only.
	rec := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(rec, httptest.NewRequest("GET", root+"/metrics", nil))
	if strings.Contains(rec.Body.String(), "syncmanager_") {
		t.Error("strangers read the metrics")
	}
}

// The statements of a request have their times by the names of their constants, on both databases.
func TestMetricsOfDatabases(t *testing.T) {
	t.Parallel()
	on := func(t *testing.T, database string) string {
		w := newEnv(t, func(c *server.Config) { c.Database = database })
		d := w.device(true)
		d.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
		puts := 2
		if database != "" {
			puts = 1 // the first is of a new collection, and sqlPutNew
		}
		d.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
		text := scrape(t, w.server)
		for _, want := range []string{
			fmt.Sprintf(`syncmanager_statement_duration_seconds_count{part="storage",statement="sqlPut"} %d`, puts),
			`syncmanager_statement_duration_seconds_count{part="accounts",statement="sqlAddAccount"} 1`,
			`syncmanager_statement_duration_seconds_bucket{part="tokens",statement="commit",le="+Inf"} `,
			`syncmanager_database_connections{pool="accounts",state="idle"} `,
			`syncmanager_database_connections_max{pool="tokens"} `,
			`syncmanager_database_waits_total{pool="accounts"} `,
			`syncmanager_database_wait_seconds_total{pool="tokens"} `,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %s", want)
			}
		}
		if strings.Contains(text, "forms") || strings.Contains(text, "SELECT") {
			t.Error("the metrics have more than names")
		}
		return text
	}
	t.Run("files", func(t *testing.T) {
		t.Parallel()
		pgtest.OnFiles(t)
		if text := on(t, ""); !strings.Contains(text, `syncmanager_database_waits_total{pool="accounts_writer"}`) {
			t.Error("no figures of the writer")
		}
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		text := on(t, pgtest.Database(t))
		for _, want := range []string{
			`syncmanager_database_connections_max{pool="storage"} 16`,
			`syncmanager_statement_duration_seconds_count{part="storage",statement="sqlEnd"}`,
			`syncmanager_statement_duration_seconds_count{part="storage",statement="sqlPutNew"} 1`,
			`syncmanager_statement_duration_seconds_count{part="accounts",statement="begin"}`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %s", want)
			}
		}
	})
}

// Values from clients do not create new series.
func TestMetricsAreBounded(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	series := func() int { return len(regexp.MustCompile(`(?m)^syncmanager_`).FindAllString(scrape(t, w.server), -1)) }
	ask := func(method, path string) {
		r, err := http.NewRequestWithContext(t.Context(), method, root+path, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, r)
		_, _ = io.Copy(io.Discard, rec.Body)
	}
	ask("BREW", "/storage/1.5/1/storage/a")
	ask("BREW", "/nowhere")
	series() // counting the users makes the series of that statement
	before := series()
	for _, word := range []string{"A", "B", "C"} {
		ask("BREW"+word, "/storage/1.5/1/storage/"+word)
		ask("BREW"+word, "/nowhere/"+word)
	}
	if after := series(); after != before {
		t.Errorf("%d series have become %d", before, after)
	}
}

// The server shows its nodes, as they were when it asked last, and when a drain moved a user.
func TestMetricsOfNodes(t *testing.T) {
	t.Parallel()
	none := newEnv(t, nil)
	if text := scrape(t, none.server); strings.Contains(text, "syncmanager_node_") || !strings.Contains(text, "syncmanager_drain_step_timestamp_seconds 0\n") {
		t.Errorf("a server without nodes: %s", text)
	}
	w := newWithNode(t)
	w.device(true)
	expect := func(wants ...string) {
		t.Helper()
		text := scrape(t, w.server)
		for _, want := range wants {
			if !strings.Contains(text, want+"\n") {
				t.Errorf("no %s", want)
			}
		}
	}
	expect(`syncmanager_node_users{node="https://node.test"} 1`, `syncmanager_node_users{node="self"} 0`,
		`syncmanager_node_state{node="https://node.test",state="up"} 1`, `syncmanager_node_state{node="https://node.test",state="down"} 0`)
	if _, _, err := w.server.AddNode(t.Context(), server.Self, 10); err != nil {
		t.Fatal(err)
	}
	if d, err := w.server.DrainNode(t.Context(), nodeURL); err != nil || d.Moved != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	expect(`syncmanager_node_users{node="https://node.test"} 0`, `syncmanager_node_users{node="self"} 1`,
		`syncmanager_node_state{node="https://node.test",state="draining"} 1`,
		fmt.Sprintf("syncmanager_drain_step_timestamp_seconds %v", float64(w.Now().Unix())))
	w.away.Store(true)
	if _, err := w.server.Nodes(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(`syncmanager_node_state{node="https://node.test",state="draining"} 0`, `syncmanager_node_state{node="https://node.test",state="down"} 1`)
	if text := scrape(t, w.node); strings.Contains(text, "syncmanager_node_") {
		t.Error("a node shows nodes")
	}
}
