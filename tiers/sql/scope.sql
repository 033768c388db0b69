-- The people behind the ids of a list, from one id to before another, and all their ids. Whose an id is, is asked as of the moment.
INSERT INTO evaluation_scope (batch, distinct_id, person_id)
WITH
    {at:DateTime64(3, 'UTC')} AS moment,
    listed AS
    (
        SELECT distinct_id
        FROM evaluation_scope
        WHERE batch = {list:UUID}
            AND distinct_id >= {first:String}
            AND ({end:String} = '' OR distinct_id < {end:String})
    ),
    persons AS
    (
        SELECT DISTINCT if(whose.person = '', listed.distinct_id, whose.person) AS person
        FROM listed
        LEFT JOIN
        (
            SELECT
                distinct_id,
                if(since <= moment, person_id, arrayLast(e -> e.since <= moment, earlier).person_id) AS person
            FROM person_ids
            WHERE distinct_id IN (SELECT distinct_id FROM listed)
        ) AS whose ON whose.distinct_id = listed.distinct_id
    ),
    pairs AS
    (
        SELECT DISTINCT
            person_id,
            distinct_id
        FROM person_pairs
        WHERE person_id IN (SELECT person FROM persons)
    )
SELECT
    {batch:UUID},
    id,
    person
FROM
(
    SELECT
        person AS id,
        person
    FROM persons
    UNION DISTINCT
    SELECT
        pairs.distinct_id AS id,
        pairs.person_id AS person
    FROM pairs
    INNER JOIN
    (
        SELECT
            distinct_id,
            if(since <= moment, person_id, arrayLast(e -> e.since <= moment, earlier).person_id) AS person
        FROM person_ids
        WHERE distinct_id IN (SELECT distinct_id FROM pairs)
    ) AS whose ON whose.distinct_id = pairs.distinct_id AND whose.person = pairs.person_id
)
SETTINGS join_use_nulls = 0
