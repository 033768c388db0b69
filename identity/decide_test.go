package identity

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/livello/livello/test/engine"
)

// TestDecideIsTheNaiveAnswer compares the rules with their naive form over many random circles, without a database.
func TestDecideIsTheNaiveAnswer(t *testing.T) {
	engine.Checks(t, 3000)
	rapid.Check(t, func(rt *rapid.T) {
		n := naive{maxUsers: rapid.IntRange(1, 4).Draw(rt, "most users"), maxIDs: rapid.IntRange(2, 9).Draw(rt, "most ids"), roles: []string{"info"}}
		n.all = rapid.SliceOfN(rapid.Custom(drawSighting), 1, 60).Draw(rt, "sightings")
		n.decided = rapid.SliceOfN(rapid.Custom(drawDecision), 0, 5).Draw(rt, "decisions")
		var decisions []decision
		for i := range n.decided {
			d := &n.decided[i]
			d.at = int64(i*7+1) * 1000 // between the sightings
			action := actionMerge
			if d.split {
				action, d.user = actionSplit, ""
			}
			decisions = append(decisions, decision{action, d.id, d.user, d.at})
		}
		links, split := standing(decisions)
		c := &circle{edges: map[string][]edge{}, links: links, split: split}
		first := map[pair]int64{}
		for _, s := range n.all {
			if at, ok := first[pair{s.id, s.user}]; !ok || s.at < at {
				first[pair{s.id, s.user}] = s.at
			}
		}
		for p, at := range first {
			c.edges[p.id] = append(c.edges[p.id], edge{p.id, p.user, at})
		}
		for id, edges := range c.edges {
			slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.first, b.first), strings.Compare(a.user, b.user)) })
			c.edges[id] = edges[:min(len(edges), n.maxUsers+1)]
		}
		places, refused := decide(c, &Guards{MaxUsers: n.maxUsers, MaxIDs: n.maxIDs, Roles: n.roles})
		got := verdict{map[string]string{}, map[string]int64{}, map[pair]string{}}
		for id, p := range places {
			if p.person != id {
				got.person[id], got.since[id] = p.person, p.since
			}
		}
		for p, x := range refused {
			got.conflicts[p] = x.reason
		}
		sameVerdict(rt, "decided", got, n.verdict())
	})
}
