package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/livello/livello/access"
	"github.com/livello/livello/erasure"
	"github.com/livello/livello/funnel"
	"github.com/livello/livello/identity"
	"github.com/livello/livello/ingest"
	"github.com/livello/livello/ingest/dedupe"
	"github.com/livello/livello/ingest/loader"
	"github.com/livello/livello/ingest/machine"
	"github.com/livello/livello/ingest/quarantine"
	"github.com/livello/livello/ingest/spool"
	"github.com/livello/livello/internal/background"
	"github.com/livello/livello/profile/cards"
	"github.com/livello/livello/queries"
	"github.com/livello/livello/tiers"
	"github.com/livello/livello/trust"
	"github.com/livello/livello/warehouse"
)

// Times a client may take; see newServer.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 2 * time.Minute
	idleTimeout       = 2 * time.Minute
)

// service is a running Livello on one data folder. Its parts start in order and stop in the mirror order.
type service struct {
	cfg *Config
	log *slog.Logger

	keys   access.Keys
	db     *warehouse.Warehouse
	spool  *spool.Spool
	loader *loader.Loader

	quarantine *quarantine.Store
	rebuilder  *trust.Rebuilder
	verifier   *trust.Verifier
	tiers      *tiers.Evaluator
	cards      *cards.Store // nil with a ClickHouse server
	eraser     *erasure.Eraser
	funnel     *funnel.Keeper
	resolver   *identity.Resolver

	serving  bool              // it has doors
	prepared *milestone        // the database was reached and has the schema
	news     background.Signal // something has come into the database that people may depend on
	lacking  atomic.Bool       // what is known of people may lack history; see lacksHistory
	handler  http.Handler      // the API, for this process; it works without a port, too
	facts    facts
	meaning  meaning // what the definitions say that is not asked of the database

	failed chan error // a part ended by itself
	stops  []stopStep // in order of start
}

// stopStep undoes one step of the start. Its context has a deadline of its own: never the one whose end began the stop.
type stopStep struct {
	name string
	stop func(context.Context) error
}

// doors says which ports a service opens. Without them it is the ingest path alone, as `load` uses it when no service runs.
type doors bool

const (
	closed doors = false
	open   doors = true
)

