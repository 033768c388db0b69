package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/schema"
	"github.com/livello/livello/trust"
)

func migrateCommand(p *program) *cobra.Command {
	migrate := &cobra.Command{
		Use: "migrate", Short: "Bring the schema up, or show its state", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	add := func(use, short string, run func(context.Context, definitions.DB, schema.Options) error) {
		migrate.AddCommand(&cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.config(cmd)
			if err != nil {
				return err
			}
			db, err := p.openConfigured(cmd.Context(), &cfg)
			if err != nil {
				return err
			}
			defer db.Close()
			return run(cmd.Context(), db, schema.Options{Cluster: cfg.Cluster, Version: buildVersion()})
		}})
	}
	add("up", "Apply pending migrations and recreate changed views", p.migrateUp)
	add("status", "Show every migration and view", p.migrateStatus)
	add("plan", "Print the statements that `up` would run", p.migratePlan)
	return migrate
}

func (p *program) migrateUp(ctx context.Context, db definitions.DB, o schema.Options) error {
	applied, err := schema.Up(ctx, db, o)
	if err == nil {
		err = (&definitions.Store{DB: db, Cluster: o.Cluster}).Ensure(ctx)
	}
	lacking := []trust.Lacking{}
	if err == nil {
		lacking, err = (&trust.Backfiller{Rebuilder: &trust.Rebuilder{DB: db}}).Note(ctx)
	}
	if p.output == "json" && err == nil {
		if applied == nil {
			applied = []string{}
		}
		return indented(p.stdout, map[string]any{"applied": applied, "lacking": lacking})
	}
	for _, name := range applied {
		fmt.Fprintln(p.stdout, "applied", name)
	}
	if err == nil && len(applied) == 0 {
		fmt.Fprintln(p.stdout, "the schema is up to date")
	}
	if len(lacking) > 0 {
		fmt.Fprintf(p.stdout, "the service will fill these with their history, in the background: %s\n", sayLacking(lacking))
	}
	return err
}

// sayLacking names rollups with the months that they lack, in whichever order these come.
func sayLacking(lacking []trust.Lacking) string {
	months := map[string][]string{}
	for _, l := range lacking {
		months[l.Table] = append(months[l.Table], l.Month)
	}
	var all []string
	for _, table := range slices.Sorted(maps.Keys(months)) {
		of := months[table]
		slices.Sort(of)
		text := fmt.Sprintf("%s (%s", table, of[0])
		if len(of) > 1 {
			text += fmt.Sprintf(" to %s, %d months", of[len(of)-1], len(of))
		}
		all = append(all, text+")")
	}
	return strings.Join(all, ", ")
}

func (p *program) migrateStatus(ctx context.Context, db definitions.DB, _ schema.Options) error {
	items, err := schema.Status(ctx, db)
	if err != nil {
		return err
	}
	if p.output == "json" {
		return indented(p.stdout, items)
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "kind\tversion\tname\tstate\tapplied at\tby")
	for _, i := range items {
		at := ""
		if !i.AppliedAt.IsZero() {
			at = i.AppliedAt.Format("2006-01-02 15:04:05")
		}
		fmt.Fprintf(w, "%s\t%04d\t%s\t%s\t%s\t%s\n", i.Kind, i.Version, i.Name, i.State, at, i.Binary)
		if i.Error != "" {
			fmt.Fprintf(w, "\t\t\t%s\n", i.Error)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	lacking, err := trust.ReadLacking(ctx, db)
	if err == nil && len(lacking) > 0 {
		_, err = fmt.Fprintf(p.stdout, "rollups that lack history, which the service fills in: %s\n", sayLacking(lacking))
	}
	return err
}

// migratePlan prints SQL that can be pasted into a client.
func (p *program) migratePlan(ctx context.Context, db definitions.DB, o schema.Options) error {
	steps, err := schema.Plan(ctx, db, o)
	if err != nil {
		return err
	}
	if p.output == "json" {
		if steps == nil {
			steps = []schema.Step{}
		}
		return indented(p.stdout, steps)
	}
	if len(steps) == 0 {
		fmt.Fprintln(p.stdout, "-- the schema is up to date")
	}
	for _, step := range steps {
		fmt.Fprintf(p.stdout, "-- %s %s %s\n%s;\n\n", step.What, step.Name, step.File, step.SQL)
	}
	return nil
}
