package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/livello/livello/ingest/quarantine"
	"github.com/livello/livello/ingest/spool"
)

// spoolCommand shows what waits between HTTP and ClickHouse, and lets a person deal with what ClickHouse refused.
func spoolCommand(p *program) *cobra.Command {
	group := &cobra.Command{
		Use: "spool", Short: "Look at accepted events that are not loaded, and deal with refused ones", Args: cobra.NoArgs,
		Long: "Accepted events wait in segments until ClickHouse has confirmed them. A segment that ClickHouse refuses is set aside with its\n" +
			"error, so that the others go on; so is a file of rejected records on their way into the table quarantine, which has an id\n" +
			"instead of a number. What a crash cut off (torn), and what the disk damaged of accepted events, is listed by a name as in\n" +
			"17.damaged-2048. Works beside the running service and on the folder alone; needs no database.",
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	list := &cobra.Command{
		Use: "list", Short: "List the segments with state, events, size, age and error", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.spoolList(cmd) },
	}
	show := &cobra.Command{
		Use: "show SEGMENT", Short: "Print the events of a segment, or what is whole in a torn or damaged file, as NDJSON", Args: cobra.ExactArgs(1),
	}
	limit := show.Flags().Int("limit", 10, "most events; 0: all")
	show.RunE = func(cmd *cobra.Command, args []string) error { return p.spoolShow(cmd, args[0], *limit) }
	retry := &cobra.Command{
		Use: "retry SEGMENT...", Short: "Give refused segments to the loader again", Args: cobra.ArbitraryArgs,
		Example: "  livello spool retry 17\n  livello spool retry --all",
	}
	all := retry.Flags().Bool("all", false, "every refused segment")
	retry.RunE = func(cmd *cobra.Command, args []string) error {
		if *all == (len(args) > 0) {
			return errors.New("say which: numbers of segments (livello spool list shows them), or --all")
		}
		if pieces := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return !spool.IsPiece(arg) }); len(pieces) > 0 {
			return noRetry(pieces)
		}
		return p.spoolChange(cmd, args, spoolVerb{
			path: spoolRetryPath, said: "%d put back; the service loads them", allowed: besideErasure, segments: spool.PutBackFiles, rejected: quarantine.PutBackFiles,
		})
	}
	export := &cobra.Command{
		Use: "export SEGMENT FILE", Short: "Write a segment into a file that ClickHouse reads: NDJSON, or Native when the name ends in .native", Args: cobra.ExactArgs(2),
		Example: "  livello spool export 17 17.ndjson\n  livello spool export 17 17.native\n  livello spool export 17.damaged-2048 whole.ndjson",
		RunE:    func(cmd *cobra.Command, args []string) error { return p.spoolExport(cmd, args[0], args[1]) },
	}
	drop := &cobra.Command{
		Use: "drop SEGMENT... --yes", Short: "Delete refused segments, torn and damaged files: their events are lost", Args: cobra.MinimumNArgs(1),
	}
	yes := drop.Flags().Bool("yes", false, "yes, these accepted events shall never be loaded")
	drop.RunE = func(cmd *cobra.Command, args []string) error {
		if !*yes {
			return errors.New("this deletes accepted events for good: `livello spool export` keeps a copy; add --yes to go on")
		}
		return p.spoolChange(cmd, args, spoolVerb{
			path: spoolDropPath, said: "%d dropped", allowed: func(string) error { return nil }, segments: dropFiles, rejected: quarantine.DropFiles,
			pieces: func(dir string, names ...string) (int, error) {
				return each(names, func(name string) error { return spool.DropPieceFile(dir, name) })
			},
		})
	}
	group.AddCommand(list, show, retry, export, drop)
	return group
}

func dropFiles(dir string, numbers ...uint64) (int, error) {
	return each(numbers, func(number uint64) error { return spool.DropFile(dir, number) })
}

// each does something to all until it fails, and answers to how many.
func each[T any](all []T, do func(T) error) (int, error) {
	for i, one := range all {
		if err := do(one); err != nil {
			return i, err
		}
	}
	return len(all), nil
}

// noRetry is why torn and damaged files are not put back: their bytes are not what was accepted, and of what is whole in them nobody knows whether it is loaded.
func noRetry(names []string) error {
	return fmt.Errorf("%s is no refused segment: what recovery cut out is not loaded again, because some of it may be loaded. "+
		"`livello spool export %[1]s FILE.ndjson` writes what is whole of it: compare that with the table events and INSERT what lacks", names[0])
}

func spoolFolder(cfg *Config) string { return filepath.Join(cfg.Data, "spool") }

func quarantineFolder(cfg *Config) string { return filepath.Join(cfg.Data, "quarantine") }

