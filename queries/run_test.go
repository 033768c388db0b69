package queries_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/livello/livello/queries"
)

func testFormats(t *testing.T, db database) {
	params := map[string]string{"from": "2026-01-01"}
	for format, want := range map[string]string{
		"csv":    "\"month\",\"currency\",\"purchases\",\"gross\",\"refunded\",\"revenue\",\"average_order\"\n\"2026-01-01\",\"EUR\",3,125,0,125,41.6667\n",
		"ndjson": `{"month":"2026-01-01","currency":"EUR","purchases":3,"gross":125,"refunded":0,"revenue":125,"average_order":41.6667}` + "\n",
		"table":  "┌──────month─┬─currency─┬─purchases─┬──gross─┬─refunded─┬─revenue─┬─average_order─┐\n",
	} {
		if got := ask(t, db, "revenue_by_month", format, params); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got\n%s\nwant it to begin with\n%s", format, got, want)
		}
	}
	var answer struct {
		Meta []struct{ Name, Type string }
		Data []struct {
			Purchases int
			Revenue   json.Number
		}
		Rows int
	}
	if err := json.Unmarshal([]byte(ask(t, db, "revenue_by_month", "json", params)), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Rows != 4 || answer.Data[2].Revenue != "100.75" || answer.Data[2].Purchases != 3 || answer.Meta[0].Name != "month" {
		t.Errorf("json: got %+v", answer)
	}
}

// What a caller can mend names the field and the way out.
func testRunRefuses(t *testing.T, db database) {
	for _, c := range []struct {
		name, query, format string
		params              map[string]string
		code, field, says   string
	}{
		{"unknown query", "funel", "json", nil, queries.CodeUnknownQuery, "name", "did you mean funnel?"},
		{"unknown format", "totals", "xml", nil, queries.CodeUnknownFormat, "format", "table, json, csv, ndjson"},
		{"unknown parameter", "totals", "json", map[string]string{"form": "now"}, queries.CodeUnknownParam, "form", "did you mean from?"},
		{"far from any parameter", "totals", "json", map[string]string{"horizon": "now"}, queries.CodeUnknownParam, "horizon", "totals takes from, to"},
		{"missing", "engagement_history", "json", nil, queries.CodeMissingParam, "person", "any id of the person"},
		{"wrong type", "recent_purchases", "json", map[string]string{"limit": "ten"}, queries.CodeInvalidParam, "limit", "for example 20"},
		{"out of bounds", "recent_purchases", "json", map[string]string{"limit": "0"}, queries.CodeInvalidParam, "limit", "1 to 10000"},
		{"no time", "totals", "json", map[string]string{"from": "yesterday"}, queries.CodeInvalidParam, "from", "now-90d"},
		{"empty range", "totals", "json", map[string]string{"from": "2026-02-01", "to": "2026-02-01"}, queries.CodeInvalidParam, "from", "is not before"},
		{"from after now", "funnel", "json", map[string]string{"from": "2027-01-01", "steps": "a,b"}, queries.CodeInvalidParam, "from", "is not before"},
		{"one step", "funnel", "json", map[string]string{"steps": "purchase"}, queries.CodeInvalidParam, "steps", "2 to 10"},
		{"a step twice", "funnel", "json", map[string]string{"steps": "page_view,purchase,page_view"}, queries.CodeInvalidParam, "steps", "name each kind once"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			err := queries.Runner{DB: db, Now: then}.Run(context.Background(), c.query, c.params, c.format, &out)
			var e *queries.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if e.Code != c.code || e.Field != c.field || e.Message == "" || !strings.Contains(e.Error(), c.says) {
				t.Errorf("got %+v, want code %s, field %s and %q", e, c.code, c.field, c.says)
			}
			if out.Len() > 0 {
				t.Errorf("wrote %q", out.String())
			}
		})
	}
}

// runner asks one query that is not in the catalogue.
func runner(t *testing.T, db queries.DB, text string, limits queries.Limits) queries.Runner {
	t.Helper()
	set, err := queries.Load(fstest.MapFS{"one.sql": {Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return queries.Runner{DB: db, Set: set, Limits: limits, Now: then}
}

const numbersSQL = "-- Numbers.\n-- param n UInt64 = 1000000\n-- column number UInt64\nSELECT number FROM numbers({n:UInt64})"

// A limit that is passed is an error, never a shorter answer.
func testLimits(t *testing.T, db database) {
	for _, c := range []struct {
		name, sql, code string
		limits          queries.Limits
	}{
		{"rows", numbersSQL, queries.CodeTooManyRows, queries.Limits{Rows: 1000}},
		{"time", "-- Slow.\n-- column n UInt64\nSELECT count() AS n FROM numbers_mt(1000000000000) WHERE NOT ignore(sipHash64(number))", queries.CodeTooSlow, queries.Limits{Time: 200 * time.Millisecond}},
		{"memory", "-- Big.\n-- column n UInt64\nSELECT uniqExact(number) AS n FROM numbers(100000000)", queries.CodeTooMuchMemory, queries.Limits{Memory: 20 << 20}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := runner(t, db, c.sql, c.limits).Run(context.Background(), "one", nil, "csv", io.Discard)
			var e *queries.Error
			if !errors.As(err, &e) || e.Code != c.code || e.Help == "" {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
}

// A statement of the catalogue cannot write, whatever it says.
func testReadOnly(t *testing.T, db database) {
	err := runner(t, db, "-- Write.\n-- column n UInt64\nINSERT INTO person_traits SELECT * FROM person_traits", queries.Limits{}).
		Run(context.Background(), "one", nil, "csv", io.Discard)
	if err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("got %v, want a refusal of readonly mode", err)
	}
}

// brokenPipe fails after some bytes, as a reader who went away.
type brokenPipe struct{ left int }

var errBroken = errors.New("broken pipe")

func (w *brokenPipe) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func testWriterFails(t *testing.T, db database) {
	start := time.Now()
	err := runner(t, db, numbersSQL, queries.Limits{Rows: 1 << 40}).
		Run(context.Background(), "one", map[string]string{"n": "100000000000"}, "csv", &brokenPipe{100_000})
	if !errors.Is(err, errBroken) {
		t.Errorf("got %v, want the writer's error", err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("went on for %s after the writer failed", took)
	}
	if got := ask(t, db, "totals", "csv", nil); !strings.Contains(got, "54,51,14,10,") {
		t.Errorf("the connection does not work afterwards: %s", got)
	}
}

func testCancel(t *testing.T, db database) {
	ctx, cancel := context.WithCancel(context.Background())
	pipe, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- runner(t, db, numbersSQL, queries.Limits{Rows: 1 << 40}).Run(ctx, "one", map[string]string{"n": "100000000000"}, "csv", w)
	}()
	if _, err := io.ReadFull(pipe, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	go func() { _, _ = io.Copy(io.Discard, pipe) }()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the query went on after it was cancelled")
	}
}
