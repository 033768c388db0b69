package schema_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// member is where a person belongs.
type member struct {
	Account, How string
	First, Last  time.Time
}

// state is what the evaluation said of a person, as far as accounts ask.
type state struct {
	tier                int
	segment             string
	score               float64
	action              string
	firstSeen, lastSeen time.Time
}

// company is a row of accounts and of account_tiers.
type company struct {
	How                 string
	Tier                int
	Person, Segment     string
	People, Engaged     int
	Breadth, Score      float64
	Action              string
	FirstSeen, LastSeen time.Time // of accounts
	LastEngaged         time.Time // of account_tiers
}

// Accounts are compared with a naive count on random events: people of several groups, of groups and addresses, with several ids and addresses, those
// of free mail services, of mailboxes that many share, and what is no address at all; and random states, which some lack.
func TestAccountsEqualNaive(t *testing.T) {
	engine.Checks(t, 12)
	w := engine.Migrated(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		prefix := fmt.Sprintf("c%d-", round)
		n := naive{today: midnight(time.Now()), events: randomMembers(rt, prefix)}
		for i, part := range slices.Collect(slices.Chunk(rapid.Permutation(n.events).Draw(rt, "order of arrival"), len(n.events)/2+1)) {
			insert(t, w, fmt.Sprint(prefix, i), part...)
		}
		members := n.members()
		states := map[string]state{}
		for person := range members {
			if rapid.IntRange(0, 3).Draw(rt, "evaluated") > 0 {
				states[person] = randomState(rt, n.events[0].at)
			}
		}
		insertStates(t, w, states)
		gotMembers, gotCompanies := readMembers(t, w, prefix), readCompanies(t, w, prefix)
		same(rt, "account_people", gotMembers, members)
		same(rt, "accounts", gotCompanies, companies(members, states))
	})
}

func randomMembers(rt *rapid.T, prefix string) (events []ev) {
	pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(rt, label) }
	corp, other := prefix+"corp.example", prefix+"other.co.example"
	at := date(2026, 3, 1)
	for i := range rapid.IntRange(1, 40).Draw(rt, "events") {
		e := ev{at: at.Add(time.Duration(i) * time.Minute), kind: "page_view", channel: "web", user: prefix + pick("user", "u1", "u2", "u3", "u4", "u5"), id: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, prefix, i))}
		switch pick("what", "group", "identify", "identify", "device", "anonymous") {
		case "group":
			e.account = pick("account", prefix+"acme", prefix+"bits", corp)
		case "device":
			e.anon = prefix + pick("device", "a1", "a2")
		case "anonymous":
			e.user, e.anon = "", prefix+pick("device", "a1", "a2")
			e.kind, e.traits = "identify", map[string]string{"email": "visitor@" + corp}
		case "identify":
			e.kind = "identify"
			e.traits = map[string]string{pick("trait", "email", "email", "email", "plan"): pick("address",
				"ada@"+corp, " Ada.L@"+strings.ToUpper(corp)+" ", "bob@"+other, "bob+news@"+other, "x@gmail.com", "Info@"+corp, "sales+eu@"+other, "nobody", "a@b@"+corp, "@"+corp, "x@localhost", "x@ "+corp, "x@"+corp+".", "")}
		}
		events = append(events, e)
	}
	return events
}

// members is account_people, from plain events.
func (n naive) members() map[string]member {
	type key struct{ person, account, how string }
	seen := map[key]member{}
	add := func(id, account, how string, at time.Time) {
		k := key{n.personOf(id), account, how}
		m, ok := seen[k]
		if !ok {
			m = member{account, how, at, at}
		}
		if at.Before(m.First) {
			m.First = at
		}
		if at.After(m.Last) {
			m.Last = at
		}
		seen[k] = m
	}
	for _, e := range n.events {
		if e.account != "" {
			add(e.distinct(), e.account, "group", e.at)
		}
		address, told := e.traits["email"]
		if !told || !e.at.Equal(n.latestTold(e.distinct(), "email")) {
			continue
		}
		if domain := companyOf(address); domain != "" {
			add(e.distinct(), domain, "email domain", e.at)
		}
	}
	out := map[string]member{}
	for k, m := range seen {
		was, ok := out[k.person]
		better := m.How == "group" && was.How != "group" || m.How == was.How && (m.Last.After(was.Last) || m.Last.Equal(was.Last) && m.Account > was.Account)
		if !ok || better {
			out[k.person] = m
		}
	}
	return out
}

// companyOf is the domain of an address that says where somebody works.
func companyOf(address string) string {
	mailbox, domain, found := strings.Cut(strings.ToLower(strings.Trim(address, " ")), "@")
	if !found || mailbox == "" || strings.ContainsAny(domain, "@ ") || domain == "gmail.com" {
		return ""
	}
	labels := strings.Split(domain, ".")
	mailbox, _, _ = strings.Cut(mailbox, "+")
	if len(labels) < 2 || slices.Contains(labels, "") || mailbox == "info" || mailbox == "sales" {
		return ""
	}
	return domain
}

