package identity

import (
	"maps"
	"slices"
	"sort"
	"strings"
)

// sighting is one event that names two ids, or a decision.
type sighting struct {
	id, user string
	at       int64
	merge    bool
	split    bool
}

// naive answers whose every id is, from all sightings at once, as plainly as it can: it has its own words for every rule and shares no
// code with the resolver.
type naive struct {
	all      []sighting // evidence
	decided  []sighting // in order
	maxUsers int
	maxIDs   int
	roles    []string
}

type verdict struct {
	person    map[string]string
	since     map[string]int64
	conflicts map[pair]string
}

func (n *naive) shared(id string) bool {
	for _, role := range n.roles {
		if strings.HasPrefix(strings.ToLower(id), role+"@") {
			return true
		}
	}
	return false
}

func (n *naive) verdict() verdict {
	type known struct {
		user string
		at   int64
	}
	// First evidence of each pair.
	first := map[pair]int64{}
	for _, s := range n.all {
		if at, ok := first[pair{s.id, s.user}]; !ok || s.at < at {
			first[pair{s.id, s.user}] = s.at
		}
	}
	var byHand []sighting
	cutAt := map[string]int64{}
	for _, d := range n.decided {
		if d.merge {
			byHand = append(byHand, d)
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(byHand), func(m sighting) bool { return m.id == d.id || m.user == d.id })
		if len(rest) == len(byHand) {
			cutAt[d.id] = d.at
		}
		byHand = rest
	}
	v := verdict{map[string]string{}, map[string]int64{}, map[pair]string{}}
	var follow, maybe []sighting
	names := map[string]bool{}
	for p := range first {
		names[p.id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(names)) {
		var users []known
		for p, at := range first {
			if p.id == id {
				users = append(users, known{p.user, at})
			}
		}
		if len(users) > n.maxUsers {
			v.conflicts[pair{id, ""}] = "too_many_users"
			continue
		}
		sort.Slice(users, func(i, j int) bool {
			return users[i].at < users[j].at || users[i].at == users[j].at && users[i].user < users[j].user
		})
		taken := false
		for _, k := range users {
			if n.shared(id) || n.shared(k.user) {
				v.conflicts[pair{id, k.user}] = "role_address"
			} else if until, cut := cutAt[id]; cut && k.at <= until {
				v.conflicts[pair{id, k.user}] = "split"
			} else if !taken {
				follow, taken = append(follow, sighting{id: id, user: k.user, at: k.at}), true
			} else {
				maybe = append(maybe, sighting{id: id, user: k.user, at: k.at})
			}
		}
	}
	follow = append(follow, byHand...)
	sort.Slice(follow, func(i, j int) bool {
		a, b := follow[i], follow[j]
		if a.at != b.at {
			return a.at < b.at
		}
		return a.id < b.id || a.id == b.id && a.user < b.user
	})
	// Everybody's person by name; sets are found by looking at all names.
	who := func(id string) string {
		if p, ok := v.person[id]; ok {
			return p
		}
		return id
	}
	size := func(person string) int {
		n := 0
		for id := range v.person {
			if v.person[id] == person && id != person {
				n++
			}
		}
		return n + 1
	}
	move := func(from, to string, at int64) {
		ids := []string{from}
		for id, p := range v.person {
			if p == from {
				ids = append(ids, id)
			}
		}
		for _, id := range ids {
			v.person[id], v.since[id] = to, at
		}
	}
	closed := map[string]bool{}
	for _, s := range follow {
		a, b := who(s.id), who(s.user)
		switch {
		case a == b && a == s.id && s.user != s.id:
			move(a, s.user, s.at)
			if closed[a] {
				delete(closed, a)
				closed[s.user] = true
			}
		case a == b:
		case closed[a] || closed[b]:
			v.conflicts[pair{s.id, s.user}] = "too_large"
		case size(a)+size(b) > n.maxIDs:
			v.conflicts[pair{s.id, s.user}] = "too_large"
			if size(a) > size(b) {
				closed[a] = true
			} else {
				closed[b] = true
			}
		default:
			move(a, b, s.at)
		}
	}
	for _, s := range maybe {
		if who(s.id) != who(s.user) {
			v.conflicts[pair{s.id, s.user}] = "another_user"
		}
	}
	maps.DeleteFunc(v.person, func(id, person string) bool { return id == person })
	maps.DeleteFunc(v.since, func(id string, _ int64) bool { return v.person[id] == "" })
	return v
}
