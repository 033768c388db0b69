package funnel

import (
	"context"
	"fmt"
)

// Anew has the next Tick compute all days: something was taken away that leaves no trace, such as the events of an erased person.
func (k *Keeper) Anew(ctx context.Context) error {
	k.mu.Lock() // a computation that has seen what was there would note later that it knows everything
	defer k.mu.Unlock()
	err := k.o.DB.Exec(ctx, `INSERT INTO person_term_days (day, channel, term, amount, problem, computed_at)
SELECT toDate(0), '', '', 0, '', now64(3, 'UTC')
SETTINGS async_insert = 0, insert_deduplicate = 0`)
	if err != nil {
		return fmt.Errorf("note that terms are to be computed: %w", err)
	}
	return nil
}
