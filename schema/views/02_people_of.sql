-- What is known of the person of any id, or of everybody when the id is empty: the view people is that.
--
--     SELECT * FROM people_of(id = 'cookie-123')
--
-- Ids come from what they did, what was told about them, and evidence of who they are. A person's ids are found by key, and what is
-- kept per id is read by key; only identity_edges is gone through, because it is not kept by user.
CREATE OR REPLACE VIEW people_of /*ON CLUSTER*/
(
    person_id    String               COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    distinct_ids Array(String)        COMMENT 'All ids of the person, sorted, person_id among them',
    traits       Map(String, String)  COMMENT 'Latest value of each trait, of all ids, as text',
    account_id   String               COMMENT 'Account the person was last seen with; empty when none',
    first_seen   DateTime64(3, 'UTC') COMMENT 'First human event of engagement, or first evidence of the person when there is none; UTC',
    last_seen    DateTime64(3, 'UTC') COMMENT 'Last human event of engagement, or last evidence of the person when there is none; UTC'
)
AS
WITH
    coalesce(nullIf((SELECT any(person_id) FROM person_ids WHERE distinct_id = {id:String}), ''), {id:String}) AS wanted,
    -- All ids that belong to the person or once did; person_ids says below which still do.
    scope AS
    (
        SELECT distinct_id FROM person_pairs WHERE person_id = wanted
        UNION ALL
        SELECT wanted
    ),
    known AS
    (
        SELECT distinct_id, person_id
        FROM person_ids
        WHERE {id:String} = '' OR distinct_id IN (SELECT distinct_id FROM scope)
    ),
    evidence AS
    (
        SELECT distinct_id AS id, min(first_at) AS first_event, max(last_at) AS last_event, first_event AS first_told, last_event AS last_told, true AS engaged
        FROM person_day
        WHERE {id:String} = '' OR distinct_id IN (SELECT distinct_id FROM scope)
        GROUP BY id
        UNION ALL
        SELECT arrayJoin([distinct_id, user_id]) AS id, first_at, last_at, first_at, last_at, false
        FROM identity_edges
        WHERE {id:String} = '' OR distinct_id IN (SELECT distinct_id FROM scope) OR user_id IN (SELECT distinct_id FROM scope)
        UNION ALL
        SELECT distinct_id, first_at, last_at, first_at, last_at, false
        FROM account_members
        WHERE {id:String} = '' OR distinct_id IN (SELECT distinct_id FROM scope)
        UNION ALL
        SELECT distinct_id, at, at, at, at, false
        FROM person_traits FINAL
        WHERE {id:String} = '' OR distinct_id IN (SELECT distinct_id FROM scope)
    ),
    ids AS
    (
        SELECT
            id,
            minIf(first_event, engaged) AS first_event,
            maxIf(last_event, engaged) AS last_event,
            min(first_told) AS first_told,
            max(last_told) AS last_told,
            max(engaged) AS has_events
        FROM evidence
        WHERE id != '' AND ({id:String} = '' OR id IN (SELECT distinct_id FROM scope))
        GROUP BY id
    ),
    accounts AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person,
            argMax(m.account_id, (m.last_at, m.account_id)) AS account
        FROM account_members AS m
        LEFT JOIN known AS p ON p.distinct_id = m.distinct_id
        WHERE {id:String} = '' OR m.distinct_id IN (SELECT distinct_id FROM scope)
        GROUP BY person
    ),
    latest AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), t.distinct_id) AS person,
            t.trait AS name,
            argMax(t.value, (t.at, t.distinct_id)) AS latest_value
        FROM person_traits AS t FINAL
        LEFT JOIN known AS p ON p.distinct_id = t.distinct_id
        WHERE {id:String} = '' OR t.distinct_id IN (SELECT distinct_id FROM scope)
        GROUP BY person, name
    ),
    told AS
    (
        SELECT person, CAST(arraySort(groupArray((toString(name), latest_value))), 'Map(String, String)') AS map_of_traits
        FROM latest
        GROUP BY person
    ),
    persons AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), ids.id) AS person,
            arraySort(groupUniqArrayArray([ids.id, person])) AS all_ids,
            if(max(has_events), minIf(first_event, has_events), min(first_told)) AS first_at,
            if(max(has_events), maxIf(last_event, has_events), max(last_told)) AS last_at
        FROM ids
        LEFT JOIN known AS p ON p.distinct_id = ids.id
        GROUP BY person
    )
SELECT
    persons.person AS person_id,
    persons.all_ids AS distinct_ids,
    told.map_of_traits AS traits,
    accounts.account AS account_id,
    persons.first_at AS first_seen,
    persons.last_at AS last_seen
FROM persons
LEFT JOIN told ON told.person = persons.person
LEFT JOIN accounts ON accounts.person = persons.person
WHERE {id:String} = '' OR persons.person = wanted
SETTINGS join_use_nulls = 0
COMMENT 'The person of an id, with ids, traits and account; with an empty id everybody (one row per person)'
