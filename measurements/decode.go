package measurements

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Limits of a body. A record of more bytes is rejected, a body of more records refused.
const (
	MaxRecords  = 10_000
	maxRecord   = 8 << 10
	maxCampaign = 256 // bytes
	maxAhead    = 48 * time.Hour
)

// Reject is a record that is not taken. It marshals as answers show it.
type Reject struct {
	Index  int    `json:"index"`           // of the record in the body
	Field  string `json:"field,omitempty"` // of the record
	Reason string `json:"reason"`          // what is wrong, and the way out
}

// BodyError says what is wrong with a body as a whole.
type BodyError struct {
	Reason  string
	TooMany bool // too many records, rather than no JSON
}

func (e *BodyError) Error() string { return e.Reason }

// Decode reads a body: one record, an array of them, {"measurements":[...]}, or one a line (NDJSON). now is the time of receipt, which
// no measurement may be long after. Of records with the same identity the last stays; replaced counts the others. The error is a *BodyError.
func Decode(body []byte, now time.Time) (kept []Measurement, replaced int, rejects []Reject, err error) {
	records, err := split(body)
	if err != nil {
		return nil, 0, nil, err
	}
	at := map[[4]string]int{}
	for i, record := range records {
		m, reject := decode(record, now)
		if reject != nil {
			reject.Index = i
			rejects = append(rejects, *reject)
			continue
		}
		if j, again := at[m.same()]; again {
			kept[j] = m
			replaced++
			continue
		}
		at[m.same()] = len(kept)
		kept = append(kept, m)
	}
	return kept, replaced, rejects, nil
}

// split finds the records of a body, each still text.
func split(body []byte) ([]json.RawMessage, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if len(body) == 0 {
		return nil, &BodyError{Reason: "the body is empty"}
	}
	in := json.NewDecoder(bytes.NewReader(body))
	var all []json.RawMessage
	for {
		var one json.RawMessage
		if err := in.Decode(&one); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, &BodyError{Reason: fmt.Sprintf("record %d is no JSON: %v", len(all), err)}
		}
		switch inside, err := unwrap(one); {
		case err != nil:
			return nil, err
		case inside != nil:
			all = append(all, inside...)
		default:
			all = append(all, one)
		}
		if len(all) > MaxRecords {
			return nil, &BodyError{Reason: fmt.Sprintf("a body may have %d measurements", MaxRecords), TooMany: true}
		}
	}
	return all, nil
}

// unwrap returns the records of an array or of {"measurements":[...]}; nil for anything else.
func unwrap(one json.RawMessage) ([]json.RawMessage, error) {
	list := one
	if one[0] == '{' {
		var keys map[string]json.RawMessage
		if err := json.Unmarshal(one, &keys); err != nil {
			return nil, &BodyError{Reason: err.Error()}
		}
		inner, wrapped := keys["measurements"]
		if !wrapped {
			return nil, nil
		}
		if len(keys) > 1 {
			return nil, &BodyError{Reason: `beside "measurements" there may be nothing: each record says its own fields`}
		}
		if list = bytes.TrimSpace(inner); list[0] != '[' {
			return nil, &BodyError{Reason: `"measurements" must be an array`}
		}
	}
	if list[0] != '[' {
		return nil, nil
	}
	records := []json.RawMessage{}
	if err := json.Unmarshal(list, &records); err != nil {
		return nil, &BodyError{Reason: err.Error()}
	}
	return records, nil
}

// record is what a sender may say. Pointers tell what is not there from what is empty.
type record struct {
	Kind     *string
	Channel  *string
	Campaign *string
	TS       *string
	Value    json.RawMessage
	Currency *string
	Base     *string
}

var fields = []string{"kind", "channel", "campaign", "ts", "value", "currency", "base"}

// decode reads one record.
func decode(text json.RawMessage, now time.Time) (Measurement, *Reject) {
	if len(text) > maxRecord {
		return Measurement{}, &Reject{Reason: fmt.Sprintf("has %d bytes; a record may have %d", len(text), maxRecord)}
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil || keys == nil {
		return Measurement{}, &Reject{Reason: `must be an object such as {"kind":"ad_spend","channel":"ads","ts":"2026-03-01","value":120.50,"currency":"EUR"}`}
	}
	var r record
	into := map[string]any{"kind": &r.Kind, "channel": &r.Channel, "campaign": &r.Campaign, "ts": &r.TS, "currency": &r.Currency, "base": &r.Base}
	for key, value := range keys {
		if key == "value" {
			r.Value = value
			continue
		}
		target, known := into[key]
		if !known {
			return Measurement{}, &Reject{Field: clip(key), Reason: "there is no such field; a measurement has " + strings.Join(fields, ", ")}
		}
		if err := json.Unmarshal(value, target); err != nil {
			return Measurement{}, &Reject{Field: key, Reason: "must be a text in quotes, not " + clip(string(value))}
		}
	}
	return r.measurement(now)
}

func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
