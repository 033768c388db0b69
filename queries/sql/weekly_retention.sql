-- Weekly retention: of the people who came for the first time in a week, how many came back in the weeks after.
--
-- A cohort is the week, Monday to Sunday UTC, of a person's first own action ever; mails that merely reached them are none. Cohorts
-- are those whose Monday is within the range, activity counts up to its end.
--
-- param  from     DateTime64(3) = now-12w  start, inclusive, UTC
-- param  to       DateTime64(3) = now      end, exclusive, UTC
-- param  weeks    UInt8 1..104 = 12        weeks to follow a cohort, its own included
-- column cohort   Date                     Monday of the first week
-- column week     UInt16                   weeks since, 0 is the first
-- column people   UInt64                   people active in that week
-- column of       UInt64                   people in the cohort
-- column rate     Float64                  people / of, 0..1
-- column complete Bool                     false while the week is not over at the end of the range
WITH
    toDate({to:DateTime64(3)} - INTERVAL 1 MILLISECOND, 'UTC') AS last_day,
    persons AS
    (
        SELECT
            groupUniqArray(toMonday(active.day)) AS active_weeks,
            arrayMin(active_weeks) AS cohort
        FROM person_day AS active
        LEFT JOIN person_ids AS ids ON ids.distinct_id = active.distinct_id
        WHERE active.day <= last_day
          AND active.actions > 0
        GROUP BY if(ids.person_id = '', active.distinct_id, ids.person_id)
        HAVING cohort >= {from:DateTime64(3)}
    ),
    -- One array of counts per cohort, a place per week: weeks in which nobody came are zero, not missing.
    cohorts AS
    (
        SELECT
            cohort,
            sumForEach(arrayMap(week -> toUInt64(has(active_weeks, cohort + 7 * week)),
                range(toUInt64(least({weeks:UInt8}, intDiv(last_day - cohort, 7) + 1))))) AS active
        FROM persons
        GROUP BY cohort
    )
SELECT
    cohort,
    toUInt16(week) AS week,
    people,
    active[1] AS of,
    round(people / of, 6) AS rate,
    toBool(cohort + 7 * (week + 1) <= {to:DateTime64(3)}) AS complete
FROM cohorts
ARRAY JOIN
    active AS people,
    arrayMap(place -> place - 1, arrayEnumerate(active)) AS week
ORDER BY cohort, week