// spoolEntry is a segment, or a file of rejected records that is set aside.
type spoolEntry struct {
	spool.Entry
	Rejected *uuid.UUID `json:"rejected,omitempty"` // the id of a file of rejected records, which has no number
}

func (e *spoolEntry) name() string {
	if e.Rejected != nil {
		return e.Rejected.String()
	}
	return e.Name()
}

// withRejected puts the files of rejected records behind the segments.
func withRejected(segments []spool.Entry, rejected []quarantine.Aside) []spoolEntry {
	all := []spoolEntry{}
	for _, e := range segments {
		all = append(all, spoolEntry{Entry: e})
	}
	for _, a := range rejected {
		all = append(all, spoolEntry{Rejected: &a.ID, Entry: spool.Entry{
			State: spool.Refused, Rows: a.Records, Bytes: a.Bytes, Changed: a.Changed, File: a.Name(),
			Refusal: &spool.Refusal{Error: a.Refusal.Error, Attempts: a.Refusal.Attempts, First: a.Refusal.First, At: a.Refusal.At},
		}})
	}
	return all
}

// spoolEntries asks the running service, which knows the segment it writes, or reads the folder.
func (p *program) spoolEntries(cmd *cobra.Command) ([]spoolEntry, error) {
	cfg, err := p.config(cmd)
	if err != nil {
		return nil, err
	}
	client := runningService(cmd.Context(), cfg.Data)
	if client == nil {
		segments, err := spool.List(spoolFolder(&cfg))
		if err != nil {
			return nil, err
		}
		rejected, err := quarantine.List(quarantineFolder(&cfg))
		return withRejected(segments, rejected), err
	}
	entries := []spoolEntry{}
	return entries, askLocal(cmd.Context(), client, http.MethodGet, spoolListPath, nil, &entries)
}

func (p *program) spoolList(cmd *cobra.Command) error {
	format, err := p.format("table", "json", "csv")
	if err != nil {
		return err
	}
	entries, err := p.spoolEntries(cmd)
	if err != nil {
		return err
	}
	if format == "json" {
		return indented(p.stdout, entries)
	}
	header := []string{"segment", "state", "events", "bytes", "age", "error"}
	rows := [][]string{}
	for _, e := range entries {
		said, events := "", strconv.Itoa(e.Rows)
		if e.Refusal != nil {
			said = e.Refusal.Error
		}
		if e.Rejected != nil {
			said = "rejected records: " + said
		}
		if e.State == spool.Doubtful {
			said = "ClickHouse confirmed it only when it was sent again: its days are being checked"
		}
		if e.State == spool.Damaged {
			said = "the disk damaged these accepted events or lost them; they are not loaded. This file is what is left: " + e.File
			if e.AtLeast {
				events = strings.TrimPrefix(events+"+?", "0+")
			}
		}
		if e.State == spool.Torn {
			said, events = "a write that a crash interrupted; nobody has an answer for it: "+e.File, "?"
		}
		age := strconv.FormatFloat(time.Since(e.Changed).Seconds(), 'f', 0, 64)
		if format == "table" {
			age = time.Since(e.Changed).Round(time.Second).String()
			said = oneLine(said, 160)
		}
		rows = append(rows, []string{e.name(), string(e.State), events, strconv.FormatInt(e.Bytes, 10), age, said})
	}
	if format == "csv" {
		header[4] = "age_seconds"
		w := csv.NewWriter(p.stdout)
		return errors.Join(w.Write(header), w.WriteAll(rows))
	}
	if len(rows) == 0 {
		fmt.Fprintln(p.stdout, "the spool is empty: everything accepted is loaded")
		return nil
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(header, "\t"))
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// oneLine cuts text for a table.
func oneLine(text string, most int) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return string(runes)
}

func (p *program) openSegment(cmd *cobra.Command, arg string) (*spool.File, error) {
	cfg, err := p.config(cmd)
	if err != nil {
		return nil, err
	}
	if spool.IsPiece(arg) {
		file, err := spool.OpenPiece(spoolFolder(&cfg), arg)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no %s in %s: `livello spool list` shows what is there", arg, spoolFolder(&cfg))
		}
		return file, err
	}
	number, err := segmentNumber(arg)
	if err != nil {
		return nil, err
	}
	file, err := spool.OpenFile(spoolFolder(&cfg), number)
	if errors.Is(err, fs.ErrNotExist) {
		if pieces := piecesOf(spoolFolder(&cfg), number); len(pieces) > 0 {
			return nil, fmt.Errorf("there is no segment %d in %s, but what recovery cut out of it: %s", number, spoolFolder(&cfg), strings.Join(pieces, ", "))
		}
		return nil, fmt.Errorf("there is no segment %d in %s: loaded ones are deleted; `livello spool list` shows what is there", number, spoolFolder(&cfg))
	}
	return file, err
}

