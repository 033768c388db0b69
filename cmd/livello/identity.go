package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/identity"
)

// How often people are looked after although this service knows of no news. What it loads itself, it knows of, so that everything counts well within the
// two seconds after it was accepted. Nobody else loads into its own engine, but for what is written by hand; other services may load into a server.
// Variables, so that a test can do without.
var (
	lookAlone  = 10 * time.Second
	lookShared = time.Second
)

func (s *service) look() time.Duration {
	if s.cfg.DSN != "" {
		return lookShared
	}
	return lookAlone
}

// startIdentity makes the resolver, which follows evidence of identity: beside tiers (startTiers), or alone in a service without doors.
func (s *service) startIdentity(context.Context, *prometheus.Registry) error {
	s.resolver = identity.New(identity.Options{DB: s.db, Logger: s.log, Busy: s.catchingUp, News: &s.news, Look: s.look(), Shared: s.cfg.DSN != ""})
	switch {
	case s.serving:
	case s.cfg.DSN != "": // a service may have the lease, or want it
		s.background("identity", s.resolver.RunBeside)
	default:
		s.background("identity", s.resolver.Run)
	}
	return nil
}

// waitResolved returns when every event accepted before the call is in the database, and belongs to the person it is of.
func (s *service) waitResolved(ctx context.Context) error {
	if err := s.waitLoaded(ctx); err != nil {
		return err
	}
	if !s.prepared.isReached() {
		return nil // nothing was ever loaded
	}
	if _, err := s.resolver.Tick(ctx); err != nil {
		return fmt.Errorf("wait for identities: %w", err)
	}
	return nil
}
