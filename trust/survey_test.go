package trust

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/ingest/event"
)

// Answers of every survey and scale verify, and one that counts twice, or under another survey, is found.
func TestVerifySurveys(t *testing.T) {
	r := newRig(t)
	rows := r.events(80)
	for i := range rows {
		rows[i].Kind = []string{"survey_response", "review", "page_view"}[i%3]
		rows[i].Type, rows[i].Name = "track", fmt.Sprint([]string{"NPS", "CSAT", "Feedback"}[i/3%3], " answer")
		rows[i].Score = event.SomeFloat(float64(i%12) - 0.5)
		rows[i].Properties = []event.Property{{Key: "scale", Value: []string{"10", "", "no number", "-3", "0"}[i%5]}}
	}
	r.load(rows)
	ctx := context.Background()
	found := func() (said []string) {
		t.Helper()
		report, err := r.verifier().Verify(ctx, time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range report.Differences {
			said = append(said, d.Table+"."+d.Measure)
		}
		return said
	}
	if d := found(); len(d) > 0 {
		t.Fatalf("differences in what is right: %v", d)
	}
	if err := r.Exec(ctx, "INSERT INTO survey_day SELECT * REPLACE ('csat' AS survey) FROM (SELECT * FROM survey_day WHERE survey = 'nps' LIMIT 1)"); err != nil {
		t.Fatal(err)
	}
	if d := strings.Join(found(), " "); !strings.Contains(d, "survey_day.responses") || !strings.Contains(d, "survey_day.by_key") {
		t.Errorf("found %s", d)
	}
	if _, err := (&Rebuilder{DB: r, Hold: r.loader.Hold}).Rebuild(ctx, time.Time{}, time.Time{}, "survey_day"); err != nil {
		t.Fatal(err)
	}
	if d := found(); len(d) > 0 {
		t.Errorf("differences after a rebuild: %v", d)
	}
}
