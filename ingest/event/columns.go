// Package event holds a block of engagement events column by column, in the form in which ClickHouse takes it.
//
// Columns is filled row by row by a decoder, merged and filtered by the spool, and written as one block of ClickHouse's
// Native format. It is our own rather than ch-go's proto columns for two reasons that were measured on the ingest path:
// LowCardinality columns keep their dictionary between blocks, so that a value seen before costs a map look-up and no
// allocation, and strings lie in memory exactly as they go over the wire, so that merging two blocks is a copy.
package event

import (
	"github.com/google/uuid"
)

// Columns is a block of events, one slice per column of the table `events`, all of the same length.
// The zero value is not usable: call New. Not safe for concurrent use.
type Columns struct {
	rows int

	eventID    []uuid.UUID
	messageID  stringColumn
	typ        dictColumn
	kind       dictColumn
	name       dictColumn
	ts         []int64 // milliseconds since 1970, UTC
	receivedAt []int64
	source     dictColumn
	channel    dictColumn

	distinctID  stringColumn
	anonymousID stringColumn
	userID      stringColumn
	previousID  stringColumn
	accountID   stringColumn
	sessionID   stringColumn

	url         stringColumn
	path        stringColumn
	referrer    stringColumn
	utmSource   dictColumn
	utmMedium   dictColumn
	utmCampaign dictColumn
	utmTerm     dictColumn
	utmContent  dictColumn

	contentID stringColumn
	orderID   stringColumn
	value     []int64 // Decimal(18, 4): ten-thousandths of a unit
	currency  dictColumn
	score     nullableColumn
	text      stringColumn
	sentiment nullableColumn

	userAgent dictColumn
	ip        stringColumn
	country   dictColumn
	locale    dictColumn
	machine   dictColumn

	properties mapColumn

	fields []field // the columns above in the order of a block, for everything that treats them alike
}

// field is one column under its name and ClickHouse type.
type field struct {
	name, typ string
	column
}

// column is what merging and encoding ask of every kind of column.
type column interface {
	// appendRange appends rows [from, to) of src, which is the same column of another block.
	appendRange(src column, from, to int)
	// encode appends the column's state prefix and data in Native format, revision 0.
	encode(dst []byte) []byte
	// decode appends rows that encode wrote; where they are none, r has failed.
	decode(r *blockReader, rows int)
	// truncate leaves the first rows; after a failed decode some columns have more of them than others.
	truncate(rows int)
	// size is the number of bytes encode appends, roughly.
	size() int
	reset()
}

// New returns an empty block.
func New() *Columns {
	c := new(Columns)
	text, dict := "String", "LowCardinality(String)"
	c.fields = []field{
		// These three first, in this order: ReadHead reads them without decoding the rest.
		{"event_id", "UUID", (*uuidColumn)(&c.eventID)},
		{"ts", "DateTime64(3, 'UTC')", (*int64Column)(&c.ts)},
		{"received_at", "DateTime64(3, 'UTC')", (*int64Column)(&c.receivedAt)},
		{"message_id", text, &c.messageID},
		{"type", dict, &c.typ},
		{"kind", dict, &c.kind},
		{"name", dict, &c.name},
		{"source", dict, &c.source},
		{"channel", dict, &c.channel},
		{"distinct_id", text, &c.distinctID},
		{"anonymous_id", text, &c.anonymousID},
		{"user_id", text, &c.userID},
		{"previous_id", text, &c.previousID},
		{"account_id", text, &c.accountID},
		{"session_id", text, &c.sessionID},
		{"url", text, &c.url},
		{"path", text, &c.path},
		{"referrer", text, &c.referrer},
		{"utm_source", dict, &c.utmSource},
		{"utm_medium", dict, &c.utmMedium},
		{"utm_campaign", dict, &c.utmCampaign},
		{"utm_term", dict, &c.utmTerm},
		{"utm_content", dict, &c.utmContent},
		{"content_id", text, &c.contentID},
		{"order_id", text, &c.orderID},
		{"value", "Decimal(18, 4)", (*int64Column)(&c.value)},
		{"currency", dict, &c.currency},
		{"score", "Nullable(Float32)", &c.score},
		{"text", text, &c.text},
		{"sentiment", "Nullable(Float32)", &c.sentiment},
		{"user_agent", dict, &c.userAgent},
		{"ip", text, &c.ip},
		{"country", dict, &c.country},
		{"locale", dict, &c.locale},
		{"machine", dict, &c.machine},
		{"properties", "Map(LowCardinality(String), String)", &c.properties},
	}
	return c
}

// Append adds one event. Nothing of row is kept: its strings may point into a buffer that is used again.
func (c *Columns) Append(row *Row) {
	c.rows++
	c.eventID = append(c.eventID, row.EventID)
	c.messageID.append(row.MessageID)
	c.typ.append(row.Type)
	c.kind.append(row.Kind)
	c.name.append(row.Name)
	c.ts = append(c.ts, row.Time)
	c.receivedAt = append(c.receivedAt, row.ReceivedAt)
	c.source.append(row.Source)
	c.channel.append(row.Channel)
	c.distinctID.append(row.DistinctID())
	c.anonymousID.append(row.AnonymousID)
	c.userID.append(row.UserID)
	c.previousID.append(row.PreviousID)
	c.accountID.append(row.AccountID)
	c.sessionID.append(row.SessionID)
	c.url.append(row.URL)
	c.path.append(row.Path)
	c.referrer.append(row.Referrer)
	c.utmSource.append(row.UTMSource)
	c.utmMedium.append(row.UTMMedium)
	c.utmCampaign.append(row.UTMCampaign)
	c.utmTerm.append(row.UTMTerm)
	c.utmContent.append(row.UTMContent)
	c.contentID.append(row.ContentID)
	c.orderID.append(row.OrderID)
	c.value = append(c.value, row.Value)
	c.currency.append(row.Currency)
	c.score.append(row.Score)
	c.text.append(row.Text)
	c.sentiment.append(row.Sentiment)
	c.userAgent.append(row.UserAgent)
	c.ip.append(row.IP)
	c.country.append(row.Country)
	c.locale.append(row.Locale)
	c.machine.append(row.Machine)
	c.properties.append(row.Properties)
}

// Rows is the number of events in the block.
func (c *Columns) Rows() int { return c.rows }

// EventIDs are the ids of the events in order. The slice is the block's own: read only, valid until the next change.
func (c *Columns) EventIDs() []uuid.UUID { return c.eventID }

// Size is roughly how many bytes EncodeBlock appends.
func (c *Columns) Size() int {
	n := 0
	for i := range c.fields {
		f := &c.fields[i]
		n += len(f.name) + len(f.typ) + f.size()
	}
	return n
}

// AppendAll adds every event of src.
func (c *Columns) AppendAll(src *Columns) { c.appendRange(src, 0, src.rows) }

// AppendWhere adds the events of src for which keep is true; len(keep) is src.Rows().
func (c *Columns) AppendWhere(src *Columns, keep []bool) {
	for from := 0; from < len(keep); {
		if !keep[from] {
			from++
			continue
		}
		to := from + 1
		for to < len(keep) && keep[to] {
			to++
		}
		c.appendRange(src, from, to)
		from = to
	}
}

func (c *Columns) appendRange(src *Columns, from, to int) {
	if from == to {
		return
	}
	for i := range c.fields {
		c.fields[i].appendRange(src.fields[i].column, from, to)
	}
	c.rows += to - from
}

// Reset empties the block and keeps its memory and dictionaries.
func (c *Columns) Reset() {
	for i := range c.fields {
		c.fields[i].reset()
	}
	c.rows = 0
}
