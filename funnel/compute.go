package funnel

import (
	"context"
	"fmt"
	"time"
)

// write stores what differs between what a view answers (fresh) and what is kept: gone terms as 0. Sums of floats may differ by
// the order they were added in: that is no change.
const write = `INSERT INTO person_term_days (day, channel, term, amount, problem, computed_at)
SELECT day, channel, term, new_amount, new_problem, now64(3, 'UTC')
FROM
(
    SELECT
        day,
        channel,
        term,
        sumIf(amount, fresh) AS new_amount,
        sumIf(amount, NOT fresh) AS old_amount,
        anyIf(problem, fresh) AS new_problem,
        anyIf(problem, NOT fresh) AS old_problem
    FROM
    (
        SELECT true AS fresh, day, toString(channel) AS channel, toString(term) AS term, amount, problem FROM %[1]s
        UNION ALL
        SELECT false AS fresh, day, toString(channel) AS channel, toString(term) AS term, amount, problem FROM person_term_days FINAL WHERE %[2]s
    )
    GROUP BY day, channel, term
)
WHERE new_problem != old_problem
   OR isNaN(new_amount) != isNaN(old_amount)
   OR abs(new_amount - old_amount) > 1e-9 * greatest(abs(new_amount), abs(old_amount))
SETTINGS async_insert = 0, insert_deduplicate = 0, max_bytes_before_external_group_by = 1073741824`

// customerTerms are those of the view customer_terms; all others but the book are of activity_terms_between.
const customerTerms = "('person:first_purchases', 'person:second_purchases', 'person:repeat_purchases', 'person:acquired_revenue')"

// customers computes the terms of customers, of all history: what one paid today belongs to the day of their first order.
func (k *Keeper) customers(ctx context.Context) error {
	return k.timed(ctx, "terms of customers", 0, fmt.Sprintf(write, "customer_terms", "term IN "+customerTerms))
}

// activity computes the terms of everybody who was there, of a span.
func (k *Keeper) activity(ctx context.Context, s span) error {
	from, to := s.from.Format(time.DateOnly), s.to.Format(time.DateOnly)
	return k.timed(ctx, "terms of activity from "+from+" to "+to, int(s.to.Sub(s.from)/day), fmt.Sprintf(write,
		"activity_terms_between(from = '"+from+"', to = '"+to+"')",
		"day >= '"+from+"' AND day < '"+to+"' AND term != '' AND term NOT IN "+customerTerms))
}
