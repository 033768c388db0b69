package identity

import (
	"cmp"
	"slices"
	"strings"
)

// Reasons why evidence is not followed, as identity_conflicts names them.
const (
	AnotherUser  = "another_user"
	TooManyUsers = "too_many_users"
	RoleAddress  = "role_address"
	TooLarge     = "too_large"
	TakenOut     = "split"
)

// Guards are the limits of joining.
type Guards struct {
	MaxUsers int      // an id seen with more users than this joins nobody
	MaxIDs   int      // a person never has more ids than this, its own among them
	Roles    []string // parts before the @ of addresses that many people share, lower case
}

// DefaultGuards are those of a warehouse without definitions.
func DefaultGuards() Guards {
	return Guards{MaxUsers: 5, MaxIDs: 500, Roles: []string{
		"abuse", "accounting", "accounts", "admin", "billing", "careers", "contact", "enquiries", "finance", "hello", "help", "helpdesk", "hr", "info", "inquiries",
		"invoice", "invoices", "jobs", "legal", "mail", "marketing", "newsletter", "no-reply", "noreply", "office", "orders", "postmaster", "press", "privacy",
		"recruiting", "reception", "root", "sales", "security", "service", "shop", "support", "team", "webmaster",
	}}
}

// role says whether an id is an address that many people share: info@, sales+de@.
func (g *Guards) role(id string) bool {
	at := strings.LastIndexByte(id, '@')
	if at <= 0 {
		return false
	}
	local, _, _ := strings.Cut(id[:at], "+")
	return slices.Contains(g.Roles, strings.ToLower(local))
}

// edge is all evidence for one pair of ids: the id was seen with the user, first at that time (Unix milliseconds).
type edge struct {
	id, user string
	first    int64
}

// prior is whose an id was from a time on.
type prior struct {
	since  int64
	person string
}

// place is where an id stands. The zero value is an id that is its own person and always was.
type place struct {
	person  string // empty: the id itself
	since   int64  // from when on
	earlier []prior
}

func (p place) equal(q place) bool {
	return p.person == q.person && p.since == q.since && slices.Equal(p.earlier, q.earlier)
}

// pair is the key of a conflict.
type pair struct{ id, user string }

// conflict is evidence that was not followed.
type conflict struct {
	reason string
	first  int64
}

// circle is a set of ids with everything that can join them to one another: no join leads out of it, but for those that were
// refused because a person is full.
type circle struct {
	edges map[string][]edge // by id: pairs it was seen in, the earliest first, one more than Guards.MaxUsers at most
	links []edge            // joins by hand
	split map[string]int64  // until when evidence about an id was taken back by hand
}

// decide says which person each id of the circle belongs to, and which evidence it does not follow. An id joins one user: the first it was
// seen with, or was renamed to. Joins are followed in order of time, so that the answer does not depend on the order in which they came.
func decide(c *circle, g *Guards) (map[string]place, map[pair]conflict) {
	refused := map[pair]conflict{}
	var joins, others []edge
	for id, edges := range c.edges {
		join, more := candidate(id, edges, c.split, g, refused)
		if join != nil {
			joins = append(joins, *join)
			others = append(others, more...)
		}
	}
	joins = append(joins, c.links...)
	slices.SortFunc(joins, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.first, b.first), strings.Compare(a.id, b.id), strings.Compare(a.user, b.user))
	})
	u := union{of: map[string]*group{}, places: map[string]place{}, limit: g.MaxIDs}
	for _, j := range joins {
		if !u.join(j) {
			refused[pair{j.id, j.user}] = conflict{TooLarge, j.first}
		}
	}
	for _, e := range others { // a second name of the same person contradicts nothing
		if a, b := u.of[e.id], u.of[e.user]; a == nil || a != b {
			refused[pair{e.id, e.user}] = conflict{AnotherUser, e.first}
		}
	}
	return u.places, refused
}

// candidate is the pair of an id that is followed, and those that would be if that one were not there.
func candidate(id string, edges []edge, split map[string]int64, g *Guards, refused map[pair]conflict) (*edge, []edge) {
	if len(edges) > g.MaxUsers {
		refused[pair{id, ""}] = conflict{TooManyUsers, edges[0].first}
		return nil, nil
	}
	role := g.role(id)
	until, cut := split[id]
	var good []edge
	for _, e := range edges {
		switch {
		case role || g.role(e.user):
			refused[pair{e.id, e.user}] = conflict{RoleAddress, e.first}
		case cut && e.first <= until:
			refused[pair{e.id, e.user}] = conflict{TakenOut, e.first}
		default:
			good = append(good, e)
		}
	}
	if len(good) == 0 {
		return nil, nil
	}
	return &good[0], good[1:]
}

// group is a person in the making.
type group struct {
	ids    []string
	person string // the id that names it: the one that was never joined to another
	closed bool   // it was full once, and takes nobody that came after
}

// union joins ids to groups, in order of time.
type union struct {
	of     map[string]*group
	places map[string]place
	limit  int
}

func (u *union) group(id string) *group {
	g := u.of[id]
	if g == nil {
		g = &group{ids: []string{id}, person: id}
		u.of[id] = g
	}
	return g
}

// join joins the person of an id to that of a user, unless that would be too many ids. The greater one then is closed: who comes later
// is not looked at, and need not be known.
func (u *union) join(j edge) bool {
	a, b := u.group(j.id), u.group(j.user)
	if a == b {
		if a.person == j.id && j.id != j.user { // renamed in a ring: the latest name counts
			u.rename(a.ids, j.user, j.first)
			a.person = j.user
		}
		return true
	}
	if a.closed || b.closed || len(a.ids)+len(b.ids) > u.limit {
		if !a.closed && !b.closed {
			if len(a.ids) > len(b.ids) {
				a.closed = true
			} else {
				b.closed = true
			}
		}
		return false
	}
	u.rename(a.ids, b.person, j.first)
	b.ids = append(b.ids, a.ids...)
	for _, id := range a.ids {
		u.of[id] = b
	}
	return true
}

// rename notes that ids belong to another person from now on.
func (u *union) rename(ids []string, person string, now int64) {
	for _, id := range ids {
		p := u.places[id]
		if p.person != "" && p.since < now {
			p.earlier = append(slices.Clip(p.earlier), prior{p.since, p.person})
		}
		p.person, p.since = person, now
		u.places[id] = p
	}
}
