-- Every feature of people as of a moment: the one place where they are defined, and docs/features.md describes each. Read it through
-- person_features_at (a batch of people or everybody, at a moment) or person_features (everybody, now), or give one person:
--
--     SELECT * FROM person_features_of(at = now('UTC'), batch = '00000000-0000-0000-0000-000000000000', person = 'ada')
--
-- batch: all zeros, or the UUID under which evaluation_scope holds the ids to read; all ids of a person belong into one batch.
-- person: '', or a person_id. Zeros and '' together mean everybody. What is constant is decided before anything is read, so that
-- the ids of a batch or person are read by key and everybody is read without a filter.
--
-- Days are UTC. A window of D days is the day of `at` and the D - 1 days before; days after it are not read. Machines, identify,
-- group and alias never reached person_day and person_signals. "_weighted" adds 2^(-age / half-life) per event, age in days. A
-- visit is a run of web or app events with no gap longer than session_timeout, over all ids of the person, across midnight; it
-- belongs to the day it starts, so the day before the window is read to know which runs had already started.
-- As of a day, not a second: what came later on the day of `at` is read, too.
-- An id belongs to its person from the moment of the evidence on (person_ids.since), and to somebody else or itself before.
CREATE OR REPLACE VIEW person_features_of /*ON CLUSTER*/
(
    person_id         String                      COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    features          Array(Float64)              COMMENT 'All features in the order of feature_names of definition; NaN when unknown (docs/features.md)',
    signals_7d        Map(String, UInt64)         COMMENT 'Events of the last 7 days by signal of the definitions; a signal without any is left out',
    revenue_365d      Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of the last 365 days, by currency, in its units',
    revenue_total     Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of all history, by currency, in its units',
    first_seen        DateTime64(3, 'UTC')        COMMENT 'First human event of engagement, of all history, or when the person became known where there is none; UTC',
    last_seen         DateTime64(3, 'UTC')        COMMENT 'Last human event of engagement, UTC; 1970 when there is none',
    last_action_at    DateTime64(3, 'UTC')        COMMENT 'Last thing the person did (not merely was sent or shown), UTC; 1970 when never',
    first_purchase_at DateTime64(3, 'UTC')        COMMENT 'First purchase, UTC; 1970 when never',
    last_purchase_at  DateTime64(3, 'UTC')        COMMENT 'Last purchase, UTC; 1970 when never',
    known             Bool                        COMMENT 'Whether the person has a user id or traits',
    ids               Array(String)               COMMENT 'Ids of the person that have events up to that day, sorted',
    next_change       DateTime('UTC')             COMMENT 'When something that the definitions look at can change next without an event, UTC; 2106 when never'
)
AS
WITH
    toDate({at:DateTime('UTC')}) AS today_utc,
    toStartOfMonth(today_utc) AS this_month,
    toDateTime64(0, 3, 'UTC') AS never,
    tuple(never, toFloat32(0)) AS unanswered,
    -- What the definitions say that count now: worked out when they were applied (definitions.for_features), and read here from the
    -- table, because every mention of a scalar is analysed again and the view definition has thirty columns.
    (SELECT argMax(for_features, (version, applied_at)) FROM definitions) AS defined,
    scope AS
    (
        SELECT distinct_id AS id FROM evaluation_scope WHERE batch = {batch:UUID}
        UNION ALL
        SELECT distinct_id FROM person_pairs WHERE person_id = {person:String}
        UNION ALL
        SELECT {person:String}
    ),
    -- Rows of the three rollups in one shape, so that they are grouped once: a day's sums are weighed by its age and added up
    -- position by position. The last 30 days and the days of this month are read from person_day; all history from person_month,
    -- counts and last times of the months before this one, of this month what has a time; and what the definitions ask for
    -- from person_signals: 7 days of signals and key pages, 30 of sentiment, the last answers of all history.
    rows AS
    (
        WITH dateDiff('day', day, today_utc) AS age
        SELECT
            distinct_id,
            arrayMap(
                (n, weight) -> n * weight,
                [if(day < this_month, 0, carts), if(day < this_month, 0, checkouts), carts, checkouts, actions, actions, page_views, page_views, downloads, downloads, email_opens, email_opens, email_clicks, email_clicks, chats, chats, forms, forms],
                arrayResize(defined.weights, 31, arrayWithConstant(18, toFloat64(0)))[1 + age]) AS sums,
            []::Array(Float64) AS signal_sums, -- sentiment, texts it is of, and per signal its count and weighted count
            toUInt64(bitShiftLeft(toUInt64(actions > 0 AND age < 30), age)) AS bits, -- by age: days with actions, and from bit 32 on rated ones
            if(age < 8, visit_times, []) AS times,
            []::Array(Tuple(UInt32, String)) AS pages,
            []::Array(UInt32) AS downloaded,
            []::Array(Tuple(at DateTime64(3, 'UTC'), purchase UInt8, currency String, value Decimal(18, 4))) AS orders,
            NULL::Nullable(DateTime64(3, 'UTC')) AS first_at,
            NULL::Nullable(DateTime64(3, 'UTC')) AS named_at,
            last_at,
            last_action_at,
            unanswered AS nps,
            unanswered AS csat
        FROM person_day
        WHERE day BETWEEN least(today_utc - 29, this_month) AND today_utc
            AND (({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') AND {person:String} = '') OR distinct_id IN (SELECT id FROM scope))
        UNION ALL
        WITH dateDiff('day', day, today_utc) AS age
        SELECT
            distinct_id,
            [],
            if(age < 30,
                arrayConcat(
                    [sentiment_sum, sentiment_count]::Array(Float64),
                    if(age < 7 AND notEmpty(signals), arrayFlatten(arrayMap((name, weights) -> [toFloat64(signals[name]), signals[name] * weights[1 + age]], defined.signals, defined.signal_weights)), [])),
                []),
            toUInt64(bitShiftLeft(toUInt64(sentiment_count > 0 AND age < 30), 32 + least(age, 30))),
            [],
            if(age < 7, key_pages, []),
            if(age < 7, download_times, []),
            [],
            NULL,
            NULL,
            never,
            never,
            nps,
            csat
        FROM person_signals
        WHERE day <= today_utc AND (day >= today_utc - 29 OR nps.1 != 0 OR csat.1 != 0)
            AND (({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') AND {person:String} = '') OR distinct_id IN (SELECT id FROM scope))
        UNION ALL
        SELECT
            distinct_id,
            if(month < this_month, [carts, checkouts]::Array(Float64), []),
            [],
            0,
            [],
            [],
            [],
            orders,
            if(first_at < today_utc + 1, first_at, NULL),
            if(named_at < today_utc + 1, named_at, NULL),
            if(month < this_month, last_at, never),
            if(month < this_month, last_action_at, never),
            unanswered,
            unanswered
        FROM person_month
        WHERE month <= today_utc
            AND (({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') AND {person:String} = '') OR distinct_id IN (SELECT id FROM scope))
    ),
    owners AS
    (
        SELECT
            distinct_id AS id,
            if(since <= {at:DateTime('UTC')}, person_id, arrayLast(e -> e.since <= {at:DateTime('UTC')}, earlier).person_id) AS owner
        FROM person_ids
        WHERE (({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') AND {person:String} = '') OR distinct_id IN (SELECT id FROM scope))
    ),
    judged AS
    (
        SELECT
            defined AS d,
            if(owner = '', distinct_id, owner) AS person,
            arraySort(groupUniqArrayIf(distinct_id, first_at IS NOT NULL OR named_at IS NOT NULL)) AS ids,
            -- Sums by position: 1 carts and 2 checkouts ever, 3 and 4 of 30 days, 5 actions of 7 days, 6 of the 7 before; then, each
            -- plain and weighted, page views, downloads, opens, clicks, chats and forms.
            arrayResize(sumForEach(sums), 18) AS n,
            arrayResize(sumForEach(signal_sums), 2 + 2 * length(d.signals)) AS s,
            groupBitOr(bits) AS days,
            -- Each visit's age in days.
            arrayMap(
                second -> dateDiff('day', toDate(second, 'UTC'), today_utc),
                arrayFilter(
                    (second, gap, n) -> (n = 1 OR gap > d.session_timeout[1]) AND toDate(second, 'UTC') > today_utc - 7,
                    arraySort(groupArrayArray(rows.times)) AS seconds, arrayDifference(seconds), arrayEnumerate(seconds))) AS visits,
            -- One walk per path: the place reached, how often the end was reached, and the same with recent days counting more.
            if(empty(arraySort(groupArrayArray(rows.pages)) AS seen), [], arrayMap(
                path -> arrayFold(
                    (walk, page) -> multiIf(
                        page.2 != path[walk.1 + 1], walk,
                        walk.1 + 1 < length(path), (walk.1 + 1, walk.2, walk.3),
                        (toUInt64(0), walk.2 + 1, walk.3 + d.path_weights[1 + dateDiff('day', toDate(page.1, 'UTC'), today_utc)])),
                    seen,
                    (toUInt64(0), toUInt64(0), toFloat64(0))),
                d.paths)) AS walks,
            arraySort(groupArrayArray(rows.downloaded)) AS downloads,
            arrayFilter(o -> o.at < today_utc + 1, arraySort(groupArrayArray(rows.orders))) AS orders,
            min(rows.first_at) AS first_event,
            min(rows.named_at) AS first_named,
            max(rows.last_at) AS last_seen,
            max(rows.last_action_at) AS last_action_at,
            maxIf(rows.nps, rows.nps.1 != 0) AS nps,
            maxIf(rows.csat, rows.csat.1 != 0) AS csat
        FROM rows
        LEFT ANY JOIN owners ON owners.id = rows.distinct_id
        GROUP BY person
        HAVING notEmpty(ids)
    ),
    timed AS
    (
        SELECT
            *,
            arrayFilter(o -> toDate(o.at) > today_utc - 365, orders) AS orders_365,
            arrayFilter(o -> o.purchase = 1, orders).at AS purchases,
            [
                if(last_action_at = never, nan, dateDiff('day', toDate(last_action_at), today_utc)),
                if(empty(purchases), nan, dateDiff('day', toDate(purchases[-1]), today_utc)),
                ifNull(toFloat64(dateDiff('day', toDate(first_event), today_utc)), nan)
            ]::Array(Float64) AS since,
            if(notEmpty(downloads) AND toUnixTimestamp(last_action_at) <= downloads[-1],
                floor(greatest(toInt64(toUnixTimestamp({at:DateTime('UTC')})) - downloads[-1], 0) / 3600), nan) AS unfollowed_hours
        FROM judged
    )
SELECT
    person AS person_id,
    arrayConcat(
        [length(visits), arraySum(age -> d.visit_weights[1 + age], visits)]::Array(Float64),
        arraySlice(n, 7, 2),
        [arraySum(walks.2), arraySum(walks.3)]::Array(Float64),
        arraySlice(n, 9, 10),
        [
            n[15] + n[17],
            n[16] + n[18],
            bitCount(toUInt32(days)),
            n[3],
            n[4],
            length(year),
            length(purchases),
            n[1],
            n[2]
        ]::Array(Float64),
        since,
        [
            if(nps.1 = never, nan, nps.2),
            if(csat.1 = never, nan, csat.2),
            s[1] / s[2],
            n[5] - n[6],
            n[5],
            n[6],
            arrayReduce('maxIntersections', downloads::Array(UInt64), arrayMap(second -> toUInt64(second + 60), downloads)),
            unfollowed_hours
        ]::Array(Float64),
        arraySlice(s, 3)) AS features,
    CAST(arrayFilter(pair -> pair.2 > 0, arrayMap((name, i) -> (name, s[1 + 2 * i]), d.signals, arrayEnumerate(d.signals))), 'Map(String, UInt64)') AS signals_7d,
    arrayReduce('sumMap', arrayMap(o -> map(o.currency, toDecimal128(o.value, 4)), orders_365)) AS revenue_365d,
    arrayReduce('sumMap', arrayMap(o -> map(o.currency, toDecimal128(o.value, 4)), orders)) AS revenue_total,
    coalesce(first_event, first_named) AS first_seen,
    last_seen,
    last_action_at,
    purchases[1] AS first_purchase_at,
    purchases[-1] AS last_purchase_at,
    first_named IS NOT NULL AS known,
    ids,
    -- When something changes: tomorrow while anything lies in the last 14 days, later when something leaves a longer window, when
    -- days since something reach a step, or hours since a download that nothing followed do.
    toDateTime(toUInt32(arrayMin(arrayConcat(
        [4294967295]::Array(Float64),
        arrayMap(days -> toUnixTimestamp(today_utc) + 86400 * days, arrayFilter(days -> days > 0, arrayConcat(
            [
                dateDiff('day', toDate(last_seen), today_utc) < 14 OR notEmpty(d.always),
                if(toUInt32(days) > 0, 30 - floor(log2(toUInt32(days))), 0),
                if(bitShiftRight(days, 32) > 0, 30 - floor(log2(bitShiftRight(days, 32))), 0),
                if(empty(arrayFilter(o -> o.purchase = 1, orders_365) AS year), 0, 365 - dateDiff('day', toDate(year[1].at), today_utc))
            ]::Array(Float64),
            arrayMap(step -> step.2 - since[step.1 - 25], d.day_steps)))),
        arrayMap(hours -> downloads[-1] + 3600 * hours, arrayFilter(hours -> hours > unfollowed_hours, d.hour_steps))))), 'UTC') AS next_change
FROM timed
SETTINGS join_use_nulls = 0
COMMENT 'Every feature of a batch of people, one person or everybody as of a moment (one row per person who did something or became known up to that day)'
