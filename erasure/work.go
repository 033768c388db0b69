package erasure

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/livello/livello/internal/ask"
)

// States of an erasure.
const (
	stateBegun = "begun"
	stateDone  = "done"
)

// milliseconds is how times are written for ClickHouse.
const milliseconds = "2006-01-02 15:04:05.000"

// work is an erasure that is going on: its certificate so far, and how far it is.
type work struct {
	Certificate
	state  string
	step   int
	ids    []string // only while it is begun
	hashes []hash   // of ids, as the certificate has them: with the salt of the service that began
	held   []hash   // the same with ours, which are kept out
	// heard is when it came a step further last, and others that it was begun by another service on the database.
	heard  time.Time
	others bool
}

func named(name string, value any) driver.NamedValue {
	return driver.NamedValue{Name: name, Value: value}
}

// readWork reads all erasures, the oldest first, and the ids of those that are begun.
func (e *Eraser) readWork(ctx context.Context) ([]work, error) {
	rows, err := e.o.DB.Query(ctx, `SELECT request, state, step, begun_at, at, person_hash, id_hashes, CAST(removed, 'Map(String, UInt64)'), CAST(changed, 'Map(String, UInt64)'), remaining, requested_by
FROM erasures FINAL
ORDER BY begun_at, request`)
	if err != nil {
		return nil, fmt.Errorf("read erasures: %w", err)
	}
	defer rows.Close()
	var all []work
	for rows.Next() {
		var w work
		var step uint32
		var hashes []string
		if err := rows.Scan(&w.Request, &w.state, &step, &w.BegunAt, &w.DoneAt, &w.PersonHash, &hashes, &w.Removed, &w.Changed, &w.Remaining, &w.By); err != nil {
			return nil, fmt.Errorf("read erasures: %w", err)
		}
		w.step, w.IDs, w.heard = int(step), len(hashes), w.DoneAt
		for _, text := range hashes {
			raw, err := hex.DecodeString(text)
			if err != nil || len(raw) != len(hash{}) {
				return nil, fmt.Errorf("read erasures: %q of %s is no hash", text, w.Request)
			}
			w.hashes = append(w.hashes, hash(raw))
		}
		w.held = w.hashes
		all = append(all, w)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read erasures: %w", err)
	}
	for i := range all {
		w := &all[i]
		if w.state != stateBegun {
			continue
		}
		if w.ids, err = ask.Texts(ctx, e.o.DB, "SELECT id FROM erased_ids FINAL WHERE request = {request:UUID} ORDER BY id", named("request", w.Request.String())); err != nil {
			return nil, fmt.Errorf("read erasures: %w", err)
		}
		if w.others = e.o.Shared && !e.guard.began(w.Request); w.others && len(w.ids) > 0 {
			w.held = e.guard.salt.each(w.ids)
		}
	}
	return all, nil
}

// why is the reason for which its ids are kept out while it goes on.
func (w *work) why() reason {
	if w.others {
		return elsewhere
	}
	return reason(w.Request.String())
}

// takeIn keeps ids out and writes down that they are to be erased: first the ids, so that an erasure that is begun has them.
func (e *Eraser) takeIn(ctx context.Context, w *work, all []string) error {
	w.ids, w.IDs, w.hashes = all, len(all), e.guard.salt.each(all)
	w.held = w.hashes
	if err := e.guard.add(w.held, w.why()); err != nil {
		return err
	}
	if err := e.noteIDs(ctx, w); err != nil {
		return err
	}
	if err := e.note(ctx, w); err != nil {
		return err
	}
	// Another service may have taken them for what one that was cut off has left, if this one was stopped in between for longer than its lease. Now it cannot
	// any more, and without them nothing would be removed.
	n, err := ask.Number(ctx, e.o.DB, "SELECT uniqExact(id) FROM erased_ids WHERE request = {request:UUID}", named("request", w.Request.String()))
	if err != nil {
		return fmt.Errorf("look whether the ids are noted: %w", err)
	}
	if n < uint64(len(w.ids)) {
		return e.noteIDs(ctx, w)
	}
	return nil
}

func (e *Eraser) noteIDs(ctx context.Context, w *work) error {
	var ids bytes.Buffer
	out := json.NewEncoder(&ids)
	for _, id := range w.ids {
		if err := out.Encode(map[string]string{"request": w.Request.String(), "id": id}); err != nil {
			return err
		}
	}
	if err := e.o.DB.InsertFormat(ctx, "JSONEachRow", "INSERT INTO erased_ids (request, id) SETTINGS async_insert = 0, insert_deduplicate = 0", &ids); err != nil {
		return fmt.Errorf("note the ids: %w", err)
	}
	return nil
}

// note writes down how far the work is.
func (e *Eraser) note(ctx context.Context, w *work) error {
	at := e.o.Now().UTC()
	if w.state == stateDone {
		w.DoneAt = at.Truncate(time.Millisecond)
	}
	hashes := make([]string, len(w.hashes))
	for i, h := range w.hashes {
		hashes[i] = h.String()
	}
	row, err := json.Marshal(map[string]any{
		"request": w.Request, "state": w.state, "step": w.step, "begun_at": w.BegunAt.Format(milliseconds), "at": at.Format(milliseconds),
		"person_hash": w.PersonHash, "id_hashes": hashes, "removed": w.Removed, "changed": w.Changed, "remaining": w.Remaining, "requested_by": w.By,
	})
	if err != nil {
		return err
	}
	if err := e.o.DB.InsertFormat(ctx, "JSONEachRow", "INSERT INTO erasures (request, state, step, begun_at, at, person_hash, id_hashes, removed, changed, remaining, requested_by) SETTINGS async_insert = 0", bytes.NewReader(row)); err != nil {
		return fmt.Errorf("note the erasure: %w", err)
	}
	return nil
}
