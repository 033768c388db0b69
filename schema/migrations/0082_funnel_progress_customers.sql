-- Whether the terms of customers are due says day 1970-01-01 of funnel_days and recomputations.
ALTER TABLE funnel_progress /*ON CLUSTER*/
    DROP COLUMN IF EXISTS customers_due,
    COMMENT COLUMN IF EXISTS until 'Last day that was computed or asked for, UTC: on the next one fewer people were there within a month, even when nothing happens',
    COMMENT COLUMN IF EXISTS definitions 'Version of the definitions that the days know or were asked for again with',
    COMMENT COLUMN IF EXISTS identities_at 'Greatest at of person_map that was seen, UTC',
    COMMENT COLUMN IF EXISTS identities 'Rows of person_map of the ten seconds up to that at: one INSERT may become visible in parts, and of two resolvers one may be a little behind'
