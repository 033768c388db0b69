-- Those who have a replayed past have news.
INSERT INTO touched_ids (distinct_id)
SELECT DISTINCT person_id
FROM tier_observations
WHERE replayed
    AND at >= {from:DateTime64(3, 'UTC')}
    AND at < {to:DateTime64(3, 'UTC')}
