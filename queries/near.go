package queries

import (
	"sort"
	"strings"
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
		d := editDistance(got, name)
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

// editDistance counts the letters to insert, remove or replace to turn a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// clip shortens what a caller sent, so that an error message stays readable and small.
func clip(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
