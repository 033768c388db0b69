-- Feeds account_members from every insert into events.
CREATE MATERIALIZED VIEW IF NOT EXISTS account_members_mv /*ON CLUSTER*/ TO account_members
(
    distinct_id String                                             COMMENT 'User id, or anonymous id of a visitor who is not logged in',
    account_id  String                                             COMMENT 'The account it acted for',
    month       Date                                               COMMENT 'First day of the month of the evidence, UTC',
    first_at    SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'First evidence in the month, UTC',
    last_at     SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last evidence in the month, UTC',
    evidence    SimpleAggregateFunction(sum, UInt64)               COMMENT 'Events that say so'
)
AS
SELECT
    distinct_id,
    account_id,
    toStartOfMonth(toDate(ts)) AS month,
    min(ts) AS first_at,
    max(ts) AS last_at,
    count() AS evidence
FROM events
WHERE account_id != '' AND distinct_id != ''
GROUP BY distinct_id, account_id, month
COMMENT 'Feeds account_members from inserts into events'
