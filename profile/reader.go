package profile

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

var (
	//go:embed sql/whose.sql
	whoseSQL string
	//go:embed sql/states.sql
	statesSQL string
	//go:embed sql/names.sql
	namesSQL string
)

// DB is the database as this package sees it.
type DB interface {
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
}

// Limits of one look-up, for several people at once.
const (
	together = 64
	patience = 5 * time.Second
)

// State is a profile as it is kept: without what is recent, and with features that have no names yet.
type State struct {
	Profile
	Version uint64    // of the evaluation
	Values  []float64 // the features, in the order of the definitions; nan is unknown
}

// Copy answers from a copy of person_states.
type Copy interface {
	// Get returns the person who has the id, any id of theirs. The error is ErrUnknown when nobody has, and ErrNoCopy when that has to be asked of the
	// database.
	Get(id string) (State, error)
	// Recent is what the ids of somebody did who was last seen then, or later, since RecentFrom; false when that has to be asked of the database.
	Recent(ids []string, lastSeen time.Time) (Doings, bool)
}

// ErrNoCopy says that a copy of states cannot tell, now or of this id.
var ErrNoCopy = errors.New("there is no copy of this state")

// Reader reads profiles. Safe for concurrent use; many at a time share their statements.
type Reader struct {
	db     DB
	copy   Copy // nil: there is none
	states gather[string, Profile]
	recent gather[Profile, Recent]

	mu    sync.Mutex
	names map[uint32][]string // of the features, by version of the definitions
}

// NewReader reads states from a copy, unless that is nil or cannot tell, and what is not there from db.
func NewReader(db DB, states Copy) *Reader {
	r := &Reader{db: db, copy: states, names: map[uint32][]string{}}
	r.states = gather[string, Profile]{most: together, find: r.findStates}
	r.recent = gather[Profile, Recent]{most: together, find: r.findRecent}
	return r
}

// Get returns the person who has the id, any id of theirs. ErrUnknown when there is none. With recent also what they did last: from the copy, or else from their
// events, which costs twenty times as much as all the rest.
func (r *Reader) Get(ctx context.Context, id string, recent bool) (Profile, error) {
	p, err := r.state(ctx, id)
	if err != nil || !recent {
		return p, err
	}
	if r.copy != nil {
		if did, ok := r.copy.Recent(p.ids(), p.LastSeen); ok {
			last := did.recent()
			p.Recent = &last
			return p, nil
		}
	}
	last, err := r.recent.get(ctx, p)
	if err != nil {
		return Profile{}, err
	}
	p.Recent = &last
	return p, nil
}

// state is the person without what is recent.
func (r *Reader) state(ctx context.Context, id string) (Profile, error) {
	if r.copy != nil {
		s, err := r.copy.Get(id)
		if err == nil {
			err = r.name(ctx, &s)
		}
		if err != ErrNoCopy {
			return s.Profile, err
		}
	}
	return r.states.get(ctx, id)
}

// findStates answers for each of the ids. A failed statement is an error for all of them.
func (r *Reader) findStates(ids []string) []found[Profile] {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all := make([]found[Profile], len(ids))
	byID, err := r.read(ctx, ids)
	for i, id := range ids {
		p, known := byID[id]
		switch {
		case err != nil:
			all[i].err = fmt.Errorf("look up states: %w", err)
		case !known:
			all[i].err = ErrUnknown
		default:
			all[i].value = *p
		}
	}
	return all
}

// read returns people by the ids that were asked for. Most are a person's own: only for the others it is asked whose they are. An id that came to
// somebody else a moment ago is a person of its own until it has been evaluated.
func (r *Reader) read(ctx context.Context, ids []string) (map[string]*Profile, error) {
	people, err := r.readPeople(ctx, ids)
	if err != nil {
		return nil, err
	}
	var others []string
	for _, id := range ids {
		if people[id] == nil {
			others = append(others, id)
		}
	}
	if len(others) == 0 {
		return people, nil
	}
	whose := map[string]string{}
	if err := r.each(ctx, whoseSQL, func(rows driver.Rows) error {
		var id, person string
		if err := rows.Scan(&id, &person); err != nil {
			return err
		}
		whose[id] = person
		return nil
	}, clickhouse.Named("ids", others)); err != nil {
		return nil, fmt.Errorf("whose ids are: %w", err)
	}
	if len(whose) == 0 {
		return people, nil
	}
	owners, err := r.readPeople(ctx, slices.Compact(slices.Sorted(maps.Values(whose))))
	if err != nil {
		return nil, err
	}
	for id, person := range whose {
		if p := owners[person]; p != nil {
			people[id] = p
		}
	}
	return people, nil
}

// readPeople returns people by their person_id.
func (r *Reader) readPeople(ctx context.Context, ids []string) (map[string]*Profile, error) {
	states := make([]State, 0, len(ids))
	err := r.each(ctx, statesSQL, func(rows driver.Rows) error {
		var p State
		var names, texts []string
		var points []float64
		var purchase time.Time
		if err := rows.Scan(&p.PersonID, &p.DistinctIDs, &p.Tier, &p.MicroSegment, &p.Lifecycle, &p.CriteriaMet, &p.Score, &names, &points, &texts,
			&p.ActionRequired, &p.Since, &p.EvaluatedAt, &p.Definitions, &p.Values, &p.Value.Revenue365, &p.Value.Revenue, &p.FirstSeen, &p.LastSeen, &purchase); err != nil {
			return err
		}
		p.Reasons = make([]Reason, len(names))
		for i := range names {
			p.Reasons[i] = Reason{names[i], points[i], texts[i]}
		}
		if purchase.Unix() > 0 {
			p.Value.LastPurchase = &purchase
		}
		states = append(states, p)
		return nil
	}, clickhouse.Named("people", ids))
	if err != nil {
		return nil, err
	}
	people := make(map[string]*Profile, len(states))
	for i := range states {
		if err := r.name(ctx, &states[i]); err != nil {
			return nil, err
		}
		people[states[i].PersonID] = &states[i].Profile
	}
	return people, nil
}

// name gives the features their names.
func (r *Reader) name(ctx context.Context, s *State) error {
	names, err := r.featureNames(ctx, s.Definitions)
	if err != nil {
		return err
	}
	s.Features = make(map[string]float64, len(names))
	for i, v := range s.Values {
		if i < len(names) && !math.IsNaN(v) {
			s.Features[names[i]] = v
		}
	}
	s.Value.Orders = uint64(s.Features["purchases_total"])
	return nil
}

// featureNames are those of a version of the definitions, which never change.
func (r *Reader) featureNames(ctx context.Context, version uint32) (names []string, err error) {
	r.mu.Lock()
	names, known := r.names[version]
	r.mu.Unlock()
	if known {
		return names, nil
	}
	if err := r.each(ctx, namesSQL, func(rows driver.Rows) error { return rows.Scan(&names) }, clickhouse.Named("version", version)); err != nil {
		return nil, fmt.Errorf("names of the features of definitions %d: %w", version, err)
	}
	r.mu.Lock()
	r.names[version] = names
	r.mu.Unlock()
	return names, nil
}

func (r *Reader) each(ctx context.Context, sql string, row func(driver.Rows) error, args ...any) error {
	rows, err := r.db.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
