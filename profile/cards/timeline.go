package cards

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/profile"
)

// A timeline is what one id did last: the newest events as they are told, and of those before them when and on which channel the person acted. It is a sequence of
// records, which may be added in any order and more than once: merging sorts them, and an event that is there twice counts once. So nobody has to know exactly
// what was added before a crash.
//
//	1  length  ts  event_id  acted  value  kind  name  channel  path  content_id  currency  machine    an event
//	2  hour  sum of event_id  channel                                                                 that somebody acted
//	3  hour                                                                                           acts of this hour and before were left out
const (
	recordEvent   = 1
	recordAct     = 2
	recordLeftOut = 3
)

// Of what an id did besides its newest events no more is kept than is asked for: the calendar month of the last event and the one before it are 62 days at
// most. Of an id that did more in that time than is kept, the events are counted by the database: the busiest of people, 33 acts a day.
const (
	mostActs  = 2048
	mostHours = 63 * 24
)

// castagnoli is what processors compute fastest.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// acted says whether an event is something the person did, not what merely reached them, or what a machine did; as sql/recent.sql of profile does.
func acted(kind, machine string) bool {
	switch kind {
	case "email_sent", "email_delivered", "email_bounce", "ad_impression", "social_impression", "experiment_exposure":
		return false
	}
	return machine == ""
}

// appendEvent adds the record of an event.
func appendEvent(dst []byte, e *event.Brief) []byte {
	size := 8 + 16 + 1 + 8
	for _, n := range [...]int{len(e.Kind), len(e.Name), len(e.Channel), len(e.Path), len(e.ContentID), len(e.Currency), len(e.Machine)} {
		size += uvarintSize(n) + n
	}
	dst = append(dst, recordEvent)
	dst = binary.AppendUvarint(dst, uint64(size))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Time))
	dst = append(dst, e.EventID[:]...)
	did := byte(0)
	if acted(e.Kind, e.Machine) {
		did = 1
	}
	dst = append(dst, did)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Value))
	dst = appendText(dst, e.Kind)
	dst = appendText(dst, e.Name)
	dst = appendText(dst, e.Channel)
	dst = appendText(dst, e.Path)
	dst = appendText(dst, e.ContentID)
	dst = appendText(dst, e.Currency)
	return appendText(dst, e.Machine)
}

func appendText[T string | []byte](dst []byte, text T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

func uvarintSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// timeline is one while it is read or merged. Its slices point into what was read.
type timeline struct {
	events  []toldEvent
	acts    []act
	leftOut int64 // the newest hour of which something may have been left out; 0: nothing was
}

type toldEvent struct {
	at     int64 // milliseconds since 1970
	id     uuid.UUID
	record []byte // what follows the length
}

type act struct {
	hour    int64 // since 1970
	sum     uint32
	channel []byte
}

const hourMs = 3_600_000

// add takes records in.
func (t *timeline) add(records []byte) error {
	r := reading{rest: records}
	for len(r.rest) > 0 && !r.broken {
		switch r.take(1)[0] {
		case recordEvent:
			record := r.take(r.length())
			if len(record) < 33 {
				return errCard
			}
			t.events = append(t.events, toldEvent{int64(binary.LittleEndian.Uint64(record)), uuid.UUID(record[8:24]), record})
		case recordAct:
			a := act{hour: int64(r.uint32()), sum: r.uint32()}
			a.channel = r.take(r.length())
			t.acts = append(t.acts, a)
		case recordLeftOut:
			t.leftOut = max(t.leftOut, int64(r.uint32()))
		default:
			return errCard
		}
	}
	if r.broken {
		return errCard
	}
	return nil
}

// tidy sorts, and takes away what is there twice and what is too much.
func (t *timeline) tidy() {
	slices.SortFunc(t.events, func(a, b toldEvent) int { return cmp.Or(cmp.Compare(b.at, a.at), bytes.Compare(a.id[:], b.id[:])) })
	t.events = slices.CompactFunc(t.events, func(a, b toldEvent) bool { return a.at == b.at && a.id == b.id })
	for _, e := range t.events[min(len(t.events), profile.LastEvents):] {
		if e.record[24] != 0 {
			t.acts = append(t.acts, e.act())
		}
	}
	t.events = t.events[:min(len(t.events), profile.LastEvents)]
	slices.SortFunc(t.acts, func(a, b act) int {
		return cmp.Or(cmp.Compare(b.hour, a.hour), cmp.Compare(a.sum, b.sum), bytes.Compare(a.channel, b.channel))
	})
	t.acts = slices.CompactFunc(t.acts, func(a, b act) bool { return a.hour == b.hour && a.sum == b.sum && bytes.Equal(a.channel, b.channel) })
	if len(t.acts) == 0 {
		return
	}
	newest := t.lastHour()
	keep := min(len(t.acts), mostActs)
	for keep > 0 && t.acts[keep-1].hour < newest-mostHours {
		keep--
	}
	if keep < len(t.acts) {
		t.leftOut = max(t.leftOut, t.acts[keep].hour)
		t.acts = t.acts[:keep]
	}
}

// lastHour is the hour since 1970 in which the person acted last; 0 when they never did. The timeline is tidy.
func (t *timeline) lastHour() (last int64) {
	if len(t.acts) > 0 {
		last = t.acts[0].hour
	}
	for i := range t.events {
		if t.events[i].record[24] != 0 {
			return max(last, t.events[i].at/hourMs)
		}
	}
	return last
}

// act is what is kept of an event that is too old to be told.
func (e *toldEvent) act() act {
	r := reading{rest: e.record[33:]}
	r.take(r.length()) // kind
	r.take(r.length()) // name
	return act{max(e.at, 0) / hourMs, crc32.Checksum(e.id[:], castagnoli), r.take(r.length())}
}

// rewrite adds to dst the fewest records that say what records say. What t held is gone.
func (t *timeline) rewrite(dst, records []byte) ([]byte, error) {
	t.events, t.acts, t.leftOut = t.events[:0], t.acts[:0], 0
	if err := t.add(records); err != nil {
		return dst, err
	}
	t.tidy()
	return t.append(dst), nil
}

func (t *timeline) append(dst []byte) []byte {
	for _, e := range t.events {
		dst = append(dst, recordEvent)
		dst = append(binary.AppendUvarint(dst, uint64(len(e.record))), e.record...)
	}
	for _, a := range t.acts {
		dst = append(dst, recordAct)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(a.hour))
		dst = binary.LittleEndian.AppendUint32(dst, a.sum)
		dst = appendText(dst, a.channel)
	}
	if t.leftOut > 0 {
		dst = append(dst, recordLeftOut)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(t.leftOut))
	}
	return dst
}

