package definitions

import (
	"context"
	"fmt"
	"strings"

	"github.com/livello/livello/internal/ask"
)

// The view person_signals_mv says in its comment how far it is, by the checksum of its query:
//
//	Feeds person_signals from inserts into events (query <checksum>)
//	Feeds person_signals from inserts into events (query <checksum>, history to be recomputed)
//
// The comment is written after the query, so after a crash in between it names the query before, and Ensure replaces it again.
const (
	signalsView  = "person_signals_mv"
	viewComment  = "Feeds person_signals from inserts into events"
	toRecompute  = ", history to be recomputed"
	checksumSize = 12
)

func commentOf(d *Definitions, settled bool) string {
	pending := ""
	if !settled {
		pending = toRecompute
	}
	return fmt.Sprintf("%s (query %s%s)", viewComment, checksum(d.SignalsQuery())[:checksumSize], pending)
}

// view makes person_signals_mv, or replaces its query when the definitions ask for another. Events that are already there are left to
// Settle.
func (s *Store) view(ctx context.Context, d *Definitions) error {
	comment, err := s.comment(ctx)
	if err != nil {
		return err
	}
	if comment == commentOf(d, true) || comment == commentOf(d, false) {
		return nil
	}
	settled, err := s.noEvents(ctx)
	if err != nil {
		return err
	}
	if comment == "" {
		return s.exec(ctx, "make "+signalsView, "CREATE MATERIALIZED VIEW IF NOT EXISTS "+signalsView+s.onCluster()+" TO person_signals\n(\n"+signalsColumns+"\n)\nAS\n"+
			d.SignalsQuery()+"\nCOMMENT "+literal(commentOf(d, settled)))
	}
	if s.Hold != nil {
		release, err := s.Hold(ctx)
		if err != nil {
			return fmt.Errorf("wait for the loader: %w", err)
		}
		defer release()
	}
	if err := s.exec(ctx, "replace the query of "+signalsView, "ALTER TABLE "+signalsView+s.onCluster()+" MODIFY QUERY "+d.SignalsQuery()); err != nil {
		return err
	}
	return s.setComment(ctx, commentOf(d, settled))
}

// Settle recomputes person_signals from all events if its view's query changed since. It does nothing otherwise.
func (s *Store) Settle(ctx context.Context) error {
	comment, err := s.comment(ctx)
	if err != nil || !strings.Contains(comment, toRecompute) || s.Recompute == nil {
		return err
	}
	if err := s.Recompute(ctx); err != nil {
		return fmt.Errorf("recompute person_signals: %w", err)
	}
	now, err := s.comment(ctx)
	if err != nil || now != comment { // another change came in between, and its history is not this one's
		return err
	}
	return s.setComment(ctx, strings.Replace(comment, toRecompute, "", 1))
}

// Settled says whether person_signals holds what its view's query says of all events.
func (s *Store) Settled(ctx context.Context) (bool, error) {
	comment, err := s.comment(ctx)
	return comment != "" && !strings.Contains(comment, toRecompute), err
}

// comment is that of the view; empty when there is none.
func (s *Store) comment(ctx context.Context) (string, error) {
	comments, err := s.texts(ctx, "SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = '"+signalsView+"'")
	if err != nil || len(comments) == 0 {
		return "", err
	}
	return comments[0], nil
}

func (s *Store) setComment(ctx context.Context, comment string) error {
	return s.exec(ctx, "note the state of "+signalsView, "ALTER TABLE "+signalsView+s.onCluster()+" MODIFY COMMENT "+literal(comment))
}

// noEvents says that there is no history to recompute.
func (s *Store) noEvents(ctx context.Context) (bool, error) {
	some, err := s.texts(ctx, "SELECT 'one' FROM events LIMIT 1")
	return len(some) == 0, err
}

func (s *Store) onCluster() string {
	if s.Cluster == "" {
		return ""
	}
	return " ON CLUSTER " + literal(s.Cluster)
}

func (s *Store) exec(ctx context.Context, what, statement string) error {
	if err := s.DB.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (s *Store) texts(ctx context.Context, query string) ([]string, error) {
	texts, err := ask.Texts(ctx, s.DB, query)
	if err != nil {
		return nil, fmt.Errorf("read the state of definitions: %w", err)
	}
	return texts, nil
}
