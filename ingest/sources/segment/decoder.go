// Package segment decodes messages of Segment's HTTP Tracking API (track, identify, page, screen, group, alias), alone or
// many in one body, into event.Columns. docs/messages.md is its contract with senders: what is required, what moves into
// which column, what is refused and why.
//
// A body is read once into a flat list of nodes, each record goes from there through one event.Row into the columns, and
// both are used again for the next: a record costs no allocation of its own.
package segment

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/sources/internal/jsontape"
)

// Shape is how the records of a body are put together.
type Shape uint8

const (
	// Auto is a message, an array of messages, an object with a batch, or NDJSON, whichever the body turns out to be. A body is
	// NDJSON when an object without a batch is followed by another one on a later line.
	Auto Shape = iota
	// Single is one message.
	Single
	// Batch is {"batch": [messages], "sentAt": ..., "context": {...}}, or an array of messages.
	Batch
	// NDJSON is a message per line. A line that is no JSON is a reject and the rest goes on.
	NDJSON
)

// Meta is what is known about a body's records besides what they say.
type Meta struct {
	Source     string    // whose write key it came with
	Channel    string    // the source's own channel, or ""
	Type       string    // of all messages, where the route says it, or ""
	ReceivedAt time.Time // when the request came in
	IP         string    // of the connection
	UserAgent  string    // of the request
}

// Options configure a Decoder. The zero value takes the defaults.
type Options struct {
	Limits   Limits
	Mapping  *Mapping // nil: NewMapping(nil)
	Currency string   // of amounts that come without one; "" leaves them without
	Judge    Judge    // nil: every event is a human's
	Erased   Erased   // nil: nobody is
}

// Erased says which of some ids belongs to a person who was erased: its place, or -1.
type Erased interface{ Erased(ids ...string) int }

// Judge says why no human made an event ("bot_user_agent"), or "". It keeps nothing of the row and is called once for every
// event that is appended, in order within a body, from several goroutines at once.
type Judge interface {
	Machine(row *event.Row) (reason string)
}

// Decoder decodes bodies. Safe for concurrent use.
type Decoder struct {
	limits   Limits
	mapping  *Mapping
	currency string
	judge    Judge
	erased   Erased
	states   sync.Pool
}

// NewDecoder returns a decoder.
func NewDecoder(o Options) *Decoder {
	d := &Decoder{limits: o.Limits.withDefaults(), mapping: o.Mapping, currency: o.Currency, judge: o.Judge, erased: o.Erased}
	if d.mapping == nil {
		d.mapping, _ = NewMapping(nil) // the defaults are tested to be valid
	}
	d.states.New = func() any {
		s := &state{limits: &d.limits, mapping: d.mapping, currency: d.currency, judge: d.judge, erased: d.erased}
		s.tape.MaxElements = d.limits.Records
		s.tape.Open = opens
		return s
	}
	return d
}

// Limits are the limits in force.
func (d *Decoder) Limits() Limits { return d.limits }

// opens says which arrays hold records: the body itself, and batch.
func opens(depth int, key []byte) bool {
	return depth == 0 || depth == 1 && string(key) == "batch"
}

// Decode appends the events of a body to the columns, in order, and returns the records that are none. Nothing is appended
// when err is not nil: a *SyntaxError for a body that is no JSON, a *TooManyRecordsError. The number of records is the number
// of events appended and rejects together. body is not changed and not kept.
func (d *Decoder) Decode(body []byte, shape Shape, meta Meta, into *event.Columns) (rejects []Reject, err error) {
	s := d.states.Get().(*state)
	defer func() {
		s.batch, s.row = batch{}, event.Row{Properties: s.row.Properties[:0]}
		s.tape.Shrink(maxPooledNodes)
		s.arrays.Shrink(maxPooledNodes)
		clear(s.members[:cap(s.members)])
		if cap(s.scratch) > maxPooledText {
			s.scratch = nil
		}
		if cap(s.hash) > maxPooledText {
			s.hash = nil
		}
		d.states.Put(s)
	}()
	s.valid = utf8.Valid(body)
	if shape == NDJSON {
		return s.lines(body, &meta, into)
	}
	return s.document(body, shape, &meta, into)
}

// What a pooled state may keep: enough for a usual batch of thousands of events.
const (
	maxPooledNodes = 1 << 17
	maxPooledText  = 1 << 20
)

// document decodes a body that is one JSON value, or NDJSON after all if the shape is Auto.
func (s *state) document(body []byte, shape Shape, meta *Meta, into *event.Columns) ([]Reject, error) {
	s.tape.Reset(body)
	root, end, err := s.tape.Value(0, len(body))
	if err != nil {
		return nil, asBodyError(err)
	}
	object := s.node(int32(root)).Kind == jsontape.Object
	list, err := s.findBatch(int32(root), shape)
	if err != nil {
		return nil, err
	}
	if rest := s.tape.SkipSpace(end); rest < len(body) {
		if shape == Auto && object && list == 0 && body[rest] == '{' && bytes.IndexByte(body[end:rest], '\n') >= 0 {
			return s.lines(body, meta, into)
		}
		return nil, &SyntaxError{Offset: rest, Reason: "the value ended, but more text follows"}
	}
	var rejects []Reject
	switch {
	case shape == Single || object && list == 0:
		if shape == Batch {
			return []Reject{{Code: CodeMissing, Field: "batch", Reason: "is missing; send {\"batch\": [messages]}", To: len(body)}}, nil
		}
		s.decode(int32(root), 0, meta, into, &rejects)
	case object && s.node(list).Kind != jsontape.Array:
		s.failType("batch", s.node(list), "an array of messages")
		return []Reject{s.reject(0, 0, len(body))}, nil
	default:
		if list == 0 {
			list = int32(root)
		}
		if s.node(list).Kind != jsontape.Array {
			s.failType("", s.node(list), "an object or an array of messages")
			return []Reject{s.reject(0, 0, len(body))}, nil
		}
		index := 0
		for c := list + 1; c < s.node(list).Next; c = s.node(c).Next {
			s.decode(c, index, meta, into, &rejects)
			index++
		}
	}
	return rejects, nil
}

