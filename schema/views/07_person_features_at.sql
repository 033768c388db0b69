-- Every feature of people as of a moment, for a batch of people or for everybody: what tiers are decided from.
--
--     SELECT * FROM person_features_at(at = now('UTC'), batch = '00000000-0000-0000-0000-000000000000')
--
-- batch: all zeros for everybody, or the UUID under which evaluation_scope holds the ids to read; all ids of a person belong into
-- one batch. What the numbers mean stands with person_features_of, where they are defined.
CREATE OR REPLACE VIEW person_features_at /*ON CLUSTER*/
(
    person_id         String                      COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    features          Array(Float64)              COMMENT 'All features in the order of feature_names of definition; NaN when unknown (docs/features.md)',
    signals_7d        Map(String, UInt64)         COMMENT 'Events of the last 7 days by signal of the definitions; a signal without any is left out',
    revenue_365d      Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of the last 365 days, by currency, in its units',
    revenue_total     Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of all history, by currency, in its units',
    first_seen        DateTime64(3, 'UTC')        COMMENT 'First human event of engagement, of all history, or when the person became known where there is none; UTC',
    last_seen         DateTime64(3, 'UTC')        COMMENT 'Last human event of engagement, UTC; 1970 when there is none',
    last_action_at    DateTime64(3, 'UTC')        COMMENT 'Last thing the person did (not merely was sent or shown), UTC; 1970 when never',
    first_purchase_at DateTime64(3, 'UTC')        COMMENT 'First purchase, UTC; 1970 when never',
    last_purchase_at  DateTime64(3, 'UTC')        COMMENT 'Last purchase, UTC; 1970 when never',
    known             Bool                        COMMENT 'Whether the person has a user id or traits',
    ids               Array(String)               COMMENT 'Ids of the person that have events up to that day, sorted',
    next_change       DateTime('UTC')             COMMENT 'When something that the definitions look at can change next without an event, UTC; 2106 when never'
)
AS
SELECT
    person_id,
    features,
    signals_7d,
    revenue_365d,
    revenue_total,
    first_seen,
    last_seen,
    last_action_at,
    first_purchase_at,
    last_purchase_at,
    known,
    ids,
    next_change
FROM person_features_of(at = {at:DateTime('UTC')}, batch = {batch:UUID}, person = '')
COMMENT 'Every feature of a batch of people or of everybody as of a moment (one row per person who did something or became known up to that day)'
