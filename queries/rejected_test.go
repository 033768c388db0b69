package queries_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// The quarantine forgets after 30 days, so its records are of these days and not of the story's.
func TestRejectedRecords(t *testing.T) {
	db := openDatabase(t)
	day := time.Now().UTC().Truncate(24 * time.Hour)
	at := func(days int) string { return day.AddDate(0, 0, -days).Format("2006-01-02 15:04:05") }
	id := func(n int) string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", n) }
	insert := func(table, rows string) {
		t.Helper()
		if err := db.InsertFormat(context.Background(), "JSONEachRow", "INSERT INTO "+table, strings.NewReader(rows)); err != nil {
			t.Fatal(err)
		}
	}
	row := func(n, days, records int, source, code, field, payload string) string {
		return fmt.Sprintf(`{"id":%q,"at":%q,"source":%q,"code":%q,"field":%q,"reason":"reason %d","records":%d,"payload":%q}`, id(n), at(days), source, code, field, n, records, payload)
	}
	insert("quarantine (id, at, source, code, field, reason, records, payload)", strings.Join([]string{
		row(1, 3, 1, "shop", "type", "userId", "first"),
		row(2, 2, 1, "shop", "type", "userId", strings.Repeat("ä", 300)),
		row(3, 2, 40, "shop", "type", "userId", ""), // those past what is kept of a request: never the example
		row(4, 1, 1, "shop", "missing", "event", "x"),
		row(5, 1, 1, "web", "missing", "event", "y"),
		row(6, 9, 1, "web", "time", "timestamp", "before the range"),
		row(7, 0, 1, "web", "time", "timestamp", "at its end"),
	}, "\n"))
	insert("quarantine_replays (id, at)", fmt.Sprintf(`{"id":%q,"at":%q} {"id":%q,"at":%q}`, id(1), at(0), id(1), at(0)))
	got := ask(t, db, "rejected_records", "csv", map[string]string{"from": day.AddDate(0, 0, -7).Format(time.DateOnly), "to": day.Format(time.DateOnly)})
	want := []string{
		`"shop","type","userId",42,1,"` + at(2) + `.000","reason 2","` + strings.Repeat("ä", 200) + `"`,
		`"shop","missing","event",1,0,"` + at(1) + `.000","reason 4","x"`,
		`"web","missing","event",1,0,"` + at(1) + `.000","reason 5","y"`,
	}
	_, rows, _ := strings.Cut(strings.TrimSpace(got), "\n")
	if rows != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", rows, strings.Join(want, "\n"))
	}
}
