package queries_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/livello/livello/queries"
)

// serve starts the routes over r and returns a function that gets a path with an Accept header.
func serve(t *testing.T, r queries.Runner) func(path, accept string) (*http.Response, string, error) {
	t.Helper()
	e := echo.New()
	queries.Routes(e, r)
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return func(path, accept string) (*http.Response, string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if accept != "" {
			req.Header.Set("Accept", accept)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return res, string(body), err
	}
}

func testHTTPAnswers(t *testing.T, db database) {
	get := serve(t, queries.Runner{DB: db, Now: then})
	const csv, table, ndjson, asJSON = "text/csv; charset=utf-8; header=present", "text/plain; charset=utf-8", "application/x-ndjson", "application/json"
	for _, c := range []struct{ path, accept, media, want string }{
		{"/v1/queries/totals", "", asJSON, `"purchases": 10`},
		{"/v1/queries/totals", "*/*", asJSON, `"purchases": 10`},
		{"/v1/queries/totals", "text/csv", csv, `"events","human_events"`},
		{"/v1/queries/totals", "text/html, application/json;q=0.8, text/csv;q=0.9", csv, `"events","human_events"`},
		{"/v1/queries/totals?format=ndjson", "text/csv", ndjson, `{"events":`},
		{"/v1/queries/totals?format=table", "", table, "┌─events─┬"},
		{"/v1/queries/totals?from=2026-03-01T01:00:00%2B01:00", "", asJSON, `"purchases": 3`},
		{"/v1/queries/funnel?from=2026-01-01&steps=page_view&steps=cart_add&format=csv", "", csv, `2,"cart_add",`},
		{"/v1/queries/funnel?from=2026-01-01&steps=page_view,cart_add&format=csv", "", csv, `2,"cart_add",`},
		{"/v1/queries/engagement_history?person=a%26b&format=csv", "", csv, `"ts","kind"`},
	} {
		res, body, err := get(c.path, c.accept)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != c.media || !strings.Contains(body, c.want) {
			t.Errorf("%s (%s): got %d %s\n%s\nwant %s with %s", c.path, c.accept, res.StatusCode, res.Header.Get("Content-Type"), body, c.media, c.want)
		}
	}
}

func TestHTTPList(t *testing.T) {
	res, body, err := serve(t, queries.Runner{})("/v1/queries", "")
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Queries []struct {
			Name, Title, URL string
			Params           []struct {
				Name, Type, Default string
				Required            bool
			}
			Columns []struct{ Name, Type string }
		}
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err)
	}
	set, err := queries.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || len(list.Queries) != len(set.All()) {
		t.Fatalf("got %d with %d queries, want %d", res.StatusCode, len(list.Queries), len(set.All()))
	}
	for _, q := range list.Queries {
		if q.Name == "funnel" && (q.URL != "/v1/queries/funnel" || len(q.Params) != 4 || !q.Params[0].Required || q.Params[1].Default != "now-90d" || q.Columns[0].Name != "step") {
			t.Errorf("got %+v", q)
		}
	}
}

func testHTTPRefuses(t *testing.T, db database) {
	get := serve(t, queries.Runner{DB: db, Now: then})
	for _, c := range []struct {
		path        string
		status      int
		code, field string
	}{
		{"/v1/queries/funel", 404, "unknown_query", "name"},
		{"/v1/queries/totals?format=xml", 400, "unknown_format", "format"},
		{"/v1/queries/totals?since=now", 400, "unknown_param", "since"},
		{"/v1/queries/totals?from=x", 400, "invalid_param", "from"},
		{"/v1/queries/totals?from=2026-01-01&from=2026-01-02", 400, "invalid_param", "from"},
		{"/v1/queries/totals?from=%zz", 400, "invalid_param", ""},
		{"/v1/queries/funnel", 400, "missing_param", "steps"},
		{"/v1/queries/funnel?from=2026-01-01&steps=a&steps=b&steps=a", 400, "invalid_param", "steps"},
	} {
		res, body, err := get(c.path, "text/csv")
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Error struct{ Code, Field, Message, Help string }
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Errorf("%s: %v in %s", c.path, err, body)
		}
		if e := answer.Error; res.StatusCode != c.status || e.Code != c.code || e.Field != c.field || e.Message == "" || e.Help == "" {
			t.Errorf("%s: got %d %s, want %d %s of %q", c.path, res.StatusCode, body, c.status, c.code, c.field)
		}
	}
}

// A failure within the first megabyte has its own status; after that the answer ends without its end.
func testHTTPFailsLate(t *testing.T, db database) {
	const fails = "-- Fails.\n-- param at UInt64\n-- column number UInt64\nSELECT number FROM numbers(10000000) WHERE throwIf(number = {at:UInt64}, 'too far') = 0 SETTINGS max_block_size = 1000"
	get := serve(t, runner(t, db, fails, queries.Limits{Rows: 1 << 40}))
	if res, body, err := get("/v1/queries/one?at=10", "text/csv"); err != nil || res.StatusCode != http.StatusInternalServerError || strings.Contains(body, "too far") {
		t.Errorf("early: got %d %q, %v; want 500 without the database's words", res.StatusCode, body, err)
	}
	if res, body, err := get("/v1/queries/one?at=5000000", "text/csv"); err == nil || res.StatusCode != http.StatusOK || len(body) < 1<<20 {
		t.Errorf("late: got %d and %d bytes, %v; want a broken answer", res.StatusCode, len(body), err)
	}
	few := serve(t, runner(t, db, numbersSQL, queries.Limits{Rows: 1000}))
	if res, body, err := few("/v1/queries/one", "text/csv"); err != nil || res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "too_many_rows") {
		t.Errorf("too many rows: got %d %s, %v", res.StatusCode, body, err)
	}
}
