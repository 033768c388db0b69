package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/livello/livello/queries"
	"github.com/livello/livello/tiers"
)

// tierReports are the queries behind `livello tiers`, in the order in which they are printed.
var tierReports = []struct{ name, query, title string }{
	{"distribution", "tier_distribution", "Who is where"},
	{"movers", "tier_movers", "Who moved"},
	{"top", "tier_top", "Who to talk to first, and why"},
}

// tiersCommand prints who behaves like a buyer, from the states that a running service keeps up to date.
func tiersCommand(p *program) *cobra.Command {
	command := &cobra.Command{
		Use:   "tiers",
		Short: "Who behaves like a buyer: distribution, movers and the top list with reasons",
		Long: "Prints how many people are in each tier and micro-segment, how many moved between them in the last day and week, and the people with the\n" +
			"highest scores with the reasons. A running service keeps this up to date. See docs/tiers.md.",
		Example: "  livello tiers\n  livello tiers --only top --limit 50 -o csv\n  livello tiers replay --from 2026-01-01",
		Args:    cobra.NoArgs,
	}
	only := command.Flags().String("only", "", "one of distribution, movers, top")
	limit := command.Flags().Int("limit", 20, "people in the top list")
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		format, err := p.format("table", "json", "csv")
		if err != nil {
			return err
		}
		var names []string
		for _, r := range tierReports {
			names = append(names, r.name)
		}
		switch {
		case *only != "" && !slices.Contains(names, *only):
			return fmt.Errorf("--only %q: must be one of %s", *only, strings.Join(names, ", "))
		case *only == "" && format == "csv":
			return fmt.Errorf("-o csv holds one table: say which with --only %s", strings.Join(names, ", --only "))
		}
		db, err := p.open(cmd)
		if err != nil {
			return err
		}
		defer db.Close()
		all := map[string]json.RawMessage{}
		for _, r := range tierReports {
			if *only != "" && *only != r.name {
				continue
			}
			params := map[string]string{}
			if r.name == "top" {
				params["limit"] = strconv.Itoa(*limit)
			}
			var out bytes.Buffer
			if err := queries.Run(cmd.Context(), db, r.query, params, format, &out); err != nil {
				return err
			}
			switch {
			case *only != "":
				_, err := p.stdout.Write(out.Bytes())
				return err
			case format == "json":
				all[r.name] = out.Bytes()
			case out.Len() == 0 && r.name == "distribution":
				_, err := fmt.Fprintln(p.stderr, "nobody has a tier yet: `livello serve` evaluates people within seconds after their events came in")
				return err
			case out.Len() == 0:
				fmt.Fprintf(p.stdout, "%s\n\nnobody\n\n", r.title)
			default:
				fmt.Fprintf(p.stdout, "%s\n\n%s\n", r.title, out.String())
			}
		}
		if format == "json" {
			return indented(p.stdout, all)
		}
		return nil
	}
	command.AddCommand(tiersReplay(p))
	return command
}

// tiersReplay fills the history of days whose events were loaded later, in the service that runs on the folder or, when none does, here.
func tiersReplay(p *program) *cobra.Command {
	replay := &cobra.Command{
		Use:   "replay",
		Short: "Fill the history of tiers for days of the past whose events were loaded later",
		Long: "Evaluates everybody as of the end of each day of the past, from what was known until then, and writes the changes into tier_history,\n" +
			"marked as replayed. For after a historic load. It may be repeated: rows of an earlier replay of these days are replaced.",
		Example: "  livello tiers replay --from 2026-01-01 --to 2026-03-01",
		Args:    cobra.NoArgs,
	}
	var ask replayRequest
	replay.Flags().StringVar(&ask.From, "from", "", "first day, as 2026-01-01 (UTC)")
	replay.Flags().StringVar(&ask.To, "to", "", "the day after the last one; default: today")
	replay.RunE = func(cmd *cobra.Command, _ []string) error {
		format, err := p.format("table", "json")
		if err != nil {
			return err
		}
		if _, _, err := ask.days(); err != nil {
			return err
		}
		cfg, err := p.config(cmd)
		if err != nil {
			return err
		}
		var done tiers.Replayed
		if err := p.within(cmd.Context(), &cfg, replayPath, ask, &done, func(ctx context.Context, s *service) (any, error) { return s.replayTiers(ctx, ask) }); err != nil {
			return err
		}
		if format == "json" {
			return indented(p.stdout, done)
		}
		_, err = fmt.Fprintf(p.stdout, "%s replayed: %s of people, %s, in %.1f s\n", counted(done.Days, "day"), counted(done.People, "evaluation"), counted(done.Changes, "change"), done.Seconds)
		return err
	}
	return replay
}
