package files

// batch is what one request carries, and the rows it was made of.
type batch struct {
	body []byte // messages, one a line
	ends []int  // of each message in body
	row  []int  // which of rows each message was made of
	rows []batchRow
	raw  []byte // text of the rows
}

// batchRow is a row as the rejects file has it.
type batchRow struct {
	line   int64
	rawEnd int
}

func (b *batch) reset() {
	b.body, b.ends, b.row, b.rows, b.raw = b.body[:0], b.ends[:0], b.row[:0], b.rows[:0], b.raw[:0]
}

// add takes in the next row of a file; its messages may be none.
func (b *batch) add(c *converter) (*Rejected, error) {
	body, rejected, err := c.next(b.body, func(end int) {
		b.ends = append(b.ends, end)
		b.row = append(b.row, len(b.rows))
	})
	if len(body) > len(b.body) {
		b.raw = append(b.raw, c.row.raw...)
		b.rows = append(b.rows, batchRow{c.row.line, len(b.raw)})
	}
	b.body = body
	return rejected, err
}

// messages is the text of messages [from, to).
func (b *batch) messages(from, to int) []byte {
	start := 0
	if from > 0 {
		start = b.ends[from-1]
	}
	return b.body[start:b.ends[to-1]]
}

// rejected is the row that a message was made of, with why the service does not take it.
func (b *batch) rejected(message int, field, reason string) *Rejected {
	i := b.row[message]
	start := 0
	if i > 0 {
		start = b.rows[i-1].rawEnd
	}
	return &Rejected{b.rows[i].line, field, reason, string(b.raw[start:b.rows[i].rawEnd])}
}
