package identity

import (
	"context"
	"fmt"
)

// Actions of identity_decisions.
const (
	actionMerge = "merge"
	actionSplit = "split"
)

// decision is a row of identity_decisions.
type decision struct {
	action, id, user string
	at               int64
}

// readDecisions reads all, the oldest first. People decide them by hand, so they are few.
func (r *Resolver) readDecisions(ctx context.Context) ([]decision, error) {
	rows, err := r.db.Query(ctx, "SELECT action, distinct_id, user_id, toUnixTimestamp64Milli(at) FROM identity_decisions ORDER BY at, decision")
	if err != nil {
		return nil, fmt.Errorf("read identity_decisions: %w", err)
	}
	defer rows.Close()
	var all []decision
	for rows.Next() {
		var d decision
		if err := rows.Scan(&d.action, &d.id, &d.user, &d.at); err != nil {
			return nil, fmt.Errorf("read identity_decisions: %w", err)
		}
		all = append(all, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read identity_decisions: %w", err)
	}
	return all, nil
}

// standing goes through decisions in order and answers the merges that stand, and until when evidence about an id was taken back. A split
// takes back the merges of the id; when there are none, the evidence that joins it to others.
func standing(all []decision) (links []edge, split map[string]int64) {
	split = map[string]int64{}
	for _, d := range all {
		if d.action == actionMerge {
			links = append(links, edge{d.id, d.user, d.at})
			continue
		}
		var kept []edge
		for _, l := range links {
			if l.id != d.id && l.user != d.id {
				kept = append(kept, l)
			}
		}
		if len(kept) == len(links) {
			split[d.id] = d.at
		}
		links = kept
	}
	return links, split
}

// decided are all ids that decisions name.
func decided(all []decision) map[string]bool {
	ids := map[string]bool{}
	for _, d := range all {
		ids[d.id] = true
		if d.user != "" {
			ids[d.user] = true
		}
	}
	return ids
}