func randomState(rt *rapid.T, base time.Time) state {
	tier := rapid.IntRange(0, 2).Draw(rt, "tier")
	first := base.Add(time.Duration(rapid.IntRange(-100, 100).Draw(rt, "first")) * time.Minute)
	return state{tier: tier, segment: rapid.SampledFrom([]string{"", "urgent", "medium"}).Draw(rt, "segment"), score: float64(rapid.IntRange(0, 800).Draw(rt, "eighths")) / 8,
		action: rapid.SampledFrom([]string{"", "call"}).Draw(rt, "action"), firstSeen: first, lastSeen: first.Add(time.Duration(rapid.IntRange(0, 200).Draw(rt, "long")) * time.Minute)}
}

func insertStates(t *testing.T, w *warehouse.Warehouse, states map[string]state) {
	t.Helper()
	var rows []string
	for person, s := range states {
		row := func(version, gone, tier int) string {
			return fmt.Sprintf("('%s', %d, %d, %d, '%s', %g, '%s', '%s', '%s')", person, version, gone, tier, s.segment, s.score, s.action, s.firstSeen.Format(time.DateTime), s.lastSeen.Format(time.DateTime))
		}
		rows = append(rows, row(1, 0, 2-s.tier), row(2, 0, s.tier)) // the first one no longer counts
	}
	if len(rows) > 0 {
		exec(t, w, "INSERT INTO person_states (person_id, version, is_deleted, tier, micro_segment, score, action_required, first_seen, last_seen) SETTINGS async_insert = 0, optimize_on_insert = 0 VALUES "+strings.Join(rows, ", "))
	}
}

// companies are the rows of accounts and account_tiers, of members and their states.
func companies(members map[string]member, states map[string]state) map[string]company {
	out := map[string]company{}
	best := map[string]state{}
	for person, m := range members {
		c, known := out[m.Account]
		s, evaluated := states[person]
		if !known {
			c.How = "email domain"
		}
		if m.How == "group" {
			c.How = "group"
		}
		c.People++
		if s.tier == 2 {
			c.Engaged++
		}
		c.Score += s.score
		b := best[m.Account]
		if !known || s.tier > b.tier || s.tier == b.tier && (s.score > b.score || s.score == b.score && person < c.Person) {
			best[m.Account] = s
			c.Tier, c.Person, c.Segment, c.Action = s.tier, person, s.segment, s.action
		}
		first, last := m.First, m.Last
		if evaluated {
			if s.firstSeen.Before(first) {
				first = s.firstSeen
			}
			if s.lastSeen.After(last) {
				last = s.lastSeen
			}
			if s.lastSeen.After(c.LastEngaged) {
				c.LastEngaged = s.lastSeen
			}
		}
		if !known || first.Before(c.FirstSeen) {
			c.FirstSeen = first
		}
		if !known || last.After(c.LastSeen) {
			c.LastSeen = last
		}
		out[m.Account] = c
	}
	for id, c := range out {
		c.Breadth, c.Score = float64(c.Engaged)/float64(c.People), math.Min(100, c.Score)
		if c.LastEngaged.IsZero() {
			c.LastEngaged = time.Unix(0, 0).UTC()
		}
		out[id] = c
	}
	return out
}

func readMembers(t *testing.T, w *warehouse.Warehouse, prefix string) map[string]member {
	t.Helper()
	rows, err := w.Query(context.Background(), "SELECT person_id, account_id, known_by, first_at, last_at FROM account_people WHERE startsWith(person_id, ?)", prefix)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]member{}
	for rows.Next() {
		var person string
		var m member
		if err := rows.Scan(&person, &m.Account, &m.How, &m.First, &m.Last); err != nil {
			t.Fatal(err)
		}
		if _, twice := out[person]; twice {
			t.Fatalf("account_people has two rows of %s", person)
		}
		out[person] = m
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func readCompanies(t *testing.T, w *warehouse.Warehouse, prefix string) map[string]company {
	t.Helper()
	rows, err := w.Query(context.Background(), `SELECT a.account_id, a.known_by, b.known_by, a.people, b.people, b.tier, b.person_id, b.micro_segment, b.engaged, b.breadth, b.score, b.action_required, a.first_seen, a.last_seen, b.last_seen
FROM accounts AS a FULL OUTER JOIN account_tiers AS b ON b.account_id = a.account_id
WHERE startsWith(a.account_id, ?)`, prefix)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]company{}
	for rows.Next() {
		var id, how string
		var c company
		var tier uint8
		var people, same, engaged uint64
		if err := rows.Scan(&id, &c.How, &how, &people, &same, &tier, &c.Person, &c.Segment, &engaged, &c.Breadth, &c.Score, &c.Action, &c.FirstSeen, &c.LastSeen, &c.LastEngaged); err != nil {
			t.Fatal(err)
		}
		if how != c.How || same != people {
			t.Fatalf("%s: accounts says %s, %d people, account_tiers %s, %d", id, c.How, people, how, same)
		}
		c.Tier, c.People, c.Engaged = int(tier), int(people), int(engaged)
		out[id] = c
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
