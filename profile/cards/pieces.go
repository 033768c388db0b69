package cards

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"time"

	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/internal/background"
)

//go:embed sql/cuts.sql
var cutsSQL string

// inPieces has a table read by its first key, some granules at a time: the keys from one to before another, an empty one being the end. It rests between them.
func (s *Store) inPieces(ctx context.Context, table, key string, granules int, read func(from, end string) error) error {
	cuts, err := ask.Texts(ctx, s.o.DB, cutsSQL, named("table", table), named("key", key), named("granules", uint64(granules)))
	if err != nil {
		return fmt.Errorf("cut %s: %w", table, err)
	}
	cuts = append(slices.DeleteFunc(slices.Compact(cuts), func(cut string) bool { return cut == "" }), "")
	from := ""
	for _, end := range cuts {
		began := time.Now()
		if err := read(from, end); err != nil {
			return err
		}
		if from = end; end == "" {
			break
		}
		if err := background.Rest(ctx, 0, time.Since(began), s.o.Busy); err != nil {
			return err
		}
	}
	return nil
}