// findBatch finds what a body's object says for its messages: the list itself (0: it has none, so it is a message), sentAt
// and context.
func (s *state) findBatch(root int32, shape Shape) (list int32, err error) {
	s.batch = batch{}
	if shape == Single || s.node(root).Kind != jsontape.Object {
		return 0, nil
	}
	var found batch
	for c := root + 1; c < s.node(root).Next; c = s.node(c).Next {
		at := c
		if s.node(c).Kind == jsontape.Null {
			at = 0
		}
		switch view(s.tape.Raw(s.node(c).Key)) { // as opens compares it
		case "batch":
			if list != 0 {
				return 0, &SyntaxError{Offset: int(s.node(c).Key.From), Reason: "batch comes twice"}
			}
			list = c // null too: it is no message
		case "sentAt":
			found.sentAt = at
		case "context":
			found.context = at
		}
	}
	if list != 0 {
		s.batch = found
	}
	return list, nil
}

// lines decodes NDJSON.
func (s *state) lines(body []byte, meta *Meta, into *event.Columns) ([]Reject, error) {
	s.batch = batch{}
	if records := countLines(body); records > s.limits.Records {
		return nil, &TooManyRecordsError{s.limits.Records}
	}
	var rejects []Reject
	index, line := 0, 0
	for from := 0; from < len(body); {
		to := len(body)
		if n := bytes.IndexByte(body[from:], '\n'); n >= 0 {
			to = from + n
		}
		line++
		s.tape.Reset(body)
		if at := s.tape.SkipSpace(from); at < to {
			root, end, err := s.tape.Value(at, to)
			if err == nil {
				if end = s.tape.SkipSpace(end); end < to {
					err = &jsontape.SyntaxError{Offset: end, Reason: "the value ended, but more text follows"}
				}
			}
			var syntax *jsontape.SyntaxError
			rejected := len(rejects)
			switch {
			case errors.As(err, &syntax):
				rejects = append(rejects, Reject{Index: index, Code: CodeSyntax, Reason: "malformed JSON: " + syntax.Reason, Offset: syntax.Offset})
			case err != nil:
				rejects = append(rejects, Reject{Index: index, Code: CodeType, Reason: "a line must be one message: " + err.Error()})
			default:
				s.decode(int32(root), index, meta, into, &rejects)
			}
			if len(rejects) > rejected {
				rejects[rejected].Line = line
				rejects[rejected].From, rejects[rejected].To = at, at+len(bytes.TrimRight(body[at:to], " \t\r"))
			}
			index++
		}
		from = to + 1
	}
	return rejects, nil
}

// countLines counts the lines of a body that are not blank.
func countLines(body []byte) (n int) {
	blank := true
	for _, c := range body {
		switch c {
		case '\n':
			if !blank {
				n++
			}
			blank = true
		case ' ', '\t', '\r':
		default:
			blank = false
		}
	}
	if !blank {
		n++
	}
	return n
}

// decode reads one record into the columns or the rejects.
func (s *state) decode(at int32, index int, meta *Meta, into *event.Columns, rejects *[]Reject) {
	if s.record(at, meta) {
		if s.judge != nil {
			s.row.Machine = s.judge.Machine(&s.row)
		}
		into.Append(&s.row)
		return
	}
	span := s.node(at).Text
	if s.node(at).Kind == jsontape.String { // its quotes are a part of the record
		span.From, span.To = span.From-1, span.To+1
	}
	r := s.reject(index, int(span.From), int(span.To))
	r.MessageID, r.IDs = s.stated(at)
	*rejects = append(*rejects, r)
}

func (s *state) reject(index, from, to int) Reject {
	return Reject{Index: index, Code: s.fault.code, Field: s.fault.field, Reason: s.fault.reason, From: from, To: to}
}

// stated is what a rejected record can be found by: for its sender its messageId, for the people it may be about their ids.
func (s *state) stated(at int32) (messageID string, ids []string) {
	if s.node(at).Kind != jsontape.Object {
		return "", nil
	}
	for c := at + 1; c < s.node(at).Next; c = s.node(c).Next {
		node := s.node(c)
		switch key := s.key(c); {
		case key == "messageId" && node.Kind == jsontape.String:
			messageID = clip(string(s.tape.Raw(node.Text)))
		case key != "userId" && key != "anonymousId" && key != "previousId" || node.Text.Len() == 0:
		case node.Kind == jsontape.String && node.Text.Len() <= 6*s.limits.ID: // six bytes are the longest escape
			ids = append(ids, strings.Clone(s.text(node)))
		case node.Kind == jsontape.Number && node.Text.Len() <= s.limits.ID:
			ids = append(ids, string(s.tape.Raw(node.Text)))
		}
	}
	return messageID, ids
}

// asBodyError turns the parser's error into this package's.
func asBodyError(err error) error {
	var syntax *jsontape.SyntaxError
	if errors.As(err, &syntax) {
		return &SyntaxError{Offset: syntax.Offset, Reason: syntax.Reason}
	}
	var many *jsontape.TooManyError
	if errors.As(err, &many) {
		return &TooManyRecordsError{Limit: many.Limit}
	}
	return err
}
