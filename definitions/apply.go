package definitions

import (
	"context"
	"errors"
	"fmt"
)

// Applied says what applying did.
type Applied struct {
	Version   Version  `json:"version"`
	Changes   []Change `json:"changes"`
	Unchanged bool     `json:"unchanged"`  // it was the newest version already, and nothing was done
	Recompute bool     `json:"recomputed"` // person_signals was made again from all events
}

// Apply makes d the newest version, unless it already is, and returns when history says what it asks for. by is who applies it, note
// what they say about it.
//
// The query of person_signals_mv is replaced first, so that ClickHouse has taken it before anything else changes; then the version is written; then
// history is recomputed if that query changed. After a crash in between, Ensure and Settle bring view and history to the version that
// is written.
func (s *Store) Apply(ctx context.Context, d *Definitions, by, note string) (Applied, error) {
	current, err := s.Current(ctx)
	if err != nil {
		return Applied{}, err
	}
	var before *Definitions
	if current == nil {
		before, err = Default()
	} else {
		before, err = current.Definitions()
	}
	if err != nil {
		return Applied{}, err
	}
	if current != nil && current.Checksum == checksum(d.Source) {
		return Applied{Version: *current, Changes: []Change{}, Unchanged: true}, s.Settle(ctx)
	}
	done := Applied{Changes: Diff(before, d), Recompute: before.SignalsQuery() != d.SignalsQuery()}
	if err := s.view(ctx, d); err != nil {
		return Applied{}, fmt.Errorf("the version before still counts: %w", err)
	}
	version, err := s.insert(ctx, current, d, by, note)
	if err != nil {
		return Applied{}, errors.Join(fmt.Errorf("the version before still counts: %w", err), s.view(context.WithoutCancel(ctx), before))
	}
	done.Version = *version
	if err := s.Settle(ctx); err != nil {
		return done, fmt.Errorf("version %d counts, but the past is not recomputed yet; the service goes on with it at its next start: %w", version.Version, err)
	}
	return done, nil
}
