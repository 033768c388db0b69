package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/livello/livello/ingest/loader"
	"github.com/livello/livello/schema"
)

// connectTimeout bounds the first try to reach a ClickHouse server at the start, and each later one.
const connectTimeout = 5 * time.Second

// prepare reaches the database and brings its schema up. The start does it once; when the server is away then, the loader
// goes on with it, and events are accepted meanwhile.
func (s *service) prepare(ctx context.Context) error {
	if s.cfg.DSN != "" { // an engine of our own answered when it was opened
		connecting, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		if err := s.db.Ensure(connecting); err != nil {
			return err
		}
	}
	if _, err := schema.Up(ctx, s.db, schema.Options{Cluster: s.cfg.Cluster, Version: buildVersion(), Logger: s.log}); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := s.ensureDefinitions(ctx); err != nil {
		return err
	}
	if err := s.noteBackfills(ctx); err != nil {
		return err
	}
	s.prepared.reach()
	return nil
}

// prepareOnce is the loader's: what the start has done is not done again.
func (s *service) prepareOnce(ctx context.Context) error {
	if s.prepared.isReached() {
		return nil
	}
	return s.prepare(ctx)
}

// reader is the database as queries see it: when it is away they say so, at once, and what is accepted meanwhile.
type reader struct{ *service }

// QueryFormat implements queries.DB.
func (r reader) QueryFormat(ctx context.Context, format, query string, args ...any) (io.ReadCloser, error) {
	if reason, _ := r.loader.Failing(); loader.Unreachable(reason) { // a silent server must not keep readers waiting
		probe, cancel := context.WithTimeout(ctx, readyTimeout)
		err := r.db.Exec(probe, "SELECT 1")
		cancel()
		if err != nil {
			return nil, away(ctx, err)
		}
	}
	answer, err := r.db.QueryFormat(ctx, format, query, args...)
	if err != nil && (loader.Unreachable(err) || !r.prepared.isReached()) {
		return nil, away(ctx, err)
	}
	return answer, err
}
