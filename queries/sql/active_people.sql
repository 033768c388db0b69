-- Active people: how many did anything on a day, in the 7 days and in the 30 days that end with it.
--
-- People are persons. Machine events do not make one active, nor do mails and ads that merely reached them. Every day the range touches has a row, also a quiet one.
--
-- param  from       DateTime64(3) = now-90d  start, inclusive, UTC
-- param  to         DateTime64(3) = now      end, exclusive, UTC
-- column day        Date                     UTC
-- column daily      UInt64                   people active on the day
-- column weekly     UInt64                   people active on it or in the 6 days before
-- column monthly    UInt64                   people active on it or in the 29 days before
-- column stickiness Nullable(Float64)        daily / monthly, 0..1; NULL when nobody was active
WITH
    toDate({from:DateTime64(3)}, 'UTC') AS first_day,
    toDate({to:DateTime64(3)} - INTERVAL 1 MILLISECOND, 'UTC') AS last_day,
    activity AS
    (
        SELECT DISTINCT
            if(ids.person_id = '', active.distinct_id, ids.person_id) AS person_id,
            active.day AS day
        FROM person_day AS active
        LEFT JOIN person_ids AS ids ON ids.distinct_id = active.distinct_id
        WHERE active.day BETWEEN first_day - 29 AND last_day
          AND active.actions > 0
    ),
    -- An active day counts for the window that starts with it, up to the person's next active day, which takes over: so each
    -- person is in a window once, and a running sum of comings and goings counts them exactly.
    reach AS
    (
        SELECT
            day,
            leadInFrame(day, 1, toDate('2149-01-01')) OVER (PARTITION BY person_id ORDER BY day ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next_day
        FROM activity
    ),
    changes AS
    (
        SELECT change.1 AS day, change.2 AS today, change.3 AS week, change.4 AS month
        FROM
        (
            SELECT arrayJoin([(day, 1, 1, 1), (least(day + 7, next_day), 0, -1, 0), (least(day + 30, next_day), 0, 0, -1)]) AS change
            FROM reach
        )
        UNION ALL
        SELECT first_day + number AS day, 0 AS today, 0 AS week, 0 AS month
        FROM numbers(toUInt64(greatest(0, dateDiff('day', first_day, last_day) + 1)))
    ),
    days AS
    (
        SELECT
            day,
            toUInt64(sum(today)) AS daily,
            toUInt64(sum(sum(week)) OVER (ORDER BY day)) AS weekly,
            toUInt64(sum(sum(month)) OVER (ORDER BY day)) AS monthly
        FROM changes
        GROUP BY day
    )
SELECT
    day,
    daily,
    weekly,
    monthly,
    round(daily / nullIf(monthly, 0), 6) AS stickiness
FROM days
WHERE day BETWEEN first_day AND last_day
ORDER BY day
