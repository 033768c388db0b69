package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/event"
)

// Kept is an event in a refused segment.
type Kept struct {
	ID         uuid.UUID
	Time       time.Time // ts
	ReceivedAt time.Time
}

// RefusedOf answers the events of the person with these ids that are in refused segments, as far as they can be read. Some of them may be in ClickHouse
// all the same, but no receipt counts them there.
func (s *Spool) RefusedOf(ids []string) ([]Kept, error) {
	s.puttingBack.Lock()
	defer s.puttingBack.Unlock()
	person := map[string]bool{}
	for _, id := range ids {
		person[id] = true
	}
	s.mu.Lock()
	aside := slices.Clone(s.refused)
	s.mu.Unlock()
	var all []Kept
	for _, r := range aside {
		content, err := s.readRefused(r)
		if err != nil {
			return nil, fmt.Errorf("look for a person in segment %d: %w", r.Number, err)
		}
		_, _, err = readFrames(bytes.NewReader(content), int64(len(content)), nil, func(block []byte, _ int) error {
			of, err := eventsOf(block, person)
			all = append(all, of...)
			return err
		})
		if err != io.EOF && !errors.Is(err, errTorn) {
			return nil, fmt.Errorf("look for a person in segment %d: %w", r.Number, err)
		}
	}
	return all, nil
}

// eventsOf are the person's events in a block; none of one that cannot be read, because another version wrote it.
func eventsOf(block []byte, person map[string]bool) ([]Kept, error) {
	var done Erased
	others, _, ok := without(block, 0, person, &done)
	if !ok || done.Removed == 0 {
		return nil, nil
	}
	all, err := event.ReadHead(block)
	if err != nil {
		return nil, err
	}
	var left event.Head // in the order of the block
	if done.Removed < all.Rows() {
		if left, err = event.ReadHead(others); err != nil {
			return nil, err
		}
	}
	var of []Kept
	at := 0
	for i := range all.Rows() {
		if at < left.Rows() && all.EventID(i) == left.EventID(at) && all.Time(i) == left.Time(at) {
			at++
			continue
		}
		of = append(of, Kept{all.EventID(i), time.UnixMilli(all.Time(i)).UTC(), time.UnixMilli(all.ReceivedAt(i)).UTC()})
	}
	return of, nil
}
