-- The people behind the ids of a long list, from one id to before another, before they are cut into runs of neighbouring people. Whose an id is, is asked
-- as of the moment. A person whose ids are far apart is listed for each part of the list.
INSERT INTO evaluation_scope (batch, distinct_id)
WITH
    {at:DateTime64(3, 'UTC')} AS moment,
    listed AS
    (
        SELECT DISTINCT distinct_id
        FROM evaluation_scope
        WHERE batch = {list:UUID}
            AND distinct_id >= {first:String}
            AND ({end:String} = '' OR distinct_id < {end:String})
    )
SELECT DISTINCT
    {people:UUID},
    if(whose.person = '', listed.distinct_id, whose.person)
FROM listed
LEFT JOIN
(
    SELECT
        distinct_id,
        if(since <= moment, person_id, arrayLast(e -> e.since <= moment, earlier).person_id) AS person
    FROM person_ids
    WHERE distinct_id IN (SELECT distinct_id FROM listed)
) AS whose ON whose.distinct_id = listed.distinct_id
SETTINGS join_use_nulls = 0
