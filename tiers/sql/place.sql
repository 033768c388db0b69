-- Where in the queue the last evaluation ended.
SELECT
    block,
    at,
    version
FROM tier_progress FINAL
WHERE name = 'touched'
