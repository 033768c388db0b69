package cards

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"

	"github.com/livello/livello/ingest/event"
)

var (
	//go:embed sql/events.sql
	eventsSQL string

	// Of ids from one to before another, an empty one being the end, in the order of ids.
	eventsOfSQL = eventsSQL + `
  AND distinct_id >= {from:String}
  AND ({end:String} = '' OR distinct_id < {end:String})
ORDER BY distinct_id`
	// Those that were accepted since then, whenever they happened. No index knows when events were accepted: one column is read of all.
	eventsSinceSQL = eventsSQL + `
  AND received_at >= {since:DateTime64(3)}`
)

// pieceOfEvents is how many granules of events, of 1,024 rows at most, are read at once.
const pieceOfEvents = 100

// tell makes timelines whole: it reads all events into a store that never had them, and those again that a crash may have taken. Events that are loaded
// meanwhile are taken, too, and an event that comes twice counts once.
func (s *Store) tell(ctx context.Context) error {
	if s.told.Load() {
		return nil
	}
	began, read := time.Now(), 0
	s.keeping.Lock()
	full, since, gaps := s.telling.Full, s.unread, s.gaps
	s.keeping.Unlock()
	if full {
		if err := s.readPiece(ctx, &read, eventsSinceSQL, named("since", since.UTC().Format("2006-01-02 15:04:05.000"))); err != nil {
			return fmt.Errorf("read events since %s: %w", since.UTC().Format(time.RFC3339), err)
		}
	} else if err := s.tellAll(ctx, &read); err != nil {
		return fmt.Errorf("read all events: %w", err)
	}
	s.following.Lock()
	defer s.following.Unlock()
	s.keeping.Lock()
	defer s.keeping.Unlock()
	if !s.usable() {
		return errNone
	}
	if s.gaps != gaps { // more was missed, or the store is another one
		s.news.Send()
		return nil
	}
	w := s.timelines(&s.collected)
	defer w.end()
	if err := w.commit(telling{Full: true, Until: began.Add(-disorder)}); err != nil {
		return err
	}
	s.unread = time.Time{}
	s.told.Store(true)
	s.o.Logger.Info("the copy of what people did last is whole", "events_read", read, "seconds", time.Since(began).Seconds())
	return nil
}

// tellAll reads every id's events, a piece of ids at a time.
func (s *Store) tellAll(ctx context.Context, read *int) error {
	return s.inPieces(ctx, "events", "distinct_id", pieceOfEvents, func(from, end string) error {
		if err := s.readPiece(ctx, read, eventsOfSQL, named("from", from), named("end", end)); err != nil {
			return err
		}
		return s.follow(ctx, s.latest.Load()) // cards do not wait for timelines
	})
}

// readPiece takes over the events that a statement answers. Nobody is forgotten meanwhile.
func (s *Store) readPiece(ctx context.Context, read *int, sql string, args ...any) error {
	s.following.Lock()
	defer s.following.Unlock()
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_threads": 1}))
	answer, err := s.o.DB.QueryFormat(ctx, "RowBinary", sql, args...)
	if err != nil {
		return err
	}
	defer answer.Close()
	if !s.usable() {
		return errNone
	}
	w := s.timelines(new(collected))
	defer w.end()
	in := briefs{in: bufio.NewReaderSize(answer, 128<<10)}
	var all oneTimeline
	for {
		ok, err := in.next()
		if err != nil {
			return err
		}
		if len(all.records) > 0 && (!ok || string(in.brief.DistinctID) != string(all.id)) {
			if err := all.tidy(); err != nil {
				return err
			}
			if err := w.merge(all.id, all.records); err != nil {
				return err
			}
			all.records, all.tidied = all.records[:0], 0
		}
		if !ok {
			return w.flush()
		}
		*read++
		if err := all.add(&in.brief); err != nil {
			return err
		}
	}
}

// oneTimeline collects the records of one id.
type oneTimeline struct {
	id, records []byte
	tidied      int // bytes of records when they were tidied last
	timeline    timeline
	spare       []byte
}

func (o *oneTimeline) add(e *event.Brief) error {
	o.id = append(o.id[:0], e.DistinctID...)
	o.records = appendEvent(o.records, e)
	if len(o.records) < 2*o.tidied+64<<10 {
		return nil
	}
	return o.tidy()
}

func (o *oneTimeline) tidy() error {
	tidied, err := o.timeline.rewrite(o.spare[:0], o.records)
	o.records, o.spare = tidied, o.records
	o.tidied = len(o.records)
	return err
}

// briefs reads events from RowBinary.
type briefs struct {
	in    *bufio.Reader
	brief event.Brief
	bytes [16]byte
	err   error
}

// next reads the next event. ok is false at the end.
func (in *briefs) next() (ok bool, err error) {
	if _, err := in.in.Peek(1); err == io.EOF {
		return false, nil
	}
	e := &in.brief
	e.DistinctID = in.text(e.DistinctID)
	e.Time = in.int64()
	e.EventID = in.uuid()
	e.Kind, e.Name, e.Channel = string(in.text(nil)), string(in.text(nil)), string(in.text(nil))
	e.Path, e.ContentID = in.text(e.Path), in.text(e.ContentID)
	e.Value = in.int64()
	e.Currency, e.Machine = string(in.text(nil)), string(in.text(nil))
	if in.err == io.EOF {
		in.err = io.ErrUnexpectedEOF
	}
	if in.err != nil {
		return false, fmt.Errorf("read an event: %w", in.err)
	}
	return true, nil
}

// text reads a text into the memory of to.
func (in *briefs) text(to []byte) []byte {
	if in.err != nil {
		return nil
	}
	n, err := binary.ReadUvarint(in.in)
	if err == nil && n > longest {
		err = fmt.Errorf("a length of %d", n)
	}
	if in.err = err; err != nil {
		return nil
	}
	to = slices.Grow(to[:0], int(n))[:n]
	_, in.err = io.ReadFull(in.in, to)
	return to
}

func (in *briefs) fixed(n int) []byte {
	if in.err == nil {
		_, in.err = io.ReadFull(in.in, in.bytes[:n])
	}
	return in.bytes[:n]
}

func (in *briefs) int64() int64 { return int64(binary.LittleEndian.Uint64(in.fixed(8))) }

// uuid are two numbers, the least byte first.
func (in *briefs) uuid() (id uuid.UUID) {
	b := in.fixed(16)
	for i := range 8 {
		id[i], id[8+i] = b[7-i], b[15-i]
	}
	return id
}
