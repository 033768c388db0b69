package measurements_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/livello/livello/ingest"
	"github.com/livello/livello/measurements"
	"github.com/livello/livello/test/engine"
)

type keys struct{}

func (keys) WriteKey(key string) (source, channel string, ok bool) {
	return "shop", "", key == "secret"
}
func (keys) Channel(string) string { return "" }

type away struct{}

func (away) InsertFormat(context.Context, string, string, io.Reader) error {
	return errors.New("connection refused by clickhouse.internal")
}

func server(t *testing.T, db measurements.DB) *echo.Echo {
	t.Helper()
	return limited(t, db, 0)
}

// limited takes so many measurements a second.
func limited(t *testing.T, db measurements.DB, rate float64) *echo.Echo {
	t.Helper()
	e := echo.New()
	e.HTTPErrorHandler = ingest.HandleErrors(slog.New(slog.DiscardHandler))
	measurements.Route(e, ingest.New(ingest.Options{Keys: keys{}, Limits: ingest.Limits{Body: 1 << 20, Decoded: 1 << 20, Rate: rate}}), measurements.Options{DB: db})
	return e
}

func post(e *echo.Echo, key, body string, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, measurements.Path, strings.NewReader(body))
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, req)
	return rec
}

const spend = `{"kind":"ad_spend","channel":"ads","campaign":"spring","ts":"2026-03-01","value":%v,"currency":"EUR"}`

func TestRoute(t *testing.T) {
	db := engine.Migrated(t)
	e := server(t, db)
	for _, c := range []struct {
		key, body string
		status    int
		says      string
	}{
		{"", fmt.Sprintf(spend, 1), 401, "missing"},
		{"other", fmt.Sprintf(spend, 1), 401, "not known"},
		{"secret", "{", 400, "malformed_json"},
		{"secret", strings.Repeat("x", 2<<20), 413, ""},
		{"secret", strings.Repeat(fmt.Sprintf(spend, 1), 5), 200, `{"accepted":1,"duplicates":4,"rejected":[]}`},
		{"secret", fmt.Sprintf(spend, 1) + "\n{}", 200, `"rejected":[{"index":1,"field":"kind"`},
		{"secret", "{}", 200, `{"accepted":0,"duplicates":0,"rejected":[{"index":0`},
	} {
		if rec := post(e, c.key, c.body); rec.Code != c.status || !strings.Contains(rec.Body.String(), c.says) {
			t.Errorf("%.60s with key %q: %d %s, want %d %s", c.body, c.key, rec.Code, rec.Body, c.status, c.says)
		}
	}
	// A repetition changes nothing, another value corrects, an earlier one again, too.
	for _, value := range []string{"120.50", "120.50", "99.999999999999", "120.50"} {
		if rec := post(e, "secret", fmt.Sprintf(spend, value)); rec.Code != 200 {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		got, err := db.QueryFormat(context.Background(), "TSV", "SELECT kind, channel, campaign, ts, toString(value), currency, source FROM measurements FINAL")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(got)
		if err != nil {
			t.Fatal(err)
		}
		want := "ad_spend\tads\tspring\t2026-03-01 00:00:00.000\t" + strings.TrimSuffix(value, "0") + "\tEUR\tshop\n"
		if string(text) != want {
			t.Errorf("got %q, want %q", text, want)
		}
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(z, fmt.Sprintf(spend, 7)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if rec := post(e, "secret", zipped.String(), "Content-Encoding", "gzip"); rec.Code != 200 {
		t.Errorf("gzip: %d %s", rec.Code, rec.Body)
	}
}

// While ClickHouse is away nothing is accepted, and the sender is told when to come back, not where ClickHouse is.
func TestRouteWithoutClickHouse(t *testing.T) {
	rec := post(server(t, away{}), "secret", fmt.Sprintf(spend, 1))
	if rec.Code != http.StatusServiceUnavailable || rec.Header().Get("Retry-After") == "" || strings.Contains(rec.Body.String(), "internal") {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
	var answer struct{ Error struct{ Code, Help string } }
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil || answer.Error.Code != "unavailable" || !strings.Contains(answer.Error.Help, "none of these 1 measurements is accepted") {
		t.Errorf("%s %v", rec.Body, err)
	}
	if rec := post(server(t, away{}), "secret", "[]"); rec.Code != 200 {
		t.Errorf("nothing needs no ClickHouse: %d", rec.Code)
	}
}

// Measurements count against the rate of the source, those that are rejected or replaced, too; what ClickHouse does not take costs nothing.
func TestMeasurementsHaveARate(t *testing.T) {
	e := limited(t, away{}, 0.1) // one at once
	for range 3 {
		if rec := post(e, "secret", fmt.Sprintf(spend, 1)); rec.Code != 503 {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
	}
	for _, body := range []string{strings.Repeat(fmt.Sprintf(spend, 1), 30), strings.Repeat("{}\n", 30), "{"} {
		e = limited(t, stored{}, 0.1)
		if rec := post(e, "secret", body); rec.Code == 429 {
			t.Errorf("%.30s: %d %s", body, rec.Code, rec.Body)
		}
		rec := post(e, "secret", fmt.Sprintf(spend, 1))
		if seconds := rec.Header().Get("Retry-After"); rec.Code != 429 || (len(seconds) == 3) != (body != "{") { // some 300 s
			t.Errorf("after %.30s: %d, Retry-After %s, %s", body, rec.Code, seconds, rec.Body)
		}
	}
}

// stored takes everything.
type stored struct{}

func (stored) InsertFormat(_ context.Context, _, _ string, data io.Reader) error {
	_, err := io.Copy(io.Discard, data)
	return err
}
