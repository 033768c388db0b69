package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/livello/livello/access"
	"github.com/livello/livello/simulate"
	"github.com/livello/livello/tiers"
)

// demoOptions are the flags of the demo.
type demoOptions struct {
	people, days int
	seed         uint64
	once         bool
}

func demoCommand(p *program) *cobra.Command {
	var o demoOptions
	demo := &cobra.Command{
		Use:   "demo",
		Short: "Simulate an audience in ./demo-data and show what comes of it",
		Long: "Starts the service on a folder of its own, sends 90 days of simulated engagement through the HTTP API, evaluates who behaves like a\n" +
			"buyer, now and day by day in the past, prints a page, and keeps events coming until Ctrl-C. Running it again on the folder sends the same\n" +
			"events, which are then recognized.",
		Args: cobra.NoArgs,
	}
	flags := demo.Flags()
	flags.IntVar(&o.people, "people", 5000, "how many people")
	flags.IntVar(&o.days, "days", 90, "how many days, up to now")
	flags.Uint64Var(&o.seed, "seed", 1, "another seed, other people")
	flags.BoolVar(&o.once, "once", false, "stop after the page")
	// A folder of its own: LIVELLO_DATA and LIVELLO_DSN may well name real data, which must not get made-up people by accident.
	flags.String("data", "./demo-data", "data folder of the demo; neither LIVELLO_DATA nor a config file counts here")
	demo.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := p.config(cmd)
		if err != nil {
			return err
		}
		fresh := defaults()
		if cfg.Data, err = flags.GetString("data"); err != nil {
			return err
		}
		if f := cmd.Flags().Lookup("dsn"); f == nil || !f.Changed {
			cfg.DSN, cfg.Cluster = fresh.DSN, fresh.Cluster
		}
		if cfg.Log.Level == "info" {
			cfg.Log.Level = "warn" // the page is the output
		}
		return p.demo(cmd.Context(), &cfg, o)
	}
	return demo
}

// demo runs it. What was simulated is kept in demo.json: a later run on the folder goes on from the same first day, so that what
// was sent before is sent as duplicates and only the days since are new.
func (p *program) demo(ctx context.Context, cfg *Config, o demoOptions) (err error) {
	now := time.Now().UTC()
	past, err := readPast(cfg.Data, o, now)
	if err != nil {
		return err
	}
	p.freePorts(cfg)
	fmt.Fprintf(p.stdout, "starting Livello on %s\n", cfg.Data)
	s, err := startService(ctx, cfg, p.logger(cfg), open)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := past.write(cfg.Data); err != nil {
		return err
	}

	sim := simulate.Config{People: past.People, Days: past.Days, Seed: past.Seed, Start: past.Start, End: now}
	in, err := p.sendPast(ctx, s, sim, past.from(now, cfg.Dedupe.Window))
	if err != nil {
		return err
	}
	past.SentUntil, past.SentAt = now, now
	if err := past.write(cfg.Data); err != nil {
		return err
	}
	if in.tiers, err = p.evaluatePast(ctx, s, &past, now); err != nil {
		return err
	}
	if err := past.write(cfg.Data); err != nil {
		return err
	}
	pg := &page{ctx: ctx, db: s.db, w: p.stdout}
	if err := pg.summary(in, &past); err != nil {
		return err
	}
	if err := p.whereToLook(s, pg.top, o.once); err != nil {
		return err
	}
	if o.once {
		return nil
	}
	return p.trickle(ctx, s, sim)
}

// replayDays is how much of the past has its tiers evaluated as of the end of each day: outcomes are known after 30 days, and ten days of
// people with a known outcome are enough to see something. Each day costs a look at most people.
const replayDays = 40

