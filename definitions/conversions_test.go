package definitions

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// What may be a conversion is what the view that feeds milestones takes.
func TestConversionKindsAreMilestones(t *testing.T) {
	text, err := os.ReadFile("../schema/migrations/0053_milestones_mv.sql")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?s)kind IN \(([^)]*)\)`).FindSubmatch(text)
	if list == nil {
		t.Fatal("the view names no kinds")
	}
	var taken []string
	for _, kind := range regexp.MustCompile(`'(\w+)'`).FindAllSubmatch(list[1], -1) {
		taken = append(taken, string(kind[1]))
	}
	if !slices.Equal(taken, conversionKinds) {
		t.Errorf("the view takes %v,\ndefinitions take %v", taken, conversionKinds)
	}
}