// addTo adds what was done since from. It is false when something of that time was left out.
func (t *timeline) addTo(d *profile.Doings, from time.Time) bool {
	since := from.UnixMilli()
	if t.leftOut > 0 && (t.leftOut+1)*hourMs > since {
		return false
	}
	for _, e := range t.events {
		if e.at < since {
			continue
		}
		told := e.profile()
		d.Events = append(d.Events, told)
		if e.record[24] != 0 {
			d.Act(told.Channel, told.At.Hour())
		}
	}
	for _, a := range t.acts {
		if a.hour*hourMs >= since {
			d.Act(string(a.channel), int(a.hour%24))
		}
	}
	return true
}

func (e *toldEvent) profile() profile.Event {
	r := reading{rest: e.record[25:]}
	told := profile.Event{At: time.UnixMilli(e.at).UTC(), EventID: e.id, Value: decimal.New(int64(r.uint64()), -4)}
	told.Kind, told.Name, told.Channel, told.Path, told.ContentID, told.Currency, told.Machine = r.text(), r.text(), r.text(), r.text(), r.text(), r.text(), r.text()
	return told
}

// merger has pebble merge timelines.
var merger = &pebble.Merger{
	Name: "livello.timeline",
	Merge: func(_, value []byte) (pebble.ValueMerger, error) {
		m := merges.Get().(*merge)
		m.values, m.more = append(m.values[:0], value...), false
		return m, nil
	},
}

var merges = sync.Pool{New: func() any { return new(merge) }}

// merged counts merges.
var merged atomic.Uint64

// merge is one on its way.
type merge struct {
	values []byte
	more   bool // than one
	timeline
	result []byte
}

// MergeNewer implements pebble.ValueMerger: the order is of no importance.
func (m *merge) MergeNewer(value []byte) error {
	m.values, m.more = append(m.values, value...), true
	return nil
}

// MergeOlder implements pebble.ValueMerger.
func (m *merge) MergeOlder(value []byte) error { return m.MergeNewer(value) }

// Finish implements pebble.ValueMerger.
func (m *merge) Finish(bool) ([]byte, io.Closer, error) {
	if !m.more { // nothing to merge it with
		return m.values, m, nil
	}
	result, err := m.rewrite(m.result[:0], m.values)
	if err != nil {
		return nil, nil, err
	}
	m.result = result
	if merged.Add(1)%64 == 0 {
		runtime.Gosched() // files are merged for seconds, and requests wait for a turn
	}
	return m.result, m, nil
}

// Close implements io.Closer: nobody needs the result any more.
func (m *merge) Close() error {
	merges.Put(m)
	return nil
}

// Recent is what ids did since the month before they were last seen; false when the store cannot tell. When they acted later than lastSeen it is since the month
// before that: somebody who came back after a long time was not evaluated yet, and what is kept goes back from their last act.
func (s *Store) Recent(ids []string, lastSeen time.Time) (profile.Doings, bool) {
	s.using.RLock()
	defer s.using.RUnlock()
	var d profile.Doings
	if s.db == nil || !s.told.Load() || !s.complete.Load() {
		return d, false
	}
	all := make([]timeline, len(ids))
	for i, id := range ids {
		var err error
		if all[i], err = s.timeline(id); err != nil {
			s.damage(err)
			return d, false
		}
		if last := time.UnixMilli(all[i].lastHour() * hourMs); last.After(lastSeen) {
			lastSeen = last
		}
	}
	from := profile.RecentFrom(lastSeen)
	for i := range all {
		if !all[i].addTo(&d, from) {
			return d, false
		}
	}
	return d, true
}

// timeline reads that of an id.
func (s *Store) timeline(id string) (t timeline, err error) {
	k := s.key(ofTimeline, id)
	records, done, err := s.db.Get(k[:])
	if err == pebble.ErrNotFound {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	if err := errors.Join(t.add(bytes.Clone(records)), done.Close()); err != nil {
		return t, err
	}
	t.tidy() // what was never merged may hold what is there twice
	return t, nil
}
