-- Feeds account_members from every insert into events.
CREATE MATERIALIZED VIEW IF NOT EXISTS account_members_mv /*ON CLUSTER*/ TO account_members
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
