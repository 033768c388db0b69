-- The terms of metrics that ask for everybody who was there, for the days from from to before to. Ids are put together to people
-- as of now. The service keeps the answer in person_term_days; read funnel_terms, not this.
--
--   person:active_days          people active on the day
--   person:active_30d    people active on it or in the 29 days before
--   person:retained_base        people active seven days before: their week is up
--   person:retained             those of them who came back within that week
--   person:seconds_to_first_purchase  of customers with their first order that day: seconds from their first event to it, at its channel
--   session:count, session:seconds, session:pages, session:converted  visits that started that day (sessions_between), their length, pages,
--                               and how many of them had a conversion; all at the channel web, of which a visit may also be on app
--
-- Active is who did something, not whom something merely reached; nobody is active on one channel alone, so that channel is empty.
--
-- An active day counts for the month that starts with it, up to the person's next active day, which takes over: so each person is
-- in a month once, and a running sum of comings and goings counts them exactly. Days are numbers here: a Date cannot be negative.
CREATE OR REPLACE VIEW activity_terms_between /*ON CLUSTER*/
AS
WITH
    toInt32({from:Date}) AS first_day,
    toInt32({to:Date}) AS end_day,
    active AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), d.distinct_id) AS person,
            arraySort(groupUniqArray(toInt32(d.day))) AS days
        FROM person_day AS d
        LEFT JOIN person_ids AS p ON p.distinct_id = d.distinct_id
        WHERE d.day >= toDate(greatest(0, first_day - 29)) AND d.day < {to:Date} AND d.actions > 0
        GROUP BY person
    ),
    comings AS
    (
        SELECT
            tupleElement(change, 1) AS at,
            sum(tupleElement(change, 2)) AS today,
            sum(tupleElement(change, 3)) AS month,
            sum(tupleElement(change, 4)) AS week_up,
            sum(tupleElement(change, 5)) AS came_back
        FROM
        (
            SELECT arrayJoin(arrayConcat(
                [(greatest(day, first_day), toInt64(day >= first_day), toInt64(1), toInt64(0), toInt64(0))],
                [(least(day + 30, next_day), toInt64(0), toInt64(-1), toInt64(0), toInt64(0))],
                if(day + 7 >= first_day, [(day + 7, toInt64(0), toInt64(0), toInt64(1), toInt64(next_day <= day + 7))], []))) AS change
            FROM active
            ARRAY JOIN
                days AS day,
                arrayPushBack(arrayPopFront(days), toInt32(100000)) AS next_day
            WHERE least(day + 30, next_day) > first_day
        )
        GROUP BY at
        UNION ALL
        SELECT first_day + toInt32(number) AS at, 0 AS today, 0 AS month, 0 AS week_up, 0 AS came_back
        FROM numbers(toUInt64(greatest(0, end_day - first_day)))
    ),
    activity AS
    (
        SELECT
            at,
            sum(comings.today) AS today,
            sum(sum(comings.month)) OVER (ORDER BY at) AS month,
            sum(comings.week_up) AS week_up,
            sum(comings.came_back) AS came_back
        FROM comings
        GROUP BY at
    ),
    -- Who ordered within the days, and all their ids: only these few are looked up in history.
    candidates AS
    (
        SELECT DISTINCT coalesce(nullIf(p.person_id, ''), o.distinct_id) AS person
        FROM milestones AS o
        LEFT JOIN person_ids AS p ON p.distinct_id = o.distinct_id
        WHERE o.kind IN ('purchase', 'opportunity_won')
          AND o.ts >= toDateTime64({from:Date}, 3, 'UTC')
          AND o.ts < toDateTime64({to:Date}, 3, 'UTC')
    ),
    candidate_ids AS
    (
        SELECT person AS distinct_id FROM candidates
        UNION ALL
        SELECT distinct_id FROM person_ids WHERE person_id IN (SELECT person FROM candidates)
    ),
    buyers AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), o.distinct_id) AS person,
            min(o.ts) AS first_order,
            toString(argMin(o.channel, (o.ts, o.channel))) AS first_channel
        FROM milestones AS o
        LEFT JOIN person_ids AS p ON p.distinct_id = o.distinct_id
        WHERE o.kind IN ('purchase', 'opportunity_won') AND o.distinct_id IN (SELECT distinct_id FROM candidate_ids)
        GROUP BY person
        HAVING toDate(first_order) >= {from:Date} AND toDate(first_order) < {to:Date}
    ),
    met AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), d.distinct_id) AS person,
            min(d.first_at) AS first_event
        FROM person_day AS d
        LEFT JOIN person_ids AS p ON p.distinct_id = d.distinct_id
        WHERE d.distinct_id IN (SELECT distinct_id FROM candidate_ids)
        GROUP BY person
    )
SELECT
    toDate(at) AS day,
    '' AS channel,
    tupleElement(item, 1) AS term,
    toFloat64(tupleElement(item, 2)) AS amount,
    '' AS problem
FROM activity
ARRAY JOIN [
    ('person:active_days', today),
    ('person:active_30d', month),
    ('person:retained_base', week_up),
    ('person:retained', came_back)] AS item
WHERE at >= first_day AND at < end_day AND tupleElement(item, 2) != 0
UNION ALL
SELECT
    toDate(buyers.first_order) AS day,
    buyers.first_channel AS channel,
    'person:seconds_to_first_purchase' AS term,
    sum(toFloat64(toUnixTimestamp64Milli(buyers.first_order) - toUnixTimestamp64Milli(met.first_event)) / 1000) AS amount,
    '' AS problem
FROM buyers
INNER JOIN met ON met.person = buyers.person
GROUP BY day, channel
UNION ALL
SELECT
    toDate(start) AS day,
    'web' AS channel,
    tupleElement(item, 1) AS term,
    toFloat64(sum(tupleElement(item, 2))) AS amount,
    '' AS problem
FROM sessions_between(from = toDateTime64({from:Date}, 3, 'UTC'), to = toDateTime64({to:Date}, 3, 'UTC'), person = '')
ARRAY JOIN [
    ('session:count', toUInt64(1)),
    ('session:seconds', toUInt64(seconds)),
    ('session:pages', toUInt64(pages)),
    ('session:converted', toUInt64(converted))] AS item
GROUP BY day, term
HAVING amount > 0
SETTINGS join_use_nulls = 0
COMMENT 'Who was active, came back and took how long to buy, by day (one row per day, channel and term; parameters from and to)'
