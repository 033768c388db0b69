package schema

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// Up brings the current database of db to this binary's schema: pending migrations in order, then the views. It returns the names
// of the files it applied ("0001_events"), of views it dropped too; a second run returns none.
//
// A run that is cut off anywhere is finished by the next: every statement may be repeated (IF NOT EXISTS, OR REPLACE), so one that
// was done but not written into schema_migrations is done again and changes nothing. For the same reason two migrators of one
// version at the same time do no harm: both run the same statements, and rows of the book are kept per run.
// Errors: ErrNewerDatabase, ErrChanged, or the file's name and what ClickHouse said.
func Up(ctx context.Context, db DB, o Options) (applied []string, err error) {
	all, err := readFiles(embedded)
	if err != nil {
		return nil, err
	}
	return up(ctx, db, all, o)
}

func up(ctx context.Context, db DB, all files, o Options) (applied []string, err error) {
	b, err := readBook(ctx, db)
	if err != nil {
		return nil, err
	}
	steps, err := plan(ctx, db, all, b, o)
	if err != nil {
		return nil, err
	}
	binary := o.Version
	if binary == "" {
		binary = binaryVersion()
	}
	var ended []entry // of the step before, written together with the start of the next: one insert a step
	for _, step := range steps {
		f := step.file
		e := entry{kind: f.kind, version: f.version, name: f.name, checksum: f.checksum, binary: binary}
		e.state, e.startedAt = StateStarted, b.begin(time.Now())
		if b.exists { // otherwise this step is the one that makes the book
			if err := b.write(ctx, db, append(ended, e)...); err != nil {
				return applied, err
			}
		}
		if err := db.Exec(ctx, step.SQL); err != nil {
			return applied, fail(ctx, db, b, e, fmt.Errorf("%s %s: %w", step.What, label(step), err))
		}
		b.exists = true
		e.state, e.appliedAt = StateApplied, time.Now()
		if step.What == "drop" {
			e.state = StateDropped
		}
		ended = []entry{e}
		o.logger().Info("schema statement applied", "what", step.What, "name", step.Name)
		applied = append(applied, step.Name)
	}
	return applied, b.write(ctx, db, ended...)
}

// fail writes into the book that ClickHouse refused a statement, and returns its error. After any other error, such as a lost
// connection, nobody knows what became of the statement, and its entry stays "started".
func fail(ctx context.Context, db DB, b *book, e entry, err error) error {
	var refused *proto.Exception
	if !b.exists || !errors.As(err, &refused) {
		return err
	}
	e.state, e.err = StateFailed, err.Error()
	if bookErr := b.write(ctx, db, e); bookErr != nil {
		return fmt.Errorf("%w (and %v)", err, bookErr)
	}
	return err
}

func label(step Step) string {
	if step.File != "" {
		return "schema/" + step.File
	}
	return "view " + step.Name
}
