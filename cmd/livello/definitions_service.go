package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/ingest/sources/segment"
	"github.com/livello/livello/internal/background"
	"github.com/livello/livello/internal/durable"
)

// definitionsPath is on the local socket only: whoever may open the folder may say what the numbers mean.
const definitionsPath = "/local/definitions"

// rulesName is the file that keeps the event rules of the newest definitions, for a start without ClickHouse: the kind of an event
// is decided when it arrives.
const rulesName = "event-rules.json"

// lookForDefinitions is how often a service looks whether another process applied definitions to its database.
const lookForDefinitions = 10 * time.Second

// meaning is what a service holds of the definitions.
type meaning struct {
	mapping *segment.Mapping
	file    *definitions.Definitions // of the setting definitions; nil without it

	mu      sync.Mutex // one change at a time
	version uint32     // whose rules mapping has
}

// startDefinitions reads the file of the setting, and takes the event rules as they were at the last stop: the database may be away.
func (s *service) startDefinitions(context.Context, *prometheus.Registry) error {
	if path := s.cfg.Definitions; path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("setting definitions: %w", err)
		}
		if s.meaning.file, err = definitions.Parse(path, text); err != nil {
			return fmt.Errorf("setting definitions:\n%w", err)
		}
	}
	var rules []definitions.Rule
	text, err := os.ReadFile(filepath.Join(s.cfg.Data, rulesName))
	if err == nil {
		err = json.Unmarshal(text, &rules)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read %s: %w", rulesName, err)
	}
	if s.meaning.mapping, err = segment.NewMapping(s.eventRules(rules)); err != nil {
		return fmt.Errorf("event rules: %w", err)
	}
	return nil
}

// eventRules are those of the setting kinds, then those of the definitions; both come before the built-in ones.
func (s *service) eventRules(rules []definitions.Rule) []segment.Rule {
	all := slices.Clone(s.cfg.Kinds)
	for _, r := range rules {
		all = append(all, segment.Rule{Name: r.Name, Kind: r.Kind})
	}
	return all
}

// definitions is the store of the service. The query of the view over signals changes between two segments; history is recomputed by
// the rebuilder.
func (s *service) definitions() *definitions.Store {
	store := &definitions.Store{DB: s.db, Cluster: s.cfg.Cluster, Hold: s.loader.Hold, Logger: s.log}
	if s.cfg.Cluster == "" { // no node can make the others' loaders wait
		store.Recompute = func(ctx context.Context) error {
			_, err := s.rebuilder.Rebuild(ctx, time.Time{}, time.Time{}, "person_signals")
			return err
		}
	}
	return store
}

// ensureDefinitions is a part of prepare: nothing is loaded meanwhile, and history is left to settleDefinitions.
func (s *service) ensureDefinitions(ctx context.Context) error {
	s.meaning.mu.Lock()
	defer s.meaning.mu.Unlock()
	store := &definitions.Store{DB: s.db, Cluster: s.cfg.Cluster, Logger: s.log}
	if err := store.Ensure(ctx); err != nil {
		return err
	}
	if s.meaning.file != nil {
		if _, err := store.Apply(ctx, s.meaning.file, "setting definitions", "from "+s.cfg.Definitions+" at the start"); err != nil {
			return fmt.Errorf("apply %s: %w", s.cfg.Definitions, err)
		}
	}
	return s.followDefinitions(ctx, store)
}

// followDefinitions takes the event rules of the newest version, and keeps them for the next start.
func (s *service) followDefinitions(ctx context.Context, store *definitions.Store) error {
	current, err := store.Current(ctx)
	if err != nil || current == nil || current.Version == s.meaning.version {
		return err
	}
	d, err := current.Definitions()
	if err != nil {
		return err
	}
	text, err := json.Marshal(d.Events)
	if err != nil {
		return fmt.Errorf("keep the event rules: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(s.cfg.Data, rulesName), text); err != nil {
		return fmt.Errorf("keep the event rules: %w", err)
	}
	if err := s.meaning.mapping.Replace(s.eventRules(d.Events)); err != nil {
		return fmt.Errorf("event rules of definitions version %d: %w", current.Version, err)
	}
	s.meaning.version = current.Version
	s.news.Send() // the guards of identities may be others
	return nil
}

// settleDefinitions recomputes what an update of Livello, the setting at the start, or an apply that was cut off left to be recomputed.
func (s *service) settleDefinitions(ctx context.Context) {
	if !s.prepared.isReached() {
		return // ClickHouse is away; watchDefinitions begins when it is there
	}
	s.meaning.mu.Lock()
	defer s.meaning.mu.Unlock()
	store := s.definitions()
	settled, err := store.Settled(ctx)
	if err == nil && !settled {
		s.log.Info("recomputing person_signals, because the definitions of signals or key pages have changed")
		err = store.Settle(ctx)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("person_signals is not yet what the definitions say of all history; the next start tries again, or `livello rebuild --all --table person_signals`", "error", err)
	}
}

// watchDefinitions follows what others apply to the database, such as a service on another machine, and settles what could not be
// settled at the start.
func (s *service) watchDefinitions(ctx context.Context) {
	for background.Sleep(ctx, lookForDefinitions) == nil {
		s.settleDefinitions(ctx)
		s.meaning.mu.Lock()
		err := s.followDefinitions(ctx, s.definitions())
		s.meaning.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			s.log.Debug("definitions not looked up", "error", err)
		}
	}
}

// applyRequest is what definitionsPath takes.
type applyRequest struct {
	File   string `json:"file"` // what errors call it
	Source string `json:"source"`
	By     string `json:"by"`
	Note   string `json:"note"`
}

// applyDefinitions makes them the newest version, and returns when history has been recomputed if it must be.
func (s *service) applyDefinitions(ctx context.Context, ask applyRequest) (definitions.Applied, error) {
	d, err := definitions.Parse(ask.File, []byte(ask.Source))
	if err != nil {
		return definitions.Applied{}, err
	}
	if err := s.prepareOnce(ctx); err != nil {
		return definitions.Applied{}, err
	}
	s.meaning.mu.Lock()
	defer s.meaning.mu.Unlock()
	store := s.definitions()
	done, err := store.Apply(ctx, d, ask.By, ask.Note)
	return done, errors.Join(err, s.followDefinitions(context.WithoutCancel(ctx), store))
}
