package tiers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/internal/background"
)

// place is how far the queue touched_ids has been worked off.
type place struct {
	block   uint64    // of the last row that was evaluated
	at      time.Time // the latest time among them
	version uint64    // of the row in tier_progress; 0: nothing was ever evaluated
}

// news is what is in the queue beyond a place.
type news struct {
	rows           uint64
	block          uint64
	latest, oldest time.Time
}

const patience = 2 * time.Second

// Tick evaluates the people with news since the last Tick, of this process or of one before it. Without news it costs one small query, besides Identity.
func (e *Evaluator) Tick(ctx context.Context) (done Evaluated, err error) {
	e.queue.Lock()
	defer e.queue.Unlock()
	began := time.Now()
	if e.Identity != nil {
		if err := e.Identity(ctx); err != nil {
			return done, fmt.Errorf("identity: %w", err)
		}
	}
	if err := e.start(ctx); err != nil {
		return done, err
	}
	n, err := e.news(ctx)
	if err != nil || n.rows == 0 {
		e.metrics().lag.Set(0)
		return done, err
	}
	complete, err := e.waitForLoading(ctx)
	if err != nil {
		return done, err
	}
	list := uuid.New()
	from := e.place
	if err := e.do(ctx, "list_news", named("list", list.String()), named("block", from.block), moment("at", from.at), named("until", n.block)); err != nil {
		return done, err
	}
	at := e.now()
	if done, err = e.evaluateList(ctx, list, kind{clock: "news", at: at}, nil); err != nil {
		return done, err
	}
	// An insert that still goes on may yet change what these people did: they stay in the queue.
	if complete {
		if err := e.note(ctx, n); err != nil {
			return done, err
		}
	}
	done.Seconds = time.Since(began).Seconds()
	e.metrics().lag.Set(max(0, e.now().Sub(n.oldest).Seconds()))
	return done, nil
}

// start finds the place in the queue, and mends what a process that was killed has left. On a warehouse that was never evaluated everybody has news.
func (e *Evaluator) start(ctx context.Context) error {
	if e.started {
		return nil
	}
	text, err := statement("place")
	if err != nil {
		return err
	}
	rows, err := e.DB.Query(ctx, text)
	if err != nil {
		return fmt.Errorf("find the place in the queue: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&e.place.block, &e.place.at, &e.place.version); err != nil {
			return fmt.Errorf("find the place in the queue: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("find the place in the queue: %w", err)
	}
	if e.place.version == 0 {
		e.place.at = time.Unix(0, 0)
		if err := e.TouchEverybody(ctx); err != nil {
			return err
		}
	} else if err := e.mend(ctx); err != nil {
		return err
	}
	e.started = true
	return nil
}

// TouchEverybody puts everybody into the queue.
func (e *Evaluator) TouchEverybody(ctx context.Context) error { return e.do(ctx, "touch_everybody") }

// TouchMonths puts those into the queue who have, or had when they were evaluated last, something in the months from that of first to that of last: after
// rollups of these months were made again behind the queue's back.
func (e *Evaluator) TouchMonths(ctx context.Context, first, last time.Time) error {
	month := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC) }
	return e.do(ctx, "touch_months", moment("from", month(first.UTC())), moment("to", month(last.UTC()).AddDate(0, 1, 0)))
}

func (e *Evaluator) news(ctx context.Context) (n news, err error) {
	text, err := statement("news")
	if err != nil {
		return n, err
	}
	row := e.DB.QueryRow(ctx, text, named("block", e.place.block), moment("at", e.place.at))
	if err := row.Scan(&n.rows, &n.block, &n.latest, &n.oldest); err != nil {
		return n, fmt.Errorf("look for news: %w", err)
	}
	return n, nil
}

// note writes down that the queue is worked off up to n.
func (e *Evaluator) note(ctx context.Context, n news) error {
	next := place{block: n.block, at: n.latest, version: e.place.version + 1}
	if err := e.do(ctx, "note_place", named("version", next.version), named("block", next.block), moment("at", next.at)); err != nil {
		return err
	}
	e.place = next
	return nil
}

// waitForLoading waits for the inserts into events that go on now. An insert's rows come into the queue and into the rollups one after the other, in
// no order, so ids may be seen whose rollups are not; once it is over everything of it is there. complete is false when one takes longer than
// patience.
func (e *Evaluator) waitForLoading(ctx context.Context) (complete bool, err error) {
	first, err := e.loading(ctx)
	if err != nil || len(first) == 0 {
		return true, err
	}
	wait := e.patience
	if wait == 0 {
		wait = patience
	}
	for until := time.Now().Add(wait); time.Now().Before(until); {
		if err := background.Sleep(ctx, 20*time.Millisecond); err != nil {
			return false, err
		}
		now, err := e.loading(ctx)
		if err != nil {
			return false, err
		}
		if !slices.ContainsFunc(now, func(id string) bool { return slices.Contains(first, id) }) {
			return true, nil
		}
	}
	return false, nil
}

func (e *Evaluator) loading(ctx context.Context) (ids []string, err error) {
	text, err := statement("loading")
	if err != nil {
		return nil, err
	}
	if ids, err = ask.Texts(ctx, e.DB, text); err != nil {
		return nil, fmt.Errorf("look for inserts that go on: %w", err)
	}
	return ids, nil
}
