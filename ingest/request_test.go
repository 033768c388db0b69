package ingest

import (
	"encoding/json"
	"testing"
)

// The answers that are written by hand are those that the struct of events marshals to.
func TestAnswersByHandAreJSON(t *testing.T) {
	for _, counts := range [][2]int{{1, 0}, {0, 1}, {1, 1}, {1000, 20}} {
		want, err := json.Marshal(struct {
			Accepted   int   `json:"accepted"`
			Duplicates int   `json:"duplicates"`
			Rejected   []int `json:"rejected"`
		}{counts[0], counts[1], []int{}})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(answerAccepted(counts[0], counts[1])); got != string(want)+"\n" {
			t.Errorf("%d accepted, %d duplicates: %s, want %s", counts[0], counts[1], got, want)
		}
	}
}
