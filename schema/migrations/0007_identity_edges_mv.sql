-- Feeds identity_edges from every insert into events. Machines are not left out: who an id belongs to does not depend on who said it.
CREATE MATERIALIZED VIEW IF NOT EXISTS identity_edges_mv /*ON CLUSTER*/ TO identity_edges
(
    distinct_id String                                             COMMENT 'The id that was joined: an anonymous id, or the previous id of an alias',
    user_id     String                                             COMMENT 'The user it was seen with',
    kind        LowCardinality(String)                             COMMENT 'What the evidence is: identify (an event carried both ids) or alias (a message said so)',
    month       Date                                               COMMENT 'First day of the month of the evidence, UTC',
    first_at    SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'First evidence in the month, UTC',
    last_at     SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last evidence in the month, UTC',
    evidence    SimpleAggregateFunction(sum, UInt64)               COMMENT 'Events that say so'
)
AS
WITH
    if(type = 'alias', previous_id, anonymous_id) AS joined_id,
    if(type = 'alias', 'alias', 'identify') AS how
SELECT
    joined_id AS distinct_id,
    user_id,
    how AS kind,
    toStartOfMonth(toDate(ts)) AS month,
    min(ts) AS first_at,
    max(ts) AS last_at,
    count() AS evidence
FROM events
WHERE user_id != '' AND joined_id != '' AND joined_id != user_id
GROUP BY joined_id, user_id, how, month
COMMENT 'Feeds identity_edges from inserts into events'
