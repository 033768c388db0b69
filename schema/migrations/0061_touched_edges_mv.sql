-- Feeds touched_edges from what identity_edges_mv inserts. nowInBlock64, not now64: the time of writing, not that of the insert's begin,
-- so that a row is seen soon after its time.
CREATE MATERIALIZED VIEW IF NOT EXISTS touched_edges_mv /*ON CLUSTER*/ TO touched_edges
(
    at          DateTime64(3, 'UTC') COMMENT 'When the row was written, UTC',
    distinct_id String               COMMENT 'The id that was seen with user_id',
    user_id     String               COMMENT 'The user',
    first_at    DateTime64(3, 'UTC') COMMENT 'First evidence among the rows that came, UTC'
)
AS
SELECT
    nowInBlock64(3, 'UTC') AS at,
    distinct_id,
    user_id,
    first_at
FROM identity_edges
COMMENT 'Feeds touched_edges from inserts into identity_edges'
