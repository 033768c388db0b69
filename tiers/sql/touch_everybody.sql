-- Everybody has news: at the first start on a warehouse that has a past, and after rollups were made again.
INSERT INTO touched_ids (distinct_id)
SELECT DISTINCT distinct_id
FROM person_day