// piecesOf are the names of what was set aside of a segment.
func piecesOf(dir string, number uint64) (names []string) {
	entries, err := spool.List(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if e.Number == number {
			names = append(names, e.Name())
		}
	}
	return names
}

func segmentNumber(arg string) (uint64, error) {
	number, err := strconv.ParseUint(arg, 10, 64)
	if err != nil || number == 0 {
		return 0, fmt.Errorf("segment %q: want its number or id, as in the first column of `livello spool list`", arg)
	}
	return number, nil
}

func (p *program) spoolShow(cmd *cobra.Command, arg string, limit int) error {
	if limit < 0 {
		return errors.New("--limit must not be negative; 0 shows all")
	}
	if id, err := uuid.Parse(arg); err == nil {
		return p.copyRejected(cmd, id, p.stdout, limit)
	}
	file, err := p.openSegment(cmd, arg)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	n, err := file.WriteNDJSON(p.stdout, limit)
	if err == nil && file.Unread > 0 && (limit == 0 || n < limit) {
		fmt.Fprintf(p.stderr, "%d bytes of it are no whole events\n", file.Unread)
	}
	return err
}

// spoolExport writes a file that is whole or not there; an existing one is not replaced.
func (p *program) spoolExport(cmd *cobra.Command, arg, path string) (err error) {
	if id, err := uuid.Parse(arg); err == nil {
		return p.exportRejected(cmd, id, path)
	}
	file, err := p.openSegment(cmd, arg)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("export segment %s: %w", file.Name(), err)
	}
	native := strings.HasSuffix(path, ".native")
	rows := 0
	if native {
		rows, err = file.WriteNative(out)
	} else {
		rows, err = file.WriteNDJSON(out, 0)
	}
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("export segment %s: %w (%s holds what could be read)", file.Name(), err, path)
	}
	if file.Unread > 0 {
		fmt.Fprintf(p.stderr, "%d bytes of it are no whole events\n", file.Unread)
	}
	format := "JSONEachRow"
	if native {
		format = "Native"
	}
	fmt.Fprintf(p.stderr, "%s written, for INSERT INTO events FORMAT %s\n", counted(rows, "event"), format)
	return nil
}

// spoolVerb is what can be done to files that are set aside: by the running service, which has a route for it, or to a data folder at rest.
type spoolVerb struct {
	path     string
	said     string                                  // with the number of files
	allowed  func(data string) error                 // for a folder at rest
	segments func(string, ...uint64) (int, error)    // in the folder of the spool
	pieces   func(string, ...string) (int, error)    // torn and damaged ones, in the same
	rejected func(string, ...uuid.UUID) (int, error) // in that of rejected records
}

// spoolChange has the running service change its spool, or changes the folder, which nobody else may hold then.
func (p *program) spoolChange(cmd *cobra.Command, args []string, verb spoolVerb) error {
	cfg, err := p.config(cmd)
	if err != nil {
		return err
	}
	change := spoolChange{Segments: []uint64{}, All: len(args) == 0}
	for _, arg := range args {
		if id, err := uuid.Parse(arg); err == nil {
			change.Rejected = append(change.Rejected, id)
			continue
		}
		if spool.IsPiece(arg) {
			change.Pieces = append(change.Pieces, arg)
			continue
		}
		number, err := segmentNumber(arg)
		if err != nil {
			return err
		}
		change.Segments = append(change.Segments, number)
	}
	if client := runningService(cmd.Context(), cfg.Data); client != nil {
		if err := askLocal(cmd.Context(), client, http.MethodPost, verb.path, change, &change); err != nil {
			return err
		}
	} else if change.Count, err = changeFolder(&cfg, change, verb); err != nil {
		return err
	}
	if p.output == "json" {
		return indented(p.stdout, change)
	}
	fmt.Fprintf(p.stdout, verb.said+"\n", change.Count)
	return nil
}

func changeFolder(cfg *Config, change spoolChange, verb spoolVerb) (n int, err error) {
	if _, err := os.Stat(cfg.Data); err != nil {
		return 0, fmt.Errorf("data folder: %w", err)
	}
	holder := &service{cfg: cfg}
	if err := holder.lockFolder(); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, holder.stop()) }()
	if err := verb.allowed(cfg.Data); err != nil {
		return 0, err
	}
	return change.apply(
		func(numbers ...uint64) (int, error) { return verb.segments(spoolFolder(cfg), numbers...) },
		func(names ...string) (int, error) { return verb.pieces(spoolFolder(cfg), names...) },
		func(ids ...uuid.UUID) (int, error) { return verb.rejected(quarantineFolder(cfg), ids...) })
}
