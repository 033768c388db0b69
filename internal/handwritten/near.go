package handwritten

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// DidYouMean ends a message about an unknown name with the known ones that look like it, or with all of them, in their order,
// when none does.
func DidYouMean(got string, known []string) string {
	if near := Nearest(got, known); len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	const most = 60
	switch {
	case len(known) == 0:
		return "; there are none"
	case len(known) > most:
		return "; known are " + strings.Join(known[:most], ", ") + ", ..."
	}
	return "; known are " + strings.Join(known, ", ")
}

// Nearest returns up to three of names that someone who wrote got may have meant, the likeliest first: few letters away, or one
// holding the other.
func Nearest(got string, names []string) []string {
	low := strings.ToLower(strings.TrimSpace(got))
	if low == "" || len(low) > 100 {
		return nil
	}
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	for _, name := range names {
		other := strings.ToLower(name)
		distance := levenshtein.Distance(low, other, nil)
		holds := len(low) >= 3 && len(other) >= 3 && (strings.Contains(other, low) || strings.Contains(low, other))
		if holds || distance <= 1+len(low)/4 {
			found = append(found, candidate{name, distance})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	var near []string
	for _, c := range found[:min(3, len(found))] {
		near = append(near, c.name)
	}
	return near
}
