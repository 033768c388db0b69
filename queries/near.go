package queries

import (
	"sort"
	"strings"

	"github.com/agext/levenshtein"
)

// nearest returns up to three of names that someone who wrote got may have meant: few letters away, or one holding the other.
func nearest(got string, names []string) []string {
	got = strings.ToLower(got)
	if got == "" || len(got) > 100 {
		return nil
	}
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	for _, name := range names {
		d := levenshtein.Distance(got, name, nil)
		part := len(got) >= 3 && (strings.Contains(name, got) || strings.Contains(got, name))
		if part || d <= 1+len(name)/4 {
			found = append(found, candidate{name, d})
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].distance < found[j].distance })
	near := make([]string, 0, 3)
	for i := 0; i < len(found) && i < 3; i++ {
		near = append(near, found[i].name)
	}
	return near
}

// clip shortens what a caller sent, so that an error message stays readable and small.
func clip(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
