package quarantine

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// What is kept of a record and of a request. What is left out is said in the rows.
const (
	MaxPayload  = 64 << 10 // bytes of a record; longer ones are cut
	MaxEnvelope = 64 << 10 // bytes of what a batch says for all of its records; a longer one is left out
	MaxRecords  = 1000     // of a request in full; those past it are counted by code and field
	MaxBytes    = 8 << 20  // of the payloads and envelopes of a request, the same
)

// Request is what the rejected records of one request share.
type Request struct {
	At        time.Time // of its arrival
	Source    string
	Route     string // such as /v1/events
	Envelope  []byte // what the batch says for all of its records, as JSON, or nil
	IP        string
	UserAgent string
	// Redact returns a text without secrets. It may be given a part of a record and may return what it was given. Nil changes nothing.
	Redact func([]byte) []byte
}

// Record is one rejected record. Payload is read before Keep returns and not kept.
type Record struct {
	Index     int
	Code      string
	Field     string
	Reason    string
	MessageID string
	IDs       []string // whose record it may be
	Payload   []byte
}

// Columns are those of the table, in the order of the rows' members.
const Columns = "id, at, source, route, request, record_index, records, code, field, reason, message_id, ids, payload, payload_bytes, payload_cut, envelope, ip, user_agent"

// reasonCount is what records past the kept ones are counted by. Past maxReasons of them the field is left out.
type reasonCount struct{ code, field string }

const maxReasons = 100

// appendRows appends the rows of a request as NDJSON: one per record, then one per reason of those that are too many to be kept.
func appendRows(dst []byte, req *Request, records []Record) (_ []byte, kept, counted int) {
	w := rowWriter{dst: dst, request: uuid.Must(uuid.NewV7()), req: req}
	envelope := req.Envelope
	envelopeCut := len(envelope) > MaxEnvelope
	if envelopeCut {
		envelope = nil
	} else if len(envelope) > 0 {
		envelope = w.redacted(envelope)
	}
	past := map[reasonCount]int{}
	var order []reasonCount
	bytes := 0
	for i := range records {
		r := &records[i]
		size := min(len(r.Payload), MaxPayload) + len(envelope)
		if kept >= MaxRecords || kept > 0 && bytes+size > MaxBytes {
			counted++
			reason := reasonCount{r.Code, r.Field}
			if past[reason] == 0 && len(order) >= maxReasons {
				reason.field = ""
			}
			if past[reason]++; past[reason] == 1 {
				order = append(order, reason)
			}
			continue
		}
		kept++
		bytes += size
		payload, cut := w.cut(r.Payload)
		w.row(r, 1, payload, len(r.Payload), cut || envelopeCut, envelope)
	}
	for _, reason := range order {
		n := past[reason]
		w.row(&Record{Index: kept, Code: reason.code, Field: reason.field,
			Reason: fmt.Sprintf("%d more records of the request were rejected for this; only its first %d are kept", n, kept)}, n, nil, 0, true, nil)
	}
	return w.dst, kept, counted
}

// rowWriter appends rows of one request.
type rowWriter struct {
	dst     []byte
	request uuid.UUID
	req     *Request
}

func (w *rowWriter) redacted(text []byte) []byte {
	if w.req.Redact == nil {
		return text
	}
	return w.req.Redact(text)
}

// cut returns what is kept of a payload. A secret that the limit cuts in two is still seen whole by Redact.
func (w *rowWriter) cut(payload []byte) (kept []byte, cut bool) {
	const slack = 4 << 10
	cut = len(payload) > MaxPayload
	kept = w.redacted(payload[:min(len(payload), MaxPayload+slack)])
	return kept[:min(len(kept), MaxPayload)], cut || len(kept) > MaxPayload
}

func (w *rowWriter) row(r *Record, records int, payload []byte, size int, cut bool, envelope []byte) {
	b := append(w.dst, `{"id":"`...)
	b = append(b, uuid.Must(uuid.NewV7()).String()...)
	b = append(b, `","at":"`...)
	b = w.req.At.UTC().AppendFormat(b, "2006-01-02 15:04:05.000")
	b = appendString(append(b, `","source":`...), w.req.Source)
	b = appendString(append(b, `,"route":`...), w.req.Route)
	b = appendString(append(b, `,"request":`...), w.request.String())
	b = strconv.AppendInt(append(b, `,"record_index":`...), int64(r.Index), 10)
	b = strconv.AppendInt(append(b, `,"records":`...), int64(records), 10)
	b = appendString(append(b, `,"code":`...), r.Code)
	b = appendString(append(b, `,"field":`...), r.Field)
	b = appendString(append(b, `,"reason":`...), r.Reason)
	b = appendString(append(b, `,"message_id":`...), r.MessageID)
	b = append(b, `,"ids":[`...)
	for i, id := range r.IDs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, id)
	}
	b = appendString(append(b, `],"payload":`...), payload)
	b = strconv.AppendInt(append(b, `,"payload_bytes":`...), int64(size), 10)
	b = strconv.AppendBool(append(b, `,"payload_cut":`...), cut)
	b = appendString(append(b, `,"envelope":`...), envelope)
	b = appendString(append(b, `,"ip":`...), w.req.IP)
	b = appendString(append(b, `,"user_agent":`...), w.req.UserAgent)
	w.dst = append(b, "}\n"...)
}

// appendString appends text as a JSON string for ClickHouse, which takes bytes that are no UTF-8 as they are: a rejected record
// is kept as it came.
func appendString[T string | []byte](dst []byte, text T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
