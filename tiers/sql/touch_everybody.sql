-- Everybody has news: at the first start on a warehouse that has a past, and after rollups were made again. Ids are grouped in the order they are kept in,
-- so that memory is not a matter of how many there are.
INSERT INTO touched_ids (distinct_id)
SELECT distinct_id
FROM person_day
GROUP BY distinct_id
SETTINGS optimize_aggregation_in_order = 1, min_insert_block_size_rows = 131072
