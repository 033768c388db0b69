package profile

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

var (
	//go:embed sql/whose.sql
	whoseSQL string
	//go:embed sql/states.sql
	statesSQL string
	//go:embed sql/recent.sql
	recentSQL string
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

// Reader reads profiles. Safe for concurrent use; many at a time share their statements.
type Reader struct {
	db     DB
	gather gather[Profile]

	mu    sync.Mutex
	names map[uint32][]string // of the features, by version of the definitions
}

// NewReader reads from db.
func NewReader(db DB) *Reader {
	r := &Reader{db: db, names: map[uint32][]string{}}
	r.gather = gather[Profile]{most: together, find: r.find}
	return r
}

// Get returns the person who has the id, any id of theirs. ErrUnknown when there is none.
func (r *Reader) Get(ctx context.Context, id string) (Profile, error) {
	return r.gather.get(ctx, id)
}

// find answers for each of the ids. A failed statement is an error for all of them.
func (r *Reader) find(ids []string) []found[Profile] {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all := make([]found[Profile], len(ids))
	byPerson, whose, err := r.look(ctx, ids)
	for i, id := range ids {
		p, known := byPerson[whose[id]]
		switch {
		case err != nil:
			all[i].err = err
		case !known:
			all[i].err = ErrUnknown
		default:
			all[i].value = *p
		}
	}
	return all
}

func (r *Reader) look(ctx context.Context, ids []string) (map[string]*Profile, map[string]string, error) {
	whose := make(map[string]string, len(ids))
	for _, id := range ids {
		whose[id] = id
	}
	if err := r.each(ctx, whoseSQL, func(rows driver.Rows) error {
		var id, person string
		if err := rows.Scan(&id, &person); err != nil {
			return err
		}
		whose[id] = person
		return nil
	}, clickhouse.Named("ids", slices.Collect(maps.Keys(whose)))); err != nil {
		return nil, whose, fmt.Errorf("look up whose ids are: %w", err)
	}
	people, err := r.states(ctx, slices.Compact(slices.Sorted(maps.Values(whose))))
	if err != nil {
		return nil, whose, fmt.Errorf("look up states: %w", err)
	}
	if err := r.recent(ctx, people); err != nil {
		return nil, whose, fmt.Errorf("look up last events: %w", err)
	}
	return people, whose, nil
}

func (r *Reader) states(ctx context.Context, ids []string) (map[string]*Profile, error) {
	people := make(map[string]*Profile, len(ids))
	values := make(map[*Profile][]float64, len(ids))
	err := r.each(ctx, statesSQL, func(rows driver.Rows) error {
		var p Profile
		var names, texts []string
		var points, features []float64
		var purchase time.Time
		if err := rows.Scan(&p.PersonID, &p.DistinctIDs, &p.Tier, &p.MicroSegment, &p.Lifecycle, &p.CriteriaMet, &p.Score, &names, &points, &texts,
			&p.ActionRequired, &p.Since, &p.EvaluatedAt, &p.Definitions, &features, &p.Value.Revenue365, &p.Value.Revenue, &p.FirstSeen, &p.LastSeen, &purchase); err != nil {
			return err
		}
		p.Reasons = make([]Reason, len(names))
		for i := range names {
			p.Reasons[i] = Reason{names[i], points[i], texts[i]}
		}
		if purchase.Unix() > 0 {
			p.Value.LastPurchase = &purchase
		}
		people[p.PersonID] = &p
		values[&p] = features
		return nil
	}, clickhouse.Named("people", ids))
	if err != nil {
		return nil, err
	}
	for _, p := range people {
		names, err := r.featureNames(ctx, p.Definitions)
		if err != nil {
			return nil, err
		}
		p.Features = make(map[string]float64, len(names))
		for i, v := range values[p] {
			if i < len(names) && !math.IsNaN(v) {
				p.Features[names[i]] = v
			}
		}
		p.Value.Orders = uint64(p.Features["purchases_total"])
	}
	return people, nil
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

// recent fills in last events, best channel and best hour.
func (r *Reader) recent(ctx context.Context, people map[string]*Profile) error {
	if len(people) == 0 {
		return nil
	}
	owner := map[string]*Profile{}
	from := time.Now()
	for _, p := range people {
		p.LastEvents = []Event{}
		for _, id := range append([]string{p.PersonID}, p.DistinctIDs...) {
			owner[id] = p
		}
		if begin := p.LastSeen.AddDate(0, 0, -recentDays); begin.Before(from) {
			from = begin
		}
	}
	channels, hours := map[*Profile]map[string]uint64{}, map[*Profile]map[uint8]uint64{}
	if err := r.each(ctx, recentSQL, func(rows driver.Rows) error {
		var id string
		var newest [][]any
		var onChannel map[string]uint64
		var inHour map[uint8]uint64
		if err := rows.Scan(&id, &newest, &onChannel, &inHour); err != nil {
			return err
		}
		p := owner[id]
		for _, e := range newest {
			p.LastEvents = append(p.LastEvents, eventOf(e))
		}
		add(channels, p, onChannel)
		add(hours, p, inHour)
		return nil
	}, clickhouse.Named("ids", slices.Collect(maps.Keys(owner))), clickhouse.Named("from", from.UTC().Format("2006-01-02 15:04:05.000")), clickhouse.Named("events", uint8(lastEvents))); err != nil {
		return err
	}
	for _, p := range people {
		slices.SortFunc(p.LastEvents, func(a, b Event) int {
			return cmp.Or(b.At.Compare(a.At), bytes.Compare(a.EventID[:], b.EventID[:]))
		})
		// One that was delivered twice, long after, is there twice until its parts merge.
		p.LastEvents = slices.CompactFunc(p.LastEvents, func(a, b Event) bool { return a.EventID == b.EventID })
		p.LastEvents = p.LastEvents[:min(len(p.LastEvents), lastEvents)]
		for _, n := range channels[p] {
			p.Best.Actions += n
		}
		if p.Best.Actions >= fewest {
			p.Best.Channel = most(channels[p])
			hour := most(hours[p])
			p.Best.Hour = &hour
		}
	}
	return nil
}

func add[K comparable](sums map[*Profile]map[K]uint64, p *Profile, more map[K]uint64) {
	if sums[p] == nil {
		sums[p] = map[K]uint64{}
	}
	for k, n := range more {
		sums[p][k] += n
	}
}

// most is the key with the greatest number; of equal ones the least key.
func most[K cmp.Ordered](counts map[K]uint64) (best K) {
	var n uint64
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		if counts[k] > n {
			best, n = k, counts[k]
		}
	}
	return best
}

// eventOf reads a tuple of recent.sql. Its fields have the types that statement gives them.
func eventOf(t []any) (e Event) {
	at, _ := t[0].(int64)
	e.At = time.UnixMilli(-at).UTC()
	e.EventID, _ = t[1].(uuid.UUID)
	for i, into := range []*string{&e.Kind, &e.Name, &e.Channel, &e.Path, &e.ContentID} {
		*into, _ = t[2+i].(string)
	}
	e.Value, _ = t[7].(decimal.Decimal)
	e.Currency, _ = t[8].(string)
	e.Machine, _ = t[9].(string)
	return e
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
