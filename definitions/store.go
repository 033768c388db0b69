package definitions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DB is what this package needs of a connection; clickhouse-go's driver.Conn over HTTP is one.
type DB interface {
	Exec(ctx context.Context, query string, args ...any) error
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
	InsertFormat(ctx context.Context, format, query string, data io.Reader) error
}

// Ours is who applied the definitions that Livello comes with.
const Ours = "livello"

// Store keeps the versions of the definitions in a migrated database, and the view that is written from them. Its zero values but DB
// are fit for a database that nobody loads into.
type Store struct {
	DB DB
	// Cluster is the name for ON CLUSTER; empty is a single node.
	Cluster string
	// Hold keeps the loader between two segments until release is called, so that the query of person_signals_mv changes between two
	// inserts. Nil says that nobody loads.
	Hold func(context.Context) (release func(), err error)
	// Recompute makes person_signals again from all events: trust's Rebuild of that table. Nil leaves it to a later Settle.
	Recompute func(context.Context) error
	Logger    *slog.Logger
}

// Ensure applies the definitions that this program comes with, when nothing was applied yet, or when they have changed and the user never
// applied their own; and it makes person_signals_mv. It is to be called after every schema.Up.
func Ensure(ctx context.Context, db DB) error {
	return (&Store{DB: db}).Ensure(ctx)
}

// Ensure is the function Ensure. When the view's query has changed, history is recomputed by Settle, not here.
func (s *Store) Ensure(ctx context.Context) error {
	current, err := s.Current(ctx)
	if err != nil {
		return err
	}
	if current == nil || current.AppliedBy == Ours && current.Checksum != checksum(defaultSource) {
		d, err := Default()
		if err != nil {
			return err
		}
		if current, err = s.insert(ctx, current, d, Ours, "the definitions that Livello comes with"); err != nil {
			return err
		}
	}
	d, err := current.Definitions()
	if err != nil {
		return err
	}
	return s.view(ctx, d)
}

// insert writes the version after current.
func (s *Store) insert(ctx context.Context, current *Version, d *Definitions, by, note string) (*Version, error) {
	version, at := uint32(1), time.Now().UTC().Truncate(time.Millisecond)
	if current != nil {
		version = current.Version + 1
	}
	r, err := d.row(version, at, by, note)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("definitions as JSON: %w", err)
	}
	if err := s.DB.InsertFormat(ctx, "JSONEachRow", "INSERT INTO definitions", strings.NewReader(string(text))); err != nil {
		return nil, fmt.Errorf("write definitions version %d: %w", version, err)
	}
	s.logger().Info("definitions applied", "version", version, "by", by)
	return &Version{Version: version, AppliedAt: at, AppliedBy: by, Note: note, Checksum: r.Checksum, Source: r.Source, complete: r.Complete}, nil
}

func (s *Store) logger() *slog.Logger {
	if s.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Logger
}

// Version is what was applied, when and by whom.
type Version struct {
	Version   uint32    `json:"version"`
	AppliedAt time.Time `json:"applied_at"` // UTC
	AppliedBy string    `json:"applied_by"`
	Note      string    `json:"note"`
	Checksum  string    `json:"checksum"` // SHA-256 of Source, hexadecimal
	Source    string    `json:"source"`   // YAML

	complete string // JSON of all definitions
}

// Definitions are those of the version, as they were when it was applied: later defaults do not change them.
func (v *Version) Definitions() (*Definitions, error) {
	d := &Definitions{Source: v.Source}
	if err := json.Unmarshal([]byte(v.complete), d); err != nil {
		return nil, fmt.Errorf("read definitions version %d: %w", v.Version, err)
	}
	return d, nil
}

// Current is the newest version, or nil when none was applied.
func (s *Store) Current(ctx context.Context) (*Version, error) {
	versions, err := s.versions(ctx, "ORDER BY version DESC, applied_at DESC LIMIT 1")
	if err != nil || len(versions) == 0 {
		return nil, err
	}
	return &versions[0], nil
}

// ErrNoVersion says that a version was never applied.
var ErrNoVersion = errors.New("no such version")

// Version is one that was applied. The error is ErrNoVersion when it never was.
func (s *Store) Version(ctx context.Context, version uint32) (*Version, error) {
	versions, err := s.versions(ctx, "WHERE version = {version:UInt32} ORDER BY applied_at DESC LIMIT 1", driver.NamedValue{Name: "version", Value: fmt.Sprint(version)})
	if err == nil && len(versions) == 0 {
		err = fmt.Errorf("definitions version %d: %w", version, ErrNoVersion)
	}
	if err != nil {
		return nil, err
	}
	return &versions[0], nil
}

// History is every version, the newest first.
func (s *Store) History(ctx context.Context) ([]Version, error) {
	return s.versions(ctx, "ORDER BY version DESC, applied_at DESC")
}

func (s *Store) versions(ctx context.Context, which string, args ...any) ([]Version, error) {
	rows, err := s.DB.Query(ctx, "SELECT version, applied_at, applied_by, note, checksum, source, complete FROM definitions "+which, args...)
	if err != nil {
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	defer rows.Close()
	var versions []Version
	for rows.Next() {
		var v Version
		if err := rows.Scan(&v.Version, &v.AppliedAt, &v.AppliedBy, &v.Note, &v.Checksum, &v.Source, &v.complete); err != nil {
			return nil, fmt.Errorf("read definitions: %w", err)
		}
		v.AppliedAt = v.AppliedAt.UTC()
		versions = append(versions, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	return versions, nil
}
