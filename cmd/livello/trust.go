package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/ingest/spool"
	"github.com/livello/livello/internal/durable"
	"github.com/livello/livello/trust"
)

// Paths on the local socket only: whoever may open the folder may ask for them.
const (
	verifyPath  = "/local/verify"
	rebuildPath = "/local/rebuild"
)

// makeVerifier makes the one that everybody here verifies with: it knows what metrics say.
func (s *service) makeVerifier() error {
	s.verifier = &trust.Verifier{DB: s.db, Hold: s.loader.Hold, Rebuilder: s.rebuilder, Spool: s.unloaded, Busy: s.catchingUp, Logger: s.log}
	if s.cfg.DSN == "" { // the folder has the tables of no other service
		s.verifier.MendRepeats = true
		return nil
	}
	id, err := serviceID(s.cfg.Data)
	s.verifier.Service, s.rebuilder.Owner = id, id
	return err
}

// serviceIDName is a file of the data folder of a service with a ClickHouse server. Its id tells this service's spool, and what its rebuilds make, from those of others in tables that they share. A
// machine's name would not do: in a container it is another one after each update.
const serviceIDName = "service.id"

func serviceID(data string) (string, error) {
	path := filepath.Join(data, serviceIDName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		id := uuid.NewString()
		if err := durable.WriteFile(path, []byte(id+"\n")); err != nil {
			return "", fmt.Errorf("name the service: %w", err)
		}
		return id, nil
	}
	if err != nil {
		return "", fmt.Errorf("read the service's id: %w", err)
	}
	id, err := uuid.Parse(strings.TrimSpace(string(text)))
	if err != nil {
		return "", fmt.Errorf("read the service's id: %s holds no UUID: restore it, or delete it for a new one", path)
	}
	return id.String(), nil
}

// unloaded is what of this service's spool is not in the tables.
func (s *service) unloaded() (trust.Spool, error) {
	entries, err := s.spool.List()
	if err != nil {
		return trust.Spool{}, err
	}
	return notInTables(entries), nil
}

// notInTables tells what nobody loads from what is on its way.
func notInTables(entries []spool.Entry) trust.Spool {
	found := trust.Spool{Aside: []trust.Unloaded{}}
	for _, e := range entries {
		u := trust.Unloaded{Segment: e.Number, State: string(e.State), Events: e.Rows, AtLeast: e.AtLeast, Bytes: e.Bytes, Since: e.Changed, File: e.File}
		switch e.State {
		case spool.Loaded:
			continue
		case spool.Active, spool.Waiting, spool.Sending, spool.Doubtful:
			found.Waiting += e.Rows
			continue
		case spool.Refused:
			u.Why, u.Help = "ClickHouse refused these accepted events", fmt.Sprintf("livello spool list says why; when that is mended, livello spool retry %d; livello spool export %[1]d FILE keeps a copy", e.Number)
			if e.Refusal != nil {
				u.Why += " (" + oneLine(e.Refusal.Error, 160) + ")"
			}
		case spool.Torn:
			u.Harmless = true
			u.Why, u.Help = "cut off a segment's end: a write that a crash interrupted, for which nobody has an answer", "livello spool drop "+e.Name()+" --yes takes it away"
		default:
			u.Why, u.Help = "the disk damaged these accepted events or lost them", fmt.Sprintf("livello spool show %s has what is whole of it; when the rest was sent again or is given up, livello spool drop %[1]s --yes", e.Name())
		}
		found.Aside = append(found.Aside, u)
	}
	return found
}

// mend has the rollups of these days add up to their events; the loader asks for it after a segment that it had to send again.
func (s *service) mend(ctx context.Context, days []time.Time) (int, error) {
	return (&trust.Mender{Verifier: s.verifier, Rebuilder: s.rebuilder, Logger: s.log}).Mend(ctx, days)
}

// waitSettled returns when every event accepted before the call is in the database, and nothing about it is doubtful.
func (s *service) waitSettled(ctx context.Context) error {
	if err := s.waitLoaded(ctx); err != nil {
		return err
	}
	if err := s.loader.Settle(ctx); err != nil {
		return err
	}
	return s.waitResolved(ctx)
}

// startTrust drops what a rebuild left that was cut off, and then verifies by schedule. Both wait for the database, which may be away.
func (s *service) startTrust(_ context.Context, registry *prometheus.Registry) error {
	s.background("verification", func(ctx context.Context) {
		if err := s.rebuilder.Tidy(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("tables of a rebuild that was cut off may be left; they do no harm, and the next rebuild drops them", "error", err)
		}
		s.settleDefinitions(ctx)
		var following sync.WaitGroup
		following.Go(func() { s.watchDefinitions(ctx) })
		defer following.Wait()
		if s.cfg.Verify.Every > 0 {
			s.verifier.Watch(ctx, s.cfg.Verify.Every, registry)
		}
	})
	return nil
}

// trustRoutes answers our own commands. They wait as long as it takes; when they go away, the work is cut off.
func (s *service) trustRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST "+verifyPath, answerJSON(s, s.verify))
	mux.HandleFunc("POST "+rebuildPath, answerJSON(s, s.rebuild))
}

// answerJSON has the service do what one of our own commands asks for, which needs ClickHouse.
func answerJSON[Ask, Answer any](s *service, do func(context.Context, Ask) (Answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var ask Ask
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&ask); err != nil {
			http.Error(w, "read the request: "+err.Error(), http.StatusBadRequest)
			return
		}
		if err := s.answers(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		answer, err := do(r.Context(), ask)
		if err != nil {
			http.Error(w, s.cfg.sayAway(r.Context(), err).Error(), http.StatusUnprocessableEntity)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer) // the client is gone
	}
}

// within asks the service that runs on the folder, or does it in one of this process's own: without ports, but with a loader, so
// that what the last process left in the spool is loaded first.
func (p *program) within(ctx context.Context, cfg *Config, path string, ask, answer any, do func(context.Context, *service) (any, error)) (err error) {
	if client := runningService(ctx, cfg.Data); client != nil {
		return askLocal(ctx, client, http.MethodPost, path, ask, answer)
	}
	if cfg.DSN == "" {
		// Opening would make it: a misspelt folder must not become an empty warehouse that verifies well.
		if _, err := os.Stat(cfg.Data); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no data folder %s: --data names another one, --dsn a server", cfg.Data)
		}
	}
	quiet := *cfg
	quiet.Verify.Every = 0
	if quiet.Log.Level == "info" {
		quiet.Log.Level = "warn"
	}
	s, err := startService(context.WithoutCancel(ctx), &quiet, p.logger(&quiet), closed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(cfg.sayAway(ctx, err), s.stop()) }()
	if err := s.waitSettled(ctx); err != nil {
		return err
	}
	result, err := do(ctx, s)
	if err != nil {
		return err
	}
	text, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("answer of %s: %w", path, err)
	}
	return json.Unmarshal(text, answer)
}