// evaluatePast waits until metrics and tiers know everything that was sent, and fills the history of tiers for days that it does not hold yet.
func (p *program) evaluatePast(ctx context.Context, s *service, past *past, now time.Time) (done tiers.Replayed, err error) {
	if err := s.funnel.Tick(ctx); err != nil {
		return done, fmt.Errorf("compute metrics: %w", err)
	}
	to := now.Truncate(24 * time.Hour)
	from := to.AddDate(0, 0, -replayDays)
	for _, begin := range []time.Time{past.Start, past.EvaluatedUntil} {
		if begin.After(from) {
			from = begin
		}
	}
	if from.Before(to) {
		fmt.Fprintf(p.stdout, "evaluating tiers as of now and, one after the other, of the end of each of the last %d days\n", int(to.Sub(from).Hours()/24))
		if done, err = s.tiers.Replay(ctx, from, to); err != nil {
			return done, fmt.Errorf("evaluate tiers of the past: %w", err)
		}
		past.EvaluatedUntil = to
	}
	for {
		news, err := s.tiers.Tick(ctx)
		if err != nil {
			return done, fmt.Errorf("evaluate tiers: %w", err)
		}
		if news.People == 0 {
			return done, nil
		}
	}
}

// freePorts replaces a port that another program has by a free one, and says so.
func (p *program) freePorts(cfg *Config) {
	for _, addr := range []*string{&cfg.Listen, &cfg.SQL.Listen} {
		if *addr == "" {
			continue
		}
		l, err := net.Listen("tcp", *addr)
		if err == nil {
			l.Close()
			continue
		}
		host, _, splitErr := net.SplitHostPort(*addr)
		if splitErr != nil {
			continue // startService says what is wrong with it
		}
		fmt.Fprintf(p.stdout, "%s is taken by another program: using a free port\n", *addr)
		*addr = net.JoinHostPort(host, "0")
	}
}

// past is demo.json: what the folder's people are made of, and until when their events were sent.
type past struct {
	People    int       `json:"people"`
	Days      int       `json:"days"`
	Seed      uint64    `json:"seed"`
	Start     time.Time `json:"start"`
	SentUntil time.Time `json:"sent_until"`
	SentAt    time.Time `json:"sent_at"`
	Edition   int       `json:"edition"` // of the simulation
	// EvaluatedUntil ends the days whose tiers were replayed; zero before the first.
	EvaluatedUntil time.Time `json:"evaluated_until"`
}

const pastName = "demo.json"

// readPast is the folder's demo, or a new one that ends now. A folder with other data is refused.
func readPast(data string, o demoOptions, now time.Time) (past, error) {
	fresh := past{People: o.people, Days: o.days, Seed: o.seed, Edition: simulate.Edition, Start: now.AddDate(0, 0, 1-o.days).Truncate(24 * time.Hour)}
	text, err := os.ReadFile(filepath.Join(data, pastName))
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(data, access.FileName)); err == nil {
			return past{}, fmt.Errorf("%s holds other data, and the demo makes people up: give it a folder of its own with --data", data)
		}
		return fresh, nil
	}
	if err != nil {
		return past{}, fmt.Errorf("read %s: %w", pastName, err)
	}
	var old past
	if err := json.Unmarshal(text, &old); err != nil {
		return past{}, fmt.Errorf("read %s: %w", filepath.Join(data, pastName), err)
	}
	if old.Edition != simulate.Edition {
		return past{}, fmt.Errorf("%s holds a demo of another version of Livello, with other people: delete it, or give another folder with --data", data)
	}
	if old.People != o.people || old.Days != o.days || old.Seed != o.seed {
		return past{}, fmt.Errorf("%s holds the demo of %d people over %d days with seed %d: run it with these, give another folder with --data, or delete it",
			data, old.People, old.Days, old.Seed)
	}
	return old, nil
}

// from is the first moment to send again: all of it while the index of event ids still knows it, else what is not there yet.
func (p *past) from(now time.Time, window time.Duration) time.Time {
	if now.Sub(p.SentAt) < window-time.Hour || p.SentUntil.IsZero() {
		return p.Start
	}
	return p.SentUntil
}

func (p *past) write(data string) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", pastName, err)
	}
	if err := os.WriteFile(filepath.Join(data, pastName), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", pastName, err)
	}
	return nil
}
