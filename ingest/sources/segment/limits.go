package segment

import "time"

// Limits bound what one record may be. A record past a limit is rejected with the field and the limit named; it never
// stops the others of its body. Zero fields take the default.
type Limits struct {
	Records    int           // in one body; more is a *TooManyRecordsError (20,000)
	Event      int           // bytes of one record's JSON (256 KiB)
	Depth      int           // objects and arrays within one another, the record itself included (32)
	Properties int           // entries of the map column, after nested keys were joined (1,000)
	Key        int           // bytes of one joined key (512)
	Value      int           // bytes of one property or text (64 KiB)
	ID         int           // bytes of an id (512)
	Name       int           // bytes of an event's or page's name (512)
	URL        int           // bytes of url, path and referrer (8 KiB)
	Ahead      time.Duration // how far after its arrival an event may have happened (24 h)
}

// DefaultLimits are the limits of a service that was told nothing else.
var DefaultLimits = Limits{
	Records:    20_000,
	Event:      256 << 10,
	Depth:      32,
	Properties: 1000,
	Key:        512,
	Value:      64 << 10,
	ID:         512,
	Name:       512,
	URL:        8 << 10,
	Ahead:      24 * time.Hour,
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	for _, f := range []struct{ limit, fallback *int }{
		{&l.Records, &d.Records}, {&l.Event, &d.Event}, {&l.Depth, &d.Depth}, {&l.Properties, &d.Properties}, {&l.Key, &d.Key},
		{&l.Value, &d.Value}, {&l.ID, &d.ID}, {&l.Name, &d.Name}, {&l.URL, &d.URL},
	} {
		if *f.limit <= 0 {
			*f.limit = *f.fallback
		}
	}
	if l.Ahead <= 0 {
		l.Ahead = d.Ahead
	}
	return l
}
