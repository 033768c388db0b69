package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/livello/livello/trust"
)

// verifyCommand compares receipts, raw events and rollups, in the service that runs on the folder or, when none does, here.
func verifyCommand(p *program) *cobra.Command {
	verify := &cobra.Command{
		Use:   "verify",
		Short: "Compare what was accepted with what is stored and with every rollup",
		Long: "Compares, per day, the receipts of what was accepted with the raw events, and these with every rollup, prints the numbers that\n" +
			"differ, and fails when any does. It works while events come in. See docs/reliability.md.\n\n" +
			"--accept writes down, before it compares, that a person knows why the events of a day are not what was accepted. They are no difference from then on, and\n" +
			"stay in the report with who said so. It changes nothing else.",
		Example: "  livello verify\n  livello verify --from 2026-03-01 --to 2026-04-01 -o json\n  livello verify --accept 2026-03-04 --because 'disk of the old node, ticket 71'",
		Args:    cobra.NoArgs,
	}
	from := verify.Flags().String("from", "", "first day, as 2026-03-01 (UTC); default: the first there is")
	to := verify.Flags().String("to", "", "the day after the last one; default: everything")
	accept := verify.Flags().StringSlice("accept", nil, "day whose missing (or unknown) events are known and taken as they are, as 2026-03-04; may be repeated")
	because := verify.Flags().String("because", "", "with --accept: why, for whoever reads the report")
	verify.RunE = func(cmd *cobra.Command, _ []string) error {
		format, err := p.format("table", "json")
		if err != nil {
			return err
		}
		ask := verifyRequest{From: *from, To: *to, Accept: *accept, Because: *because}
		if _, _, err := ask.days(); err != nil {
			return err
		}
		if _, err := ask.accepted(); err != nil {
			return err
		}
		if len(ask.Accept) > 0 {
			ask.By = whoami()
		}
		cfg, err := p.config(cmd)
		if err != nil {
			return err
		}
		var report trust.Report
		err = p.within(cmd.Context(), &cfg, verifyPath, ask, &report, func(ctx context.Context, s *service) (any, error) { return s.verify(ctx, ask) })
		if err != nil {
			return err
		}
		if format == "json" {
			err = indented(p.stdout, report)
		} else {
			err = p.printReport(report)
		}
		if err == nil {
			err = wrongIn(report)
		}
		return err
	}
	return verify
}

// wrongIn is the error that makes the exit status 1.
func wrongIn(r trust.Report) error {
	var wrong []string
	if n := len(r.Differences) - r.Spooled(); n > 0 {
		wrong = append(wrong, fmt.Sprintf("%d of %d numbers are not what they should be", n, r.Sums))
	}
	if n := r.Spooled(); n > 0 {
		hold := "hold"
		if n == 1 {
			hold = "holds"
		}
		wrong = append(wrong, fmt.Sprintf("%s of the spool %s accepted events that are in no table", counted(n, "file"), hold))
	}
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.Join(wrong, ", and "))
}

