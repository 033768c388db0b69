package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/livello/livello/definitions"
)

// definitionsCommand is what a marketer works with: livello.yaml, checked, compared and applied.
func definitionsCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "definitions",
		Short: "What the numbers mean: check, compare and apply livello.yaml",
		Long: "Signals, key pages, tier criteria, segments, metrics and the like are defined in a YAML file. `livello definitions show --default` prints\n" +
			"the one Livello comes with, with a comment on everything; a file of yours holds what differs. See docs/definitions.md.",
		Example: "  livello definitions show --default > livello.yaml\n  livello definitions check livello.yaml\n  livello definitions diff livello.yaml\n" +
			"  livello definitions apply livello.yaml --note 'two downloads, agreed with sales'",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(definitionsCheck(p), definitionsDiff(p), definitionsApply(p), definitionsHistory(p), definitionsShow(p))
	return c
}

// readDefinitions reads a file. Its error has a line for everything that is wrong.
func readDefinitions(path string) (*definitions.Definitions, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	d, err := definitions.Parse(path, text)
	if err != nil {
		return nil, mistakes(err)
	}
	return d, nil
}

// mistakes puts each on a line of its own.
func mistakes(err error) error {
	n := strings.Count(err.Error(), "\n") + 1
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		n = len(joined.Unwrap())
	}
	if n == 1 {
		return err
	}
	return fmt.Errorf("%d mistakes\n%w", n, err)
}

func definitionsCheck(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "check FILE", Short: "Say everything that is wrong with a file, with line and column; needs no database", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := readDefinitions(args[0])
			if err != nil {
				return err
			}
			p.warnOf(d)
			_, err = fmt.Fprintf(p.stdout, "%s is right: %d signals, %d key paths, %d criteria, %d micro-segments, %d lifecycle segments, %d metrics\n",
				args[0], len(d.Signals), len(d.KeyPaths), len(d.Criteria), len(d.MicroSegments), len(d.Lifecycle), len(d.Metrics))
			return err
		},
	}
}

// warnOf prints what is right but may not be meant.
func (p *program) warnOf(d *definitions.Definitions) {
	for _, warning := range d.Warnings() {
		fmt.Fprintln(p.stderr, "warning:", warning)
	}
}

func definitionsDiff(p *program) *cobra.Command {
	diff := &cobra.Command{
		Use: "diff FILE", Short: "Show what a file would change, and what would be computed again", Args: cobra.ExactArgs(1),
		Example: "  livello definitions diff livello.yaml\n  livello definitions diff livello.yaml --default",
	}
	builtin := diff.Flags().Bool("default", false, "compare with the definitions Livello comes with; needs no database")
	version := diff.Flags().Uint32("version", 0, "compare with this version; default: the newest")
	diff.RunE = func(cmd *cobra.Command, args []string) error {
		after, err := readDefinitions(args[0])
		if err != nil {
			return err
		}
		before, name, err := p.applied(cmd, *builtin, *version)
		if err != nil {
			return err
		}
		changes, effects := definitions.Diff(before, after), definitions.Effects(before, after)
		if p.output == "json" {
			return indented(p.stdout, map[string]any{"compared_with": name, "changes": changes, "effects": effects})
		}
		if len(changes) == 0 {
			_, err := fmt.Fprintf(p.stdout, "%s says what %s says\n", args[0], name)
			return err
		}
		fmt.Fprintf(p.stdout, "%s, compared with %s:\n\n", args[0], name)
		for _, c := range changes {
			fmt.Fprintln(p.stdout, c)
		}
		fmt.Fprintln(p.stdout)
		for _, e := range effects {
			fmt.Fprintln(p.stdout, "*", e)
		}
		p.warnOf(after)
		return nil
	}
	return diff
}

// applied are the definitions of a version (0: the newest) or the built-in ones, and what they are called.
func (p *program) applied(cmd *cobra.Command, builtin bool, version uint32) (*definitions.Definitions, string, error) {
	if builtin {
		d, err := definitions.Default()
		return d, "the definitions Livello comes with", err
	}
	v, err := p.version(cmd, version)
	if err != nil {
		return nil, "", err
	}
	d, err := v.Definitions()
	return d, fmt.Sprintf("version %d (%s)", v.Version, v.AppliedAt.Format("2006-01-02 15:04")), err
}

