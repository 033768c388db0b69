package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/livello/livello/queries"
	"github.com/livello/livello/warehouse"
)

// quarantineCommand is about records that were rejected on arrival.
func quarantineCommand(p *program) *cobra.Command {
	quarantine := &cobra.Command{
		Use:     "quarantine",
		Short:   "Look at rejected records, and send them again",
		Long:    "Rejected records are kept for 30 days with the reason and as they came. After a rule or a limit was mended (restart\n`livello serve` with it), replay sends them again; what is taken then counts at the time it happened.",
		Example: "  livello quarantine list\n  livello quarantine show --code type --field userId --limit 3\n  livello quarantine replay --source shop --since now-2d",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	list := &cobra.Command{Use: "list", Short: "Count rejected records by reason (the query rejected_records)", Args: cobra.NoArgs}
	since := list.Flags().String("since", "now-30d", "arrived from then on")
	limit := list.Flags().Int("limit", 20, "reasons at most")
	list.RunE = func(cmd *cobra.Command, _ []string) error {
		return p.runQuery(cmd, "rejected_records", []string{"from=" + *since, fmt.Sprintf("limit=%d", *limit)})
	}
	var which rejectedFilter
	show := &cobra.Command{
		Use: "show [ID]", Short: "Show rejected records in full, the latest first", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				id, err := uuid.Parse(args[0])
				if err != nil {
					return fmt.Errorf("%q is no id of a rejected record: `livello quarantine show` prints them", args[0])
				}
				which.id = id
			}
			return p.showRejected(cmd, which)
		},
	}
	which.flags(show, 10)
	quarantine.AddCommand(list, show, replayCommand(p))
	return quarantine
}

// rejectedFilter says which records are meant.
type rejectedFilter struct {
	source, code, field, since string
	limit                      int
	id                         uuid.UUID // a single one
}

func (f *rejectedFilter) flags(cmd *cobra.Command, limit int) {
	flags := cmd.Flags()
	flags.StringVar(&f.source, "source", "", "of this source only")
	flags.StringVar(&f.code, "code", "", "rejected for this only: missing, type, value, too_long, too_many, time, utf8, syntax")
	flags.StringVar(&f.field, "field", "", "with this field at fault only")
	flags.StringVar(&f.since, "since", "now-30d", "arrived from then on: now-2d, 2026-01-31, ...")
	flags.IntVar(&f.limit, "limit", limit, "records at most; 0: all")
}

// rejectedCondition is the WHERE that goes with bind.
const rejectedCondition = `records = 1 AND at >= {since:DateTime64(3, 'UTC')}
	AND ({source:String} = '' OR source = {source:String}) AND ({code:String} = '' OR code = {code:String}) AND ({field:String} = '' OR field = {field:String})`

