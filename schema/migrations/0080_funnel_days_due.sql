-- What is to be computed again is in recomputations, where any service can ask for it. The row of day 1970-01-01 is now of the terms of customers,
-- with the receipts of all days.
ALTER TABLE funnel_days /*ON CLUSTER*/
    DROP COLUMN IF EXISTS due,
    COMMENT COLUMN IF EXISTS day 'Day, UTC; 1970-01-01 is all of history, which the terms of customers are computed from',
    COMMENT COLUMN IF EXISTS at 'When it was computed, UTC; the greatest counts'