// version reads one from the database; 0 is the newest.
func (p *program) version(cmd *cobra.Command, version uint32) (*definitions.Version, error) {
	db, err := p.open(cmd)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	store := &definitions.Store{DB: db}
	if version > 0 {
		return store.Version(cmd.Context(), version)
	}
	v, err := store.Current(cmd.Context())
	if err == nil && v == nil {
		err = errors.New("no definitions were applied yet: `livello migrate up` applies those Livello comes with; --default shows them")
	}
	return v, err
}

func definitionsApply(p *program) *cobra.Command {
	apply := &cobra.Command{
		Use: "apply FILE", Short: "Make a file the newest version; it counts from then on", Args: cobra.ExactArgs(1),
		Long: "Checks the file and makes it the newest version, through the service that runs on the folder or, when none does, here. Thresholds and\n" +
			"metrics count at once; signals and key pages are computed again from all events while events come in, and the command waits for it.\n" +
			"To go back, apply the file of an earlier version: livello definitions show --version 3 > livello.yaml",
	}
	note := apply.Flags().String("note", "", "what to remember about it")
	by := apply.Flags().String("by", "", "who applies it; default: the user of this machine")
	apply.RunE = func(cmd *cobra.Command, args []string) error {
		format, err := p.format("table", "json")
		if err != nil {
			return err
		}
		d, err := readDefinitions(args[0])
		if err != nil {
			return err
		}
		cfg, err := p.config(cmd)
		if err != nil {
			return err
		}
		ask := applyRequest{File: args[0], Source: d.Source, By: cmp.Or(*by, userName()), Note: *note}
		var done definitions.Applied
		if err := p.within(cmd.Context(), &cfg, definitionsPath, ask, &done, func(ctx context.Context, s *service) (any, error) { return s.applyDefinitions(ctx, ask) }); err != nil {
			return err
		}
		if format == "json" {
			return indented(p.stdout, done)
		}
		p.warnOf(d)
		if done.Unchanged {
			_, err := fmt.Fprintf(p.stdout, "version %d says so already; nothing was changed\n", done.Version.Version)
			return err
		}
		for _, c := range done.Changes {
			fmt.Fprintln(p.stdout, c)
		}
		recomputed := ""
		if done.Recompute {
			recomputed = "; person_signals was computed again from all events"
		}
		_, err = fmt.Fprintf(p.stdout, "version %d counts from now on%s\n", done.Version.Version, recomputed)
		return err
	}
	return apply
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

func definitionsHistory(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "history", Short: "List every version that was applied, the newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			db, err := p.open(cmd)
			if err != nil {
				return err
			}
			defer db.Close()
			versions, err := (&definitions.Store{DB: db}).History(cmd.Context())
			if err != nil {
				return err
			}
			if p.output == "json" {
				if versions == nil {
					versions = []definitions.Version{}
				}
				return indented(p.stdout, versions)
			}
			w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "version\tapplied at\tby\tchanges\tnote")
			for i, v := range versions {
				changes := ""
				if i+1 < len(versions) {
					if changes, err = changesBetween(&versions[i+1], &v); err != nil {
						return err
					}
				}
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", v.Version, v.AppliedAt.Format("2006-01-02 15:04:05"), v.AppliedBy, changes, v.Note)
			}
			return w.Flush()
		},
	}
}

// changesBetween says in which sections two versions differ.
func changesBetween(before, after *definitions.Version) (string, error) {
	b, err := before.Definitions()
	if err != nil {
		return "", err
	}
	a, err := after.Definitions()
	if err != nil {
		return "", err
	}
	var sections []string
	for _, c := range definitions.Diff(b, a) {
		if s := c.Section(); len(sections) == 0 || sections[len(sections)-1] != s {
			sections = append(sections, s)
		}
	}
	return strings.Join(sections, ", "), nil
}

func definitionsShow(p *program) *cobra.Command {
	show := &cobra.Command{
		Use: "show", Short: "Print the YAML that counts now; -o json: all of it, with what the file leaves to the defaults", Args: cobra.NoArgs,
	}
	builtin := show.Flags().Bool("default", false, "the definitions Livello comes with; needs no database")
	version := show.Flags().Uint32("version", 0, "an earlier version")
	sql := show.Flags().Bool("sql", false, "print the query of person_signals_mv, which is written from the definitions")
	show.RunE = func(cmd *cobra.Command, _ []string) error {
		d, _, err := p.applied(cmd, *builtin, *version)
		if err != nil {
			return err
		}
		switch {
		case *sql:
			_, err = fmt.Fprintln(p.stdout, d.SignalsQuery())
		case p.output == "json":
			err = indented(p.stdout, d)
		default:
			_, err = fmt.Fprint(p.stdout, d.Source)
		}
		return err
	}
	return show
}
