package event

import "github.com/google/uuid"

// Brief is what is told of an event: its kind, and what of. The strings and slices are the block's own: read only, valid until its next change.
type Brief struct {
	EventID         uuid.UUID
	Time            int64 // milliseconds since 1970, UTC
	DistinctID      []byte
	Kind, Name      string
	Channel         string
	Path, ContentID []byte
	Value           int64 // ten-thousandths of a unit of Currency
	Currency        string
	Machine         string
}

// Brief reads one event of the block into b.
func (c *Columns) Brief(row int, b *Brief) {
	b.EventID = c.eventID[row]
	b.Time = c.ts[row]
	b.DistinctID = c.distinctID.bytes(row)
	b.Kind, b.Name, b.Channel = c.kind.text(row), c.name.text(row), c.channel.text(row)
	b.Path, b.ContentID = c.path.bytes(row), c.contentID.bytes(row)
	b.Value = c.value[row]
	b.Currency, b.Machine = c.currency.text(row), c.machine.text(row)
}

func (d *dictColumn) text(row int) string { return d.values[d.rows[row]] }

func (s *stringColumn) bytes(row int) []byte {
	r := blockReader{rest: s.buf[s.start(row):s.ends[row]]}
	return r.bytes(r.uvarint())
}
