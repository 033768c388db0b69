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
    -- What the definitions say that count now (those of the view definition, read from its table to spare its columns): half-lives,
    -- and where a condition begins or ceases to hold, of features that grow by themselves: days since something (26 to 28) and hours
    -- since something (36). Nothing happens to these until they reach such a step.
    (
        SELECT argMax(
            CAST(tuple(
                half_lives,
                session_timeout,
                signals.name,
                key_paths.pages,
                arrayFilter(step -> step.1 BETWEEN 26 AND 28 AND isFinite(step.2), steps),
                arrayFilter(step -> step.1 = 36 AND isFinite(step.2), steps).2,
                arrayExists(target -> target.1 IN (26, 27, 28, 36), arrayFlatten(criteria.targets))),
                'Tuple(half_life Map(String, Float64), session_timeout UInt32, signals Array(String), paths Array(Array(String)), day_steps Array(Tuple(UInt16, Float64)), hour_steps Array(Float64), always UInt8)'),
            version)
        FROM
        (
            SELECT
                *,
                arrayFlatten(arrayMap(c -> [(c.1, ceil(c.2)), (c.1, floor(c.3) + 1)],
                    arrayConcat(arrayFlatten(criteria.conditions), arrayFlatten(micro_segments.conditions), arrayFlatten(lifecycle.conditions), arrayFlatten(context_rules.conditions)))) AS steps
            FROM definitions
        )
    ) AS definition_now,
    scope AS
    (
        SELECT distinct_id AS id FROM evaluation_scope WHERE batch = {batch:UUID}
        UNION ALL
        SELECT distinct_id FROM person_pairs WHERE person_id = {person:String}
        UNION ALL
        SELECT {person:String}
    ),
    -- The last 30 days and the days of this month, from person_day.
    recent AS
    (
        SELECT
            distinct_id AS id,
            groupArrayArrayIf(visit_times, age < 8) AS times,
            sumIf(page_views, age < 7) AS page_views_7,
            sumIf(page_views * exp2(-age / defined.half_life['page_views']), age < 7) AS page_views_7w,
            sumIf(downloads, age < 7) AS downloads_7,
            sumIf(downloads * exp2(-age / defined.half_life['downloads']), age < 7) AS downloads_7w,
            sumIf(email_opens, age < 7) AS email_opens_7,
            sumIf(email_opens * exp2(-age / defined.half_life['email_opens']), age < 7) AS email_opens_7w,
            sumIf(email_clicks, age < 7) AS email_clicks_7,
            sumIf(email_clicks * exp2(-age / defined.half_life['email_clicks']), age < 7) AS email_clicks_7w,
            sumIf(chats, age < 7) AS chats_7,
            sumIf(chats * exp2(-age / defined.half_life['chats']), age < 7) AS chats_7w,
            sumIf(forms, age < 7) AS forms_7,
            sumIf(forms * exp2(-age / defined.half_life['forms']), age < 7) AS forms_7w,
            sumIf(actions, age < 7) AS actions_7,
            sumIf(actions, age BETWEEN 7 AND 13) AS actions_previous_7,
            groupBitOrIf(bitShiftLeft(toUInt32(1), age), actions > 0 AND age < 30) AS active_days,
            sumIf(carts, age < 30) AS carts_30,
            sumIf(checkouts, age < 30) AS checkouts_30,
            sumIf(carts, day >= this_month) AS carts_month,
            sumIf(checkouts, day >= this_month) AS checkouts_month,
            max(last_at) AS last_event,
            max(last_action_at) AS last_action
        FROM
        (
            SELECT *, dateDiff('day', day, today_utc) AS age, definition_now AS defined
            FROM person_day
            WHERE day BETWEEN least(today_utc - 29, this_month) AND today_utc
                AND (({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') AND {person:String} = '') OR distinct_id IN (SELECT id FROM scope))
        )
        GROUP BY id
    ),
    -- What the definitions ask for: 7 days of signals and key pages, 30 of sentiment, and the last answers of all history.
    asked AS
    (
        SELECT
            distinct_id AS id,
            groupArrayIf((age, signals), age < 7 AND notEmpty(signals)) AS signal_days,
            groupArrayArrayIf(key_pages, age < 7) AS pages,
            groupArrayArrayIf(download_times, age < 7) AS download_times_7,
            sumIf(sentiment_sum, age < 30) AS sentiments,
            sumIf(sentiment_count, age < 30) AS sentiments_of,
            groupBitOrIf(bitShiftLeft(toUInt32(1), toUInt8(least(age, 31))), age < 30 AND sentiment_count > 0) AS sentiment_days,
            max(nps) AS last_nps,
            max(csat) AS last_csat
        FROM
        (
            SELECT *, dateDiff('day', day, today_utc) AS age
            FROM person_signals
            WHERE day <= today_utc AND (day >= today_utc - 29 OR nps.1 != 0 OR csat.1 != 0)
                AND (({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') AND {person:String} = '') OR distinct_id IN (SELECT id FROM scope))
        )
        GROUP BY id
    ),
    -- All history, from person_month: counts and last times of the months before this one; of this month what has a time.
    life AS
    (
        SELECT
            distinct_id AS id,
            minIf(first_at, first_at < today_utc + 1) AS first_event,
            minIf(named_at, named_at < today_utc + 1) AS first_named,
            maxIf(last_at, month < this_month) AS last_event,
            maxIf(last_action_at, month < this_month) AS last_action,
            sumIf(carts, month < this_month) AS carts_before,
            sumIf(checkouts, month < this_month) AS checkouts_before,
            groupArrayArray(orders) AS all_orders
        FROM person_month
        WHERE month <= today_utc
            AND (({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') AND {person:String} = '') OR distinct_id IN (SELECT id FROM scope))
        GROUP BY id
    ),
    owners AS
    (
        SELECT
            distinct_id AS id,
            if(since <= {at:DateTime('UTC')}, person_id, arrayLast(e -> e.since <= {at:DateTime('UTC')}, earlier).person_id) AS owner
        FROM person_ids
        WHERE (({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') AND {person:String} = '') OR distinct_id IN (SELECT id FROM scope))
    ),
    persons AS
    (
        SELECT
            if(owners.owner = '', life.id, owners.owner) AS person,
            arraySort(groupArrayIf(life.id, life.first_event IS NOT NULL OR life.first_named IS NOT NULL)) AS all_ids,
            arraySort(groupArrayArray(recent.times)) AS times,
            sum(recent.page_views_7) AS page_views_7,
            sum(recent.page_views_7w) AS page_views_7w,
            sum(recent.downloads_7) AS downloads_7,
            sum(recent.downloads_7w) AS downloads_7w,
            sum(recent.email_opens_7) AS email_opens_7,
            sum(recent.email_opens_7w) AS email_opens_7w,
            sum(recent.email_clicks_7) AS email_clicks_7,
            sum(recent.email_clicks_7w) AS email_clicks_7w,
            sum(recent.chats_7) AS chats_7,
            sum(recent.chats_7w) AS chats_7w,
            sum(recent.forms_7) AS forms_7,
            sum(recent.forms_7w) AS forms_7w,
            sum(recent.actions_7) AS actions_7,
            sum(recent.actions_previous_7) AS actions_previous_7,
            groupBitOr(recent.active_days) AS active_days,
            sum(recent.carts_30) AS carts_30,
            sum(recent.checkouts_30) AS checkouts_30,
            sum(life.carts_before + recent.carts_month) AS carts_ever,
            sum(life.checkouts_before + recent.checkouts_month) AS checkouts_ever,
            groupArrayArray(asked.signal_days) AS signal_days,
            arraySort(groupArrayArray(asked.pages)) AS pages,
            arraySort(groupArrayArray(asked.download_times_7)) AS download_times,
            sum(asked.sentiments) AS sentiments,
            sum(asked.sentiments_of) AS sentiments_of,
            groupBitOr(asked.sentiment_days) AS sentiment_days,
            max(asked.last_nps) AS last_nps,
            max(asked.last_csat) AS last_csat,
            arrayFilter(o -> o.at < today_utc + 1, arraySort(groupArrayArray(life.all_orders))) AS orders,
            min(life.first_event) AS first_event,
            min(life.first_named) AS first_named,
            greatest(max(life.last_event), max(recent.last_event)) AS last_event,
            greatest(max(life.last_action), max(recent.last_action)) AS last_action
        FROM life
        LEFT JOIN recent ON recent.id = life.id
        LEFT JOIN asked ON asked.id = life.id
        LEFT JOIN owners ON owners.id = life.id
        GROUP BY person
        HAVING first_event IS NOT NULL OR first_named IS NOT NULL
    ),
    judged AS
    (
        SELECT
            *,
            arrayFilter(
                (second, gap, n) -> (n = 1 OR gap > defined.session_timeout) AND toDate(second, 'UTC') > today_utc - 7,
                times, arrayDifference(times), arrayEnumerate(times)) AS visits,
            -- One walk per path: the place reached, how often the end was reached, and the same with recent days counting more.
            if(empty(pages), [], arrayMap(
                path -> arrayFold(
                    (walk, page) -> multiIf(
                        page.2 != path[walk.1 + 1], walk,
                        walk.1 + 1 < length(path), (walk.1 + 1, walk.2, walk.3),
                        (toUInt64(0), walk.2 + 1, walk.3 + exp2(-dateDiff('day', toDate(page.1, 'UTC'), today_utc) / defined.half_life['key_paths']))),
                    pages,
                    (toUInt64(0), toUInt64(0), toFloat64(0))),
                defined.paths)) AS walks,
            -- Each signal's count and weighted count.
            arrayMap(
                name -> (
                    arraySum(d -> d.2[name], signal_days),
                    arraySum(d -> d.2[name] * exp2(-d.1 / defined.half_life[name]), signal_days)),
                defined.signals) AS signal_sums,
            arrayFilter(o -> o.purchase = 1, orders).at AS purchase_times,
            arrayFilter(o -> toDate(o.at) > today_utc - 365, orders) AS orders_365,
            arrayFilter(o -> o.purchase = 1, orders_365).at AS purchase_times_365,
            download_times[-1] AS last_download,
            if(last_action = 0, nan, toFloat64(dateDiff('day', toDate(last_action), today_utc))) AS since_action,
            if(empty(purchase_times), nan, toFloat64(dateDiff('day', toDate(purchase_times[-1]), today_utc))) AS since_purchase,
            ifNull(toFloat64(dateDiff('day', toDate(first_event), today_utc)), nan) AS since_first,
            if(last_download > 0 AND toUnixTimestamp(last_action) <= last_download,
                floor(greatest(toInt64(toUnixTimestamp({at:DateTime('UTC')})) - last_download, 0) / 3600), nan) AS unfollowed_hours,
            -- In how many days something changes: tomorrow while anything lies in the last 14 days, later when something leaves a longer
            -- window, or when days since something reach a step. 0 stands for never.
            arrayMin(arrayFilter(days -> days > 0, arrayConcat(
                [
                    if(dateDiff('day', toDate(last_event), today_utc) < 14 OR defined.always, 1, 0),
                    if(active_days > 0, 30 - floor(log2(active_days)), 0),
                    if(sentiment_days > 0, 30 - floor(log2(sentiment_days)), 0),
                    if(empty(purchase_times_365), 0, 365 - dateDiff('day', toDate(purchase_times_365[1]), today_utc))
                ]::Array(Float64),
                arrayMap(step -> step.2 - [since_action, since_purchase, since_first][step.1 - 25], defined.day_steps)))) AS change_in_days,
            -- Of the hours since a download that nothing followed: the next step.
            arrayMin(arrayFilter(hours -> hours > unfollowed_hours, defined.hour_steps)) AS change_at_hours
        FROM
        (
            SELECT *, definition_now AS defined
            FROM persons
        )
    )
SELECT
    person AS person_id,
    arrayConcat(
        [
            length(visits),
            arraySum(second -> exp2(-dateDiff('day', toDate(second, 'UTC'), today_utc) / defined.half_life['visits']), visits),
            page_views_7, page_views_7w,
            arraySum(walks.2), arraySum(walks.3),
            downloads_7, downloads_7w,
            email_opens_7, email_opens_7w,
            email_clicks_7, email_clicks_7w,
            chats_7, chats_7w,
            forms_7, forms_7w,
            chats_7 + forms_7, chats_7w + forms_7w,
            bitCount(active_days),
            carts_30,
            checkouts_30,
            length(purchase_times_365),
            length(purchase_times),
            carts_ever,
            checkouts_ever,
            since_action,
            since_purchase,
            since_first,
            if(last_nps.1 = 0, nan, last_nps.2),
            if(last_csat.1 = 0, nan, last_csat.2),
            sentiments / sentiments_of,
            toFloat64(actions_7) - toFloat64(actions_previous_7),
            actions_7,
            actions_previous_7,
            arrayReduce('maxIntersections', download_times::Array(UInt64), arrayMap(second -> toUInt64(second + 60), download_times)),
            unfollowed_hours
        ]::Array(Float64),
        arrayFlatten(arrayMap(sums -> [toFloat64(sums.1), sums.2], signal_sums))) AS features,
    CAST(arrayFilter(pair -> pair.2 > 0, arrayZip(defined.signals, signal_sums.1)), 'Map(String, UInt64)') AS signals_7d,
    arrayReduce('sumMap', arrayMap(o -> map(o.currency, toDecimal128(o.value, 4)), orders_365)) AS revenue_365d,
    arrayReduce('sumMap', arrayMap(o -> map(o.currency, toDecimal128(o.value, 4)), orders)) AS revenue_total,
    coalesce(first_event, first_named) AS first_seen,
    last_event AS last_seen,
    last_action AS last_action_at,
    purchase_times[1] AS first_purchase_at,
    purchase_times[-1] AS last_purchase_at,
    first_named IS NOT NULL AS known,
    all_ids AS ids,
    least(
        if(change_in_days > 0, toDateTime(today_utc + toInt32(change_in_days), 'UTC'), toDateTime(4294967295, 'UTC')),
        if(change_at_hours > 0, toDateTime(last_download + 3600 * toUInt32(change_at_hours), 'UTC'), toDateTime(4294967295, 'UTC'))) AS next_change
FROM judged
SETTINGS join_use_nulls = 0
COMMENT 'Every feature of a batch of people, one person or everybody as of a moment (one row per person who did something or became known up to that day)'
