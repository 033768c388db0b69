package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/livello/livello/trust"
)

// rebuildCommand recomputes rollups from raw events, in the service that runs on the folder or, when none does, here.
func rebuildCommand(p *program) *cobra.Command {
	rebuild := &cobra.Command{
		Use:   "rebuild",
		Short: "Recompute months of rollups from the raw events and swap them in",
		Long: "Recomputes rollups beside the live tables, month by month, and swaps them in, while ingest goes on. What is cut off leaves the\n" +
			"live tables as they were. A rollup that came with an update is filled with its history by the running service; this does it at once. See docs/reliability.md.",
		Example: "  livello rebuild --from 2026-02 --to 2026-03\n  livello rebuild --table channel_hour --all",
		Args:    cobra.NoArgs,
	}
	var ask rebuildRequest
	rebuild.Flags().StringVar(&ask.From, "from", "", "first month, as 2026-02; a day stands for its month")
	rebuild.Flags().StringVar(&ask.To, "to", "", "last month; default: the last there is")
	rebuild.Flags().StringSliceVar(&ask.Tables, "table", nil, "rollup to rebuild; may be repeated; default: all of them")
	all := rebuild.Flags().Bool("all", false, "every month there is")
	rebuild.RunE = func(cmd *cobra.Command, _ []string) error {
		format, err := p.format("table", "json")
		if err != nil {
			return err
		}
		if ask.From == "" && ask.To == "" && !*all {
			return errors.New("say which months: --from 2026-02 and --to 2026-03, or --all")
		}
		if _, _, err := ask.months(); err != nil {
			return err
		}
		cfg, err := p.config(cmd)
		if err != nil {
			return err
		}
		var done trust.Rebuilt
		err = p.within(cmd.Context(), &cfg, rebuildPath, ask, &done, func(ctx context.Context, s *service) (any, error) { return s.rebuild(ctx, ask) })
		if err != nil {
			return err
		}
		if format == "json" {
			return indented(p.stdout, done)
		}
		_, err = fmt.Fprintf(p.stdout, "%s of %s rebuilt from %s in %.1f s, with loading paused for %.2f s\n",
			counted(len(done.Months), "month"), strings.Join(done.Tables, ", "), counted(done.Events, "event"), done.Seconds, done.Held)
		return err
	}
	return rebuild
}

// rebuildRequest is what rebuildPath takes.
type rebuildRequest struct {
	From   string   `json:"from"`
	To     string   `json:"to"`
	Tables []string `json:"tables"`
}

func (r rebuildRequest) months() (from, to time.Time, err error) {
	if from, err = parseMonth("from", r.From); err != nil {
		return from, to, err
	}
	if to, err = parseMonth("to", r.To); err != nil {
		return from, to, err
	}
	if !to.IsZero() && to.Before(from) {
		return from, to, fmt.Errorf("--from %s is after --to %s", r.From, r.To)
	}
	return from, to, nil
}

// parseMonth reads a month, or a day, which stands for its month; the zero time when there is neither.
func parseMonth(flag, value string) (time.Time, error) {
	if len(value) <= len("2026-02") {
		return parseTime(flag, "2006-01", value)
	}
	day, err := parseTime(flag, time.DateOnly, value)
	return day.AddDate(0, 0, 1-day.Day()), err
}

func (s *service) rebuild(ctx context.Context, ask rebuildRequest) (trust.Rebuilt, error) {
	from, to, err := ask.months()
	if err != nil {
		return trust.Rebuilt{}, err
	}
	if s.cfg.Cluster != "" {
		return trust.Rebuilt{}, errors.New("a cluster cannot be rebuilt from one node: the other nodes' loaders would go on in between")
	}
	return s.rebuilder.Rebuild(ctx, from, to, ask.Tables...)
}
