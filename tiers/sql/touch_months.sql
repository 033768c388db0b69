-- Those with something in some months have news: rollups of these were made again. Whoever is in no rollup any more had a state that lies about it.
INSERT INTO touched_ids (distinct_id)
SELECT DISTINCT id
FROM
(
    SELECT distinct_id AS id
    FROM person_day
    WHERE day >= toDate({from:DateTime64(3, 'UTC')}) AND day < toDate({to:DateTime64(3, 'UTC')})
    UNION ALL
    SELECT person_id AS id
    FROM person_states FINAL
    WHERE first_seen < {to:DateTime64(3, 'UTC')} AND last_seen >= {from:DateTime64(3, 'UTC')}
)
