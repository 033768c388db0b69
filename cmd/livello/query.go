package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/livello/livello/queries"
)

// queryCommand runs the catalogue: `livello query NAME param=value`, beside `list`, `describe NAME` and the longer `run NAME --param k=v`.
func queryCommand(p *program) *cobra.Command {
	var params []string
	runOne := func(cmd *cobra.Command, args []string) error {
		return p.runQuery(cmd, args[0], append(args[1:], params...))
	}
	query := &cobra.Command{
		Use:     "query NAME [param=value ...]",
		Short:   "Ask a named question of the catalogue",
		Example: "  livello query list\n  livello query describe funnel\n  livello query funnel steps=page_view,cart_add,purchase from=now-30d\n  livello query run recent_purchases --param limit=5 -o csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return runOne(cmd, args)
		},
	}
	list := &cobra.Command{
		Use: "list", Short: "List the queries", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return p.listQueries() },
	}
	describe := &cobra.Command{
		Use: "describe NAME", Short: "Show a query's parameters and columns; --sql: its text", Args: cobra.ExactArgs(1),
	}
	withSQL := describe.Flags().Bool("sql", false, "the whole SQL file")
	describe.RunE = func(_ *cobra.Command, args []string) error { return p.describeQuery(args[0], *withSQL) }
	run := &cobra.Command{
		Use: "run NAME [param=value ...]", Short: "Run a query", Args: cobra.MinimumNArgs(1), RunE: runOne,
	}
	for _, c := range []*cobra.Command{query, run} {
		c.Flags().StringArrayVarP(&params, "param", "p", nil, "a parameter, name=value; may be repeated")
	}
	query.AddCommand(list, describe, run)
	return query
}

func (p *program) runQuery(cmd *cobra.Command, name string, given []string) error {
	format, err := p.format(queries.Formats()...)
	if err != nil {
		return err
	}
	set, err := queries.Catalogue()
	if err != nil {
		return err
	}
	if _, err := set.Get(name); err != nil { // before the engine is started for nothing
		return err
	}
	params, err := keyValues(given)
	if err != nil {
		return err
	}
	db, err := p.open(cmd)
	if err != nil {
		return err
	}
	defer db.Close()
	out := &seen{Writer: p.stdout}
	if err := queries.Run(cmd.Context(), db, name, params, format, out); err != nil {
		return err
	}
	if format == "table" && !out.any { // a table without rows is nothing at all
		_, err = fmt.Fprintln(p.stderr, "no rows")
	}
	return err
}

// seen notes whether anything was written.
type seen struct {
	io.Writer
	any bool
}

func (s *seen) Write(b []byte) (int, error) {
	s.any = s.any || len(b) > 0
	return s.Writer.Write(b)
}

// keyValues reads name=value arguments.
func keyValues(args []string) (map[string]string, error) {
	values := map[string]string{}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q is no parameter: write name=value", arg)
		}
		if _, twice := values[name]; twice {
			return nil, fmt.Errorf("parameter %s is given twice; a list is written %s=a,b", name, name)
		}
		values[name] = value
	}
	return values, nil
}

func (p *program) listQueries() error {
	set, err := queries.Catalogue()
	if err != nil {
		return err
	}
	if p.output == "json" {
		return indented(p.stdout, set.All())
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, q := range set.All() {
		fmt.Fprintf(w, "%s\t%s\n", q.Name, q.Title)
	}
	return w.Flush()
}

func (p *program) describeQuery(name string, withSQL bool) error {
	set, err := queries.Catalogue()
	if err != nil {
		return err
	}
	q, err := set.Get(name)
	switch {
	case err != nil:
		return err
	case withSQL:
		_, err := io.WriteString(p.stdout, q.Text)
		return err
	case p.output == "json":
		return indented(p.stdout, q)
	}
	fmt.Fprintf(p.stdout, "%s: %s\n", q.Name, q.Title)
	if q.Doc != "" {
		fmt.Fprintf(p.stdout, "\n%s\n", q.Doc)
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nparameters\n")
	for _, param := range q.Params {
		value := "= " + param.Default
		if param.Required {
			value = "required"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", param.Name, param.Type, value, param.Doc)
	}
	fmt.Fprintf(w, "\ncolumns\n")
	for _, column := range q.Columns {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", column.Name, column.Type, column.Doc)
	}
	return w.Flush()
}

func indented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