func (p *program) printReport(r trust.Report) error {
	if len(r.Differences) > 0 {
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "day\ttable\tmeasure\texpected\tfound\tmeaning")
		for _, d := range r.Differences {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", d.Day, d.Table, d.Measure, d.Expected, d.Found, d.Meaning)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if len(r.Lacking) > 0 {
		fmt.Fprintf(p.stdout, "not compared, being filled with history by the service: %s\n", sayLacking(r.Lacking))
		for _, l := range r.Lacking {
			if l.Attempts > 0 {
				fmt.Fprintf(p.stdout, "  %s of %s could not be filled in %d times, and is tried again: %s\n", l.Table, l.Month, l.Attempts, l.Error)
			}
		}
	}
	for _, a := range r.Accepted {
		what, n := "missing", a.Missing
		if n < 0 {
			what, n = "unknown to receipts", -n
		}
		fmt.Fprintf(p.stdout, "accepted as it is: %s of %s %s (%s, %s%s)\n", counted(n, "event"), a.Day, what, a.By, a.At.Format(time.DateTime), inWords(a.Because))
	}
	for _, k := range r.Known {
		fmt.Fprintf(p.stdout, "known since %s and not compared this time: %s of %s of %s%s (%s)\n", k.Since.Format(time.DateTime), counted(k.Numbers, "number"), k.Table, k.Day, ofService(k), oneLine(k.Details, 160))
	}
	if r.Spool != nil {
		for _, u := range r.Spool.Aside {
			if u.Harmless {
				fmt.Fprintf(p.stdout, "%s, %d bytes: %s; %s\n", u.File, u.Bytes, u.Why, u.Help)
			}
		}
		if r.Spool.Waiting > 0 {
			fmt.Fprintf(p.stdout, "in this service's spool, to be loaded and not compared yet: %s\n", counted(r.Spool.Waiting, "accepted event"))
		}
	}
	if r.Repeats > 0 {
		fmt.Fprintf(p.stdout, "%s sent again, after the deduplication window or to another service, and stored once\n", counted(r.Repeats, "event"))
	}
	_, err := fmt.Fprintf(p.stdout, "%s, %s, %s compared in %.1f s: %s\n", counted(r.Days, "day"), counted(r.Events, "event"), counted(r.Sums, "number"), r.Seconds, counted(len(r.Differences), "difference"))
	return err
}

func inWords(because string) string {
	if because == "" {
		return ""
	}
	return ": " + oneLine(because, 160)
}

func ofService(k trust.Known) string {
	if k.Service == "" {
		return ""
	}
	return " of service " + k.Service
}

// verifyRequest is what verifyPath takes.
type verifyRequest struct {
	From    string   `json:"from"`
	To      string   `json:"to"`
	Accept  []string `json:"accept,omitempty"` // days
	By      string   `json:"by,omitempty"`     // who accepts them
	Because string   `json:"because,omitempty"`
}

// accepted are the days of --accept.
func (v verifyRequest) accepted() (days []time.Time, err error) {
	for _, text := range v.Accept {
		day, err := parseTime("accept", time.DateOnly, text)
		if err != nil {
			return nil, err
		}
		days = append(days, day)
	}
	if len(days) == 0 && v.Because != "" {
		return nil, errors.New("--because goes with --accept")
	}
	return days, nil
}

// whoami says who runs the command, as user@machine.
func whoami() string {
	name := "uid " + strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname() // it is for people to read
	return name + "@" + host
}

func (v verifyRequest) days() (from, to time.Time, err error) {
	if from, err = parseTime("from", time.DateOnly, v.From); err != nil {
		return from, to, err
	}
	if to, err = parseTime("to", time.DateOnly, v.To); err != nil {
		return from, to, err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, fmt.Errorf("--from %s is not before --to %s", v.From, v.To)
	}
	return from, to, nil
}

// parseTime reads the value of a flag in a layout; none is the zero time.
func parseTime(flag, layout, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(layout, value)
	if err != nil {
		return t, fmt.Errorf("--%s %q: write it as %s", flag, value, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Format(layout))
	}
	return t, nil
}

func (s *service) verify(ctx context.Context, ask verifyRequest) (trust.Report, error) {
	from, to, err := ask.days()
	if err != nil {
		return trust.Report{}, err
	}
	// What is being checked anyway must not be reported as wrong.
	if err := s.loader.Settle(ctx); err != nil {
		s.log.Warn("verifying although segments are doubtful", "error", err)
	}
	accept, err := ask.accepted()
	if err == nil && len(accept) > 0 {
		err = s.verifier.Accept(ctx, accept, ask.By, ask.Because)
	}
	if err != nil {
		return trust.Report{}, err
	}
	s.settleDefinitions(ctx) // what is being recomputed anyway is no difference
	return s.verifier.Verify(ctx, from, to)
}
