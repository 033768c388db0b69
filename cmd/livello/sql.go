package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/spf13/cobra"
)

// sqlFormats are ClickHouse's names for -o.
var sqlFormats = map[string]string{
	"table": "PrettyCompactNoEscapesMonoBlock", "json": "JSON", "csv": "CSVWithNames", "ndjson": "JSONEachRow", "tsv": "TSVWithNames",
}

// sqlCommand runs one statement given as argument or on stdin. Without --write the engine itself refuses everything but reading.
func sqlCommand(p *program) *cobra.Command {
	var params []string
	sql := &cobra.Command{
		Use:     "sql [STATEMENT]",
		Short:   "Run SQL (argument or stdin) and print the answer",
		Example: "  livello sql 'SELECT kind, count() FROM events GROUP BY kind'\n  livello sql -o csv --param day=2026-01-31 < question.sql",
		Args:    cobra.MaximumNArgs(1),
	}
	write := sql.Flags().Bool("write", false, "allow statements that change something")
	sql.Flags().StringArrayVarP(&params, "param", "p", nil, "value of {name:Type} in the statement, name=value; may be repeated")
	sql.RunE = func(cmd *cobra.Command, args []string) error {
		statement, err := p.statement(args)
		if err != nil {
			return err
		}
		return p.runSQL(cmd, statement, params, *write)
	}
	return sql
}

func (p *program) statement(args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	if isTerminal(p.stdin) {
		return "", errors.New("no statement: give it as an argument or on stdin")
	}
	text, err := io.ReadAll(p.stdin)
	if err != nil {
		return "", fmt.Errorf("read stdin: %w", err)
	}
	return string(text), nil
}

func (p *program) runSQL(cmd *cobra.Command, statement string, given []string, write bool) error {
	statement = strings.TrimRight(strings.TrimSpace(statement), "; \n\t")
	if statement == "" {
		return errors.New("the statement is empty")
	}
	format, err := p.format("table", "json", "csv", "ndjson", "tsv")
	if err != nil {
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

	settings := clickhouse.Settings{
		"output_format_pretty_row_numbers":                       0,
		"output_format_pretty_single_large_number_tip_threshold": 0,
	}
	if !write {
		settings["readonly"] = 2 // 1 would refuse these settings themselves
	}
	ctx := clickhouse.Context(cmd.Context(), clickhouse.WithSettings(settings), clickhouse.WithParameters(params))
	answer, err := db.QueryFormat(ctx, sqlFormats[format], statement)
	if err != nil {
		return explainSQL(err, write)
	}
	bytes, err := io.Copy(p.stdout, answer)
	if err = errors.Join(err, answer.Close()); err == nil && bytes == 0 && format == "table" && !write {
		_, err = fmt.Fprintln(p.stderr, "no rows")
	}
	return explainSQL(err, write)
}

// expected is ClickHouse's list of everything that could have stood where the syntax error is: pages of it.
var expected = regexp.MustCompile(`Expected one of: .{200,}\. \(SYNTAX_ERROR\)`)

// explainSQL adds the way out when ClickHouse refused a write or misses a value, and shortens what nobody reads.
func explainSQL(err error, write bool) error {
	var ex *clickhouse.Exception
	if err != nil && expected.MatchString(err.Error()) {
		return errors.New(expected.ReplaceAllString(err.Error(), "(SYNTAX_ERROR)"))
	}
	if err != nil && strings.Contains(err.Error(), "trailing FORMAT clause") { // the driver's advice is for programs
		return errors.New("leave FORMAT out of the statement: -o table, json, csv, ndjson or tsv says how to print the answer")
	}
	if !errors.As(err, &ex) {
		return err
	}
	switch {
	case !write && ex.Code == 164: // READONLY
		return fmt.Errorf("%w\n(add --write to allow statements that change something)", err)
	case ex.Code == 456: // UNKNOWN_QUERY_PARAMETER
		return fmt.Errorf("%w\n(give it with --param name=value)", err)
	}
	return err
}
