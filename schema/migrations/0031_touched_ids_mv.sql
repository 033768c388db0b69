-- Feeds touched_ids from every insert into events. Machines' events change nobody's features; those without an id are nobody's.
CREATE MATERIALIZED VIEW IF NOT EXISTS touched_ids_mv /*ON CLUSTER*/ TO touched_ids
(
    distinct_id String COMMENT 'Id with new events'
)
AS
SELECT DISTINCT distinct_id
FROM events
WHERE machine = '' AND distinct_id != ''
COMMENT 'Feeds touched_ids from inserts into events'
