package main

import (
	"log/slog"
	"testing"

	"github.com/livello/livello/trust"
)

// Tiers wait for the history of people that is to be expected, and for no other.
func TestNobodyWaitsForHistoryThatIsGivenUp(t *testing.T) {
	s := &service{cfg: &Config{}, log: slog.New(slog.DiscardHandler)}
	s.lacking.Store(true)
	for _, step := range []struct {
		lacking []trust.Lacking
		wait    bool
	}{
		{[]trust.Lacking{{Table: "origins", Month: "2026-02"}, {Table: "person_month", Month: "2026-01"}}, true},
		{[]trust.Lacking{{Table: "identity_edges", Month: "2026-01"}}, true},
		{[]trust.Lacking{{Table: "origins", Month: "2026-02"}}, false},
	} {
		s.historyExpected(step.lacking)
		if s.lacking.Load() != step.wait {
			t.Errorf("%+v: they wait: %v", step.lacking, s.lacking.Load())
		}
	}
	if s.lacksHistory(t.Context()) {
		t.Error("somebody waits though nothing is to be expected")
	}
}
