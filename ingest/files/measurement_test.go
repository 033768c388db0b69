package files_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/ingest/files"
	"github.com/livello/livello/measurements"
)

// converted are the messages that a mapping makes of a text, each a line.
func converted(t *testing.T, mapping, text string) (lines []string, rejects []string) {
	t.Helper()
	m, err := files.LoadMapping(filepath.Join("../../examples", mapping))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "report.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = files.Convert(context.Background(), path, m, func(message []byte, _ int64) error {
		lines = append(lines, strings.TrimSpace(string(message)))
		return nil
	}, func(r files.Rejected) error {
		rejects = append(rejects, r.Field+" "+r.Reason)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines, rejects
}

// What the examples make is what the route takes.
func TestExamplesOfMeasurements(t *testing.T) {
	now := time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)
	spend, rejects := converted(t, "ad-spend.yaml", "date,campaign,spend,currency,impressions,clicks\n2026-03-01,spring,120.50,EUR,48210,391\n2026-03-02,spring,80,EUR,100,\n2026-03-03,spring,,EUR,1,1\n")
	rates, more := converted(t, "exchange-rates.yaml", "date,currency,rate\n2026-03-02,USD,0.9214\n")
	if len(rejects) != 1 || !strings.HasPrefix(rejects[0], "value is empty") || len(more) != 0 {
		t.Errorf("rejects: %v %v", rejects, more)
	}
	kept, replaced, bad, err := measurements.Decode([]byte(strings.Join(append(spend, rates...), "\n")), now)
	if err != nil || len(kept) != 6 || replaced != 0 || len(bad) != 0 {
		t.Fatalf("%d kept, %d replaced, rejected %v, %v, of\n%s", len(kept), replaced, bad, err, strings.Join(append(spend, rates...), "\n"))
	}
	if m := kept[0]; m.Kind != "ad_spend" || m.Channel != "ads" || m.Campaign != "spring" || m.Value.String() != "120.5" || m.Currency != "EUR" || m.Time.Day() != 1 {
		t.Errorf("%+v", m)
	}
	if m := kept[5]; m.Campaign != "USD/EUR" || m.Currency != "USD" || m.Value.String() != "0.9214" {
		t.Errorf("%+v", m)
	}
}

func TestMappingsOfMeasurementsAreChecked(t *testing.T) {
	const good = "source: a\ntype: measurement\nkind: ad_spend\nvalue: \"{spend}\"\ntime: {column: day}\n"
	if _, err := files.ParseMapping("m.yaml", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		strings.Replace(good, "kind: ad_spend\n", "", 1):                                                                                   "a measurement needs kind",
		strings.Replace(good, "value: \"{spend}\"\n", "", 1):                                                                               "a measurement needs value",
		strings.Replace(good, "time: {column: day}\n", "time: received\n", 1):                                                              "a time of its own",
		good + "userId: \"{who}\"\n":                                                                                                       "a measurement has no userId",
		strings.Replace(good, "type: measurement\n", "event: x\nuserId: y\n", 1):                                                           "value: is for `type: measurement`",
		good + "events:\n  - {}\n  - {type: page, userId: x, value: \"1\"}\n":                                                              "value",
		"source: a\ntime: received\nuserId: x\nevents:\n  - {event: a}\n  - {type: measurement, kind: cost, value: 1, time: 2026-01-01}\n": "a measurement has no userId",
	} {
		if _, err := files.ParseMapping("m.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngave %v, want %q", text, err, want)
		}
	}
}