// bind returns a context with the filter's parameters.
func (f *rejectedFilter) bind(ctx context.Context, more clickhouse.Parameters) (context.Context, error) {
	since, err := queries.ParseTime(f.since, time.Now())
	if err != nil {
		return nil, fmt.Errorf("--since: %w", err)
	}
	if f.limit < 0 {
		return nil, fmt.Errorf("--limit %d: must not be negative; 0 is all", f.limit)
	}
	escape := strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`) // parameters are read as TSV
	params := clickhouse.Parameters{"since": since.Format(clickhouseTime), "source": escape.Replace(f.source), "code": escape.Replace(f.code), "field": escape.Replace(f.field)}
	for name, value := range more {
		params[name] = value
	}
	return clickhouse.Context(ctx, clickhouse.WithParameters(params)), nil
}

// clickhouseTime is DateTime64(3) as text.
const clickhouseTime = "2006-01-02 15:04:05.000"

// shownRecord is a rejected record in full.
type shownRecord struct {
	ID           uuid.UUID `json:"id" ch:"id"`
	At           time.Time `json:"at" ch:"at"`
	Source       string    `json:"source" ch:"source"`
	Route        string    `json:"route" ch:"route"`
	Request      uuid.UUID `json:"request" ch:"request"`
	Index        uint32    `json:"index" ch:"record_index"`
	Code         string    `json:"code" ch:"code"`
	Field        string    `json:"field" ch:"field"`
	Reason       string    `json:"reason" ch:"reason"`
	MessageID    string    `json:"message_id" ch:"message_id"`
	PayloadBytes uint32    `json:"payload_bytes" ch:"payload_bytes"`
	PayloadCut   bool      `json:"payload_cut" ch:"payload_cut"`
	Replayed     bool      `json:"replayed" ch:"replayed"`
	Envelope     string    `json:"envelope,omitempty" ch:"envelope"`
	Payload      string    `json:"payload" ch:"payload"`
}

func (p *program) showRejected(cmd *cobra.Command, which rejectedFilter) error {
	format, err := p.format("table", "json")
	if err != nil {
		return err
	}
	ctx, err := which.bind(cmd.Context(), clickhouse.Parameters{"id": which.id.String()})
	if err != nil {
		return err
	}
	db, err := p.open(cmd)
	if err != nil {
		return err
	}
	defer db.Close()
	shown, err := shownRecords(ctx, db, which)
	switch {
	case err != nil:
		return err
	case len(shown) == 0 && which.id != uuid.Nil:
		return fmt.Errorf("no rejected record has the id %s; they are kept for 30 days", which.id)
	case format == "json":
		return indented(p.stdout, shown)
	}
	for _, r := range shown {
		r.print(p.stdout)
	}
	if len(shown) == 0 {
		fmt.Fprintln(p.stdout, "no rejected record")
	}
	return nil
}

func shownRecords(ctx context.Context, db *warehouse.Warehouse, which rejectedFilter) ([]shownRecord, error) {
	query := `SELECT id, at, source, route, request, record_index, code, field, reason, message_id, payload_bytes, payload_cut,
		id IN (SELECT id FROM quarantine_replays) AS replayed, envelope, payload FROM quarantine WHERE ` + rejectedCondition
	if which.id != uuid.Nil {
		query += " AND id = {id:UUID}"
	}
	query += " ORDER BY at DESC, request, record_index"
	if which.limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", which.limit)
	}
	shown := []shownRecord{}
	rows, err := db.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read quarantine: %w", err)
	}
	for rows.Next() {
		var r shownRecord
		var replayed uint8
		if err := rows.Scan(&r.ID, &r.At, &r.Source, &r.Route, &r.Request, &r.Index, &r.Code, &r.Field, &r.Reason, &r.MessageID,
			&r.PayloadBytes, &r.PayloadCut, &replayed, &r.Envelope, &r.Payload); err != nil {
			return nil, fmt.Errorf("read quarantine: %w", errors.Join(err, rows.Close()))
		}
		r.Replayed = replayed != 0
		shown = append(shown, r)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read quarantine: %w", err)
	}
	return shown, nil
}

// print writes a record for people. Bytes that a terminal must not see are shown as a Go string would have them.
func (r *shownRecord) print(w io.Writer) {
	where := r.Field
	if where != "" {
		where += ": "
	}
	notes := ""
	if r.Replayed {
		notes += ", sent again and taken"
	}
	if r.PayloadCut {
		notes += ", not kept whole"
	}
	fmt.Fprintf(w, "%s  %s  %s  %s [%d]  %d bytes%s\n  %s: %s%s\n", r.ID, r.At.UTC().Format(time.RFC3339), printable(r.Source), r.Route, r.Index,
		r.PayloadBytes, notes, r.Code, printable(where), printable(r.Reason))
	if r.Envelope != "" {
		fmt.Fprintf(w, "  batch: %s\n", printable(r.Envelope))
	}
	fmt.Fprintf(w, "  %s\n\n", printable(r.Payload))
}

func printable(text string) string {
	var b strings.Builder
	for i, c := range text {
		switch {
		case c == utf8.RuneError && text[i] != 0xef:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case c < 0x20 && c != '\t', c >= 0x7f && c < 0xa0:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