// startService starts everything on the folder, or nothing: when a step fails, the steps before it are undone.
func startService(ctx context.Context, cfg *Config, log *slog.Logger, d doors) (_ *service, err error) {
	s := &service{cfg: cfg, log: log, serving: d == open, prepared: newMilestone(), failed: make(chan error, 8)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	for _, step := range []func(context.Context, *prometheus.Registry) error{s.startDefinitions, s.startWarehouse, s.startSpool, s.startIdentity, s.startCards, s.startTiers, s.startFunnel, s.startLoader, s.startTrust, s.startQuarantine, s.startBackfill, s.startErasure, s.startAPI} {
		if err := step(ctx, registry); err != nil {
			return nil, err
		}
	}
	if d == open {
		if err := s.openDoors(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *service) onStop(name string, stop func(context.Context) error) {
	s.stops = append(s.stops, stopStep{name, stop})
}

// stop ends the parts, last started first. Every step gets stop.timeout of its own.
func (s *service) stop() error {
	var errs []error
	for i := len(s.stops) - 1; i >= 0; i-- {
		step := s.stops[i]
		ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Stop.Timeout)
		if err := step.stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", step.name, err))
		}
		cancel()
	}
	s.stops = nil
	return errors.Join(errs...)
}

// startWarehouse takes the folder, opens the database, brings the schema up and has the keys ready.
func (s *service) startWarehouse(ctx context.Context, _ *prometheus.Registry) error {
	if err := os.MkdirAll(s.cfg.Data, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	if s.cfg.DSN != "" { // with an engine of our own the warehouse locks the folder
		if err := s.lockFolder(); err != nil {
			return err
		}
	}
	where := s.cfg.warehouse(s.log)
	where.Exclusive = true // the spool is in the folder, too
	where.Lazy = true
	db, err := warehouse.Open(ctx, where)
	if err != nil {
		return err
	}
	s.db = db
	s.onStop("warehouse", func(context.Context) error { return db.Close() })
	if err := s.prepare(ctx); err != nil {
		// Events are accepted without ClickHouse. What it refuses is another matter, and a folder or a file wants its answer now.
		if s.cfg.DSN == "" || !s.serving || ctx.Err() != nil || !loader.Unreachable(err) {
			return s.cfg.sayAway(ctx, err)
		}
		s.log.Warn("starting without ClickHouse: events are accepted and kept, and loaded when it answers", "error", err)
	}
	if s.keys, err = access.Ensure(s.cfg.Data); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// startSpool opens the index of event ids and the log, which recovers what the last process left.
func (s *service) startSpool(context.Context, *prometheus.Registry) error {
	index, err := dedupe.Open(filepath.Join(s.cfg.Data, "dedupe"), dedupe.Options{Window: s.cfg.Dedupe.Window, Logger: s.log})
	if err != nil {
		return fmt.Errorf("open index of event ids: %w", err)
	}
	s.onStop("index of event ids", func(context.Context) error { return index.Close() })
	minFree := int64(s.cfg.Spool.MinFree)
	if minFree == 0 {
		minFree = -1 // zero is the spool's default
	}
	s.spool, err = spool.Open(spool.Options{
		Dir: filepath.Join(s.cfg.Data, "spool"), Index: index, Logger: s.log,
		SegmentBytes: int64(s.cfg.Spool.SegmentBytes), SegmentRows: s.cfg.Spool.SegmentRows, Linger: s.cfg.Spool.Linger,
		MaxBytes: int64(s.cfg.Spool.MaxBytes), MinFree: minFree,
	})
	if err != nil {
		return err
	}
	s.onStop("spool", func(context.Context) error { return s.spool.Close() })
	return nil
}

// startLoader moves the spool into the database until the service stops; what is waiting then is loaded first, as far as
// its deadline allows. What is not stays in the spool for the next start.
func (s *service) startLoader(_ context.Context, registry *prometheus.Registry) error {
	s.loader = loader.New(loader.Options{
		Spool: s.spool, DB: s.db, Prepare: s.prepareOnce, Window: s.cfg.Dedupe.Window, Mend: s.mend, Take: s.takeOver, Loaded: s.news.Send, Replicated: s.cfg.Cluster != "", Registry: registry, Logger: s.log,
	})
	s.rebuilder = &trust.Rebuilder{DB: s.db, Hold: s.loader.Hold, After: s.rollupsMadeAgain, Logger: s.log}
	if err := s.makeVerifier(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := s.loader.Run(ctx)
		done <- err
		if err != nil {
			s.failed <- fmt.Errorf("loader: %w", err)
		}
	}()
	s.onStop("loader", func(ctx context.Context) error {
		err := errStopEarly // nothing is to be waited for while ClickHouse is away
		if reason, _ := s.loader.Failing(); reason == nil {
			err = s.waitLoaded(ctx)
		}
		if err != nil && s.spool.Status().WaitingRows > 0 {
			s.log.Warn("stopped with events waiting in the spool; they are loaded at the next start", "events", s.spool.Status().WaitingRows)
		}
		cancel()
		return <-done
	})
	if s.cfg.DSN == "" {
		s.background("merges", loader.Merges{DB: s.db, Behind: s.behind, Logger: s.log}.Run)
	}
	return nil
}

// behind says that more waits to be loaded than goes into one INSERT.
func (s *service) behind() bool { return s.spool.Status().WaitingRows > s.cfg.Spool.SegmentRows }

// refusedAfter is longer than the loader needs to set a refused segment aside, if it can be.
const refusedAfter = 20 * time.Second

var errStopEarly = errors.New("loading fails")

// waitLoaded returns when every event accepted before the call is in the database.
func (s *service) waitLoaded(ctx context.Context) error {
	began := time.Now()
	if err := s.spool.Seal(ctx); err != nil {
		return fmt.Errorf("seal the spool: %w", err)
	}
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		changed := s.spool.Progress()
		if oldest := s.spool.Status().OldestWaiting; oldest.IsZero() || oldest.After(began) {
			return nil
		}
		// Whoever waits is told what would keep them waiting for ever.
		reason, since := s.loader.Failing()
		if since.Before(began) {
			since = began // what came after may help it past
		}
		if loader.Refused(reason) && time.Since(since) > refusedAfter {
			return fmt.Errorf("%d accepted events stay in the spool, because ClickHouse refuses them: %w", s.spool.Status().WaitingRows, reason)
		}
		select {
		case <-changed:
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d events to be loaded: %w", s.spool.Status().WaitingRows, ctx.Err())
		}
	}
}

// startAPI puts the HTTP routes together.
func (s *service) startAPI(_ context.Context, registry *prometheus.Registry) error {
	senders, err := access.NewWriteKeys(s.keys.WriteKey, s.cfg.Sources)
	if err != nil {
		return fmt.Errorf("setting sources: %w", err)
	}
	machines, err := machine.New(s.cfg.machineOptions())
	if err != nil {
		return fmt.Errorf("setting machine: %w", err)
	}
	in := ingest.New(ingest.Options{
		Log: s.spool, Keys: senders, Limits: s.cfg.ingestLimits(), Mapping: s.meaning.mapping, Currency: s.cfg.Currency, Machine: machines,
		Quarantine: s.quarantine, Guard: s.eraser.Guard(), Origins: s.cfg.CORS.Origins, Registry: registry, Logger: s.log,
	})
	e := newAPI(s.cfg, s.keys, in, queries.Runner{DB: reader{s}}, registry, s.health(), s.log)
	peopleRoutes(e, s.profiles(), queries.Runner{DB: reader{s}}, requireReadKey(s.keys.ReadKey))
	s.measurementRoutes(e, in, registry)
	e.DELETE("/v1/people/:id", s.erasePerson, requireKey("admin", s.keys.AdminKey))
	s.handler = e
	return nil
}

// openDoors opens the ports and the socket for our own commands, and writes service.json.
func (s *service) openDoors() error {
	s.facts = facts{PID: os.Getpid(), Version: buildVersion()}
	local, err := listenLocal(s.cfg.Data)
	if err != nil {
		return err
	}
	s.onStop(socketName, func(context.Context) error { return os.Remove(filepath.Join(s.cfg.Data, socketName)) })
	s.serveHTTP("local API", local, s.ownHandler())
	api, err := listen("listen", s.cfg.Listen)
	if err != nil {
		return err
	}
	s.facts.API = address(api)
	s.serveHTTP("API", api, s.handler)
	if s.cfg.SQL.Listen != "" && s.db.Mode() == warehouse.Embedded { // a server has its own port, users and quotas
		reader, err := s.db.SQLHandler(warehouse.SQLOptions{User: s.keys.SQLUser, Password: s.keys.SQLPassword})
		if err != nil {
			return fmt.Errorf("SQL port: %w", err)
		}
		sql, err := listen("sql.listen", s.cfg.SQL.Listen)
		if err != nil {
			return err
		}
		s.facts.SQL = address(sql)
		s.serveHTTP("SQL", sql, reader)
	}
	if err := writeFacts(s.cfg.Data, s.facts); err != nil {
		return err
	}
	s.onStop(factsName, func(context.Context) error { return os.Remove(filepath.Join(s.cfg.Data, factsName)) })
	s.log.Info("ready", "version", s.facts.Version, "api", s.facts.API, "sql", s.facts.SQL, "data", s.cfg.Data)
	return nil
}

// serveHTTP answers on l until the service stops: then running requests are finished, as far as the deadline allows.
func (s *service) serveHTTP(name string, l net.Listener, h http.Handler) {
	server := newServer(h, s.log)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("%s port: %w", name, err)
		}
	}()
	s.onStop(name+" port", func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			s.log.Warn("requests cut off", "port", name)
			err = server.Close()
		}
		<-done
		return err
	})
}
