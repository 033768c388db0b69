-- Feeds identity_edges from every insert into events. Machines are not left out: who an id belongs to does not depend on who said it.
CREATE MATERIALIZED VIEW IF NOT EXISTS identity_edges_mv /*ON CLUSTER*/ TO identity_edges
AS
SELECT
    if(type = 'alias', previous_id, anonymous_id) AS distinct_id,
    user_id,
    if(type = 'alias', 'alias', 'identify') AS kind,
    toStartOfMonth(toDate(ts)) AS month,
    min(ts) AS first_at,
    max(ts) AS last_at,
    count() AS evidence
FROM events
WHERE user_id != '' AND distinct_id != '' AND distinct_id != user_id
GROUP BY distinct_id, user_id, kind, month
COMMENT 'Feeds identity_edges from inserts into events'
