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
-- An id belongs to its person from the moment of the evidence on (person_ids.since), and to somebody else or itself before.
CREATE OR REPLACE VIEW person_features_of /*ON CLUSTER*/
(
    person_id         String                      COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    features          Array(Float64)              COMMENT 'All features in the order of feature_names of definition; NaN when unknown (docs/features.md)',
    signals_7d        Map(String, UInt64)         COMMENT 'Events of the last 7 days by signal of the definitions; a signal without any is left out',
    revenue_365d      Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of the last 365 days, by currency, in its units',
    revenue_total     Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of all history, by currency, in its units',
    first_seen        DateTime64(3, 'UTC')        COMMENT 'First human event of engagement, of all history, UTC',
    last_seen         DateTime64(3, 'UTC')        COMMENT 'Last human event of engagement, UTC',
    last_action_at    DateTime64(3, 'UTC')        COMMENT 'Last thing the person did (not merely was sent or shown), UTC; 1970 when never',
    first_purchase_at DateTime64(3, 'UTC')        COMMENT 'First purchase, UTC; 1970 when never',
    last_purchase_at  DateTime64(3, 'UTC')        COMMENT 'Last purchase, UTC; 1970 when never',
    known             Bool                        COMMENT 'Whether the person has a user id or traits',
    ids               Array(String)               COMMENT 'Ids of the person that have events, sorted',
    next_change       DateTime('UTC')             COMMENT 'When something that the definitions look at can change next without an event, UTC; 2106 when never'
)
AS
WITH
    toDate({at:DateTime('UTC')}) AS today_utc,
    (
        SELECT tuple(half_lives, session_timeout, signals.name, key_paths.pages,
            arrayConcat(arrayFlatten(criteria.conditions), arrayFlatten(micro_segments.conditions), arrayFlatten(lifecycle.conditions), arrayFlatten(context_rules.conditions)),
            arrayFlatten(criteria.targets))
        FROM definition
    ) AS defined,
    if(defined.2 > 0, defined.2, 1800) AS session_timeout,
    defined.3 AS signal_names,
    defined.4 AS paths,
    -- Half-lives by name; 3 days where nothing is said.
    arrayConcat(['visits', 'page_views', 'key_paths', 'downloads', 'email_opens', 'email_clicks', 'chats', 'forms'], signal_names) AS rolled,
    mapFromArrays(rolled, arrayMap(name -> if(defined.1[name] > 0, defined.1[name], 3), rolled)) AS half_life,
    -- Where a condition begins or ceases to hold, as (feature, value): of days since something (26 to 28), and of hours (36). These grow
    -- by themselves, and nothing happens until they reach such a value; a target matters at every step below it.
    arrayFilter(step -> isFinite(step.2), arrayConcat(arrayMap(c -> (c.1, ceil(c.2)), defined.5), arrayMap(c -> (c.1, floor(c.3) + 1), defined.5))) AS steps,
    arrayFilter(step -> step.1 BETWEEN 26 AND 28, steps) AS day_steps,
    arrayFilter(target -> target.1 BETWEEN 26 AND 28, defined.6) AS day_targets,
    arrayFilter(step -> step.1 = 36, steps).2 AS hour_steps,
    arrayFilter(target -> target.1 = 36, defined.6).2 AS hour_targets,
    scope AS
    (
        SELECT distinct_id AS id FROM evaluation_scope WHERE batch = {batch:UUID}
        UNION ALL
        SELECT distinct_id FROM person_pairs WHERE person_id = {person:String}
        UNION ALL
        SELECT {person:String}
    ),
    recent AS
    (
        SELECT
            distinct_id AS id,
            groupArrayArrayIf(visit_times, age < 8) AS times,
            sumIf(page_views, age < 7) AS page_views_7,
            sumIf(page_views * exp2(-age / half_life['page_views']), age < 7) AS page_views_7w,
            sumIf(downloads, age < 7) AS downloads_7,
            sumIf(downloads * exp2(-age / half_life['downloads']), age < 7) AS downloads_7w,
            sumIf(email_opens, age < 7) AS email_opens_7,
            sumIf(email_opens * exp2(-age / half_life['email_opens']), age < 7) AS email_opens_7w,
            sumIf(email_clicks, age < 7) AS email_clicks_7,
            sumIf(email_clicks * exp2(-age / half_life['email_clicks']), age < 7) AS email_clicks_7w,
            sumIf(chats, age < 7) AS chats_7,
            sumIf(chats * exp2(-age / half_life['chats']), age < 7) AS chats_7w,
            sumIf(forms, age < 7) AS forms_7,
            sumIf(forms * exp2(-age / half_life['forms']), age < 7) AS forms_7w,
            sumIf(actions, age < 7) AS actions_7,
            sumIf(actions, age BETWEEN 7 AND 13) AS actions_previous_7,
            groupBitOrIf(bitShiftLeft(toUInt32(1), age), actions > 0) AS active_days,
            sum(carts) AS carts_30,
            sum(checkouts) AS checkouts_30
        FROM
        (
            SELECT *, dateDiff('day', day, today_utc) AS age
            FROM person_day
            WHERE day BETWEEN today_utc - 29 AND today_utc
                AND (({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') AND {person:String} = '') OR distinct_id IN (SELECT id FROM scope))
        )
        GROUP BY id
    ),
    asked AS
    (
        SELECT
            distinct_id AS id,
            sumMapIf(signals, age < 7) AS signals_7,
            sumMapIf(mapApply((name, n) -> (name, n * exp2(-age / half_life[name])), CAST(signals, 'Map(String, Float64)')), age < 7) AS signals_7w,
            groupArrayArrayIf(key_pages, age < 7) AS pages,
            groupArrayArrayIf(download_times, age < 7) AS download_times_7,
            sumIf(sentiment_sum, age < 30) AS sentiments,
            sumIf(sentiment_count, age < 30) AS sentiments_of,
            groupBitOrIf(bitShiftLeft(toUInt32(1), toUInt8(age)), age < 30 AND sentiment_count > 0) AS sentiment_days,
            max(nps) AS last_nps,
            max(csat) AS last_csat
        FROM
        (
            SELECT *, dateDiff('day', day, today_utc) AS age
            FROM person_signals
            WHERE day <= today_utc
                AND (({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') AND {person:String} = '') OR distinct_id IN (SELECT id FROM scope))
        )
        GROUP BY id
    ),
    money AS
    (
        SELECT
            distinct_id AS id,
            sumIf(purchases, day > today_utc - 365) AS purchases_365,
            minIf(day, purchases > 0 AND day > today_utc - 365) AS first_day_365,
            sumMapIf(revenue, day > today_utc - 365) AS revenue_365,
            sumMap(revenue) AS revenue_ever,
            minIf(last_purchase_at, purchases > 0) AS first_purchase
        FROM person_day
        WHERE day <= today_utc AND (purchases > 0 OR notEmpty(revenue))
            AND (({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') AND {person:String} = '') OR distinct_id IN (SELECT id FROM scope))
        GROUP BY id
    ),
    life AS
    (
        SELECT
            distinct_id AS id,
            min(first_at) AS first_event,
            max(last_at) AS last_event,
            max(last_action_at) AS last_action,
            max(last_purchase_at) AS last_purchase,
            sum(purchases) AS purchases_ever,
            sum(carts) AS carts_ever,
            sum(checkouts) AS checkouts_ever
        FROM person_day
        WHERE day <= today_utc
            AND (({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') AND {person:String} = '') OR distinct_id IN (SELECT id FROM scope))
        GROUP BY id
    ),
    owners AS
    (
        SELECT
            distinct_id AS id,
            multiIf(since <= {at:DateTime('UTC')}, person_id, arrayLast(e -> e.since <= {at:DateTime('UTC')}, earlier).person_id) AS owner
        FROM person_ids
        WHERE (({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') AND {person:String} = '') OR distinct_id IN (SELECT id FROM scope))
    ),
    named AS
    (
        SELECT DISTINCT distinct_id AS id, 1 AS told
        FROM person_traits
        WHERE at < today_utc + 1
            AND (({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') AND {person:String} = '') OR distinct_id IN (SELECT id FROM scope))
    ),
    persons AS
    (
        SELECT
            if(owners.owner = '', life.id, owners.owner) AS person,
            arraySort(groupArray(life.id)) AS all_ids,
            max(owners.owner != '' OR named.told = 1) AS is_known,
            arraySort(groupArrayArray(recent.times)) AS times,
            arrayFilter(
                (second, gap, n) -> (n = 1 OR gap > session_timeout) AND toDate(second, 'UTC') > today_utc - 7,
                times, arrayDifference(times), arrayEnumerate(times)) AS visits,
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
            groupBitOr(asked.sentiment_days) AS sentiment_days,
            sum(recent.carts_30) AS carts_30,
            sum(recent.checkouts_30) AS checkouts_30,
            sumMap(asked.signals_7) AS signals_7,
            sumMap(asked.signals_7w) AS signals_7w,
            arraySort(groupArrayArray(asked.pages)) AS pages,
            arraySort(groupArrayArray(asked.download_times_7)) AS download_times,
            sum(asked.sentiments) AS sentiments,
            sum(asked.sentiments_of) AS sentiments_of,
            max(asked.last_nps) AS last_nps,
            max(asked.last_csat) AS last_csat,
            sum(money.purchases_365) AS purchases_365,
            minIf(money.first_day_365, money.first_day_365 != toDate(0)) AS first_day_365,
            sumMap(money.revenue_365) AS revenue_365,
            sumMap(money.revenue_ever) AS revenue_ever,
            minIf(money.first_purchase, money.first_purchase != 0) AS first_purchase,
            min(life.first_event) AS first_event,
            max(life.last_event) AS last_event,
            max(life.last_action) AS last_action,
            max(life.last_purchase) AS last_purchase,
            sum(life.purchases_ever) AS purchases_ever,
            sum(life.carts_ever) AS carts_ever,
            sum(life.checkouts_ever) AS checkouts_ever
        FROM life
        LEFT JOIN recent ON recent.id = life.id
        LEFT JOIN asked ON asked.id = life.id
        LEFT JOIN money ON money.id = life.id
        LEFT JOIN named ON named.id = life.id
        LEFT JOIN owners ON owners.id = life.id
        GROUP BY person
    ),
    judged AS
    (
        SELECT
            *,
            -- One walk per path: the place reached, how often the end was reached, and the same with recent days counting more.
            arrayMap(
                path -> arrayFold(
                    (walk, page) -> multiIf(
                        page.2 != path[walk.1 + 1], walk,
                        walk.1 + 1 < length(path), (walk.1 + 1, walk.2, walk.3),
                        (toUInt64(0), walk.2 + 1, walk.3 + exp2(-dateDiff('day', toDate(page.1, 'UTC'), today_utc) / half_life['key_paths']))),
                    pages,
                    (toUInt64(0), toUInt64(0), toFloat64(0))),
                paths) AS walks,
            download_times[-1] AS last_download,
            if(last_action = 0, nan, toFloat64(dateDiff('day', toDate(last_action), today_utc))) AS since_action,
            if(last_purchase = 0, nan, toFloat64(dateDiff('day', toDate(last_purchase), today_utc))) AS since_purchase,
            toFloat64(dateDiff('day', toDate(first_event), today_utc)) AS since_first,
            dateDiff('day', toDate(last_event), today_utc) AS since_event,
            if(last_download > 0 AND toUnixTimestamp(last_action) <= last_download,
                floor(greatest(toInt64(toUnixTimestamp({at:DateTime('UTC')})) - last_download, 0) / 3600), nan) AS unfollowed_hours,
            -- In how many days a feature changes: tomorrow while anything lies in the last 14 days, later when something leaves a longer
            -- window, or when days since something reach a number that definitions name. 0 stands for never.
            arrayMin(arrayFilter(days -> days > 0, arrayConcat(
                [
                    if(since_event < 14, 1, 0),
                    if(active_days > 0, 30 - floor(log2(active_days)), 0),
                    if(sentiment_days > 0, 30 - floor(log2(sentiment_days)), 0),
                    if(first_day_365 > toDate(0), 365 - dateDiff('day', first_day_365, today_utc), 0)
                ]::Array(Float64),
                arrayMap(step -> step.2 - [since_action, since_purchase, since_first][step.1 - 25], day_steps),
                arrayMap(target -> toFloat64(target.2 > [since_action, since_purchase, since_first][target.1 - 25]), day_targets)))) AS change_in_days,
            -- The same for the hours since a download that nothing followed.
            arrayMin(arrayFilter(hours -> hours > unfollowed_hours, arrayConcat(
                hour_steps,
                arrayMap(target -> if(unfollowed_hours < target, unfollowed_hours + 1, nan), hour_targets)))) AS change_at_hours
        FROM persons
    )
SELECT
    person AS person_id,
    arrayConcat(
        [
            length(visits),
            arraySum(second -> exp2(-dateDiff('day', toDate(second, 'UTC'), today_utc) / half_life['visits']), visits),
            page_views_7, page_views_7w,
            arraySum(walk -> walk.2, walks), arraySum(walk -> walk.3, walks),
            downloads_7, downloads_7w,
            email_opens_7, email_opens_7w,
            email_clicks_7, email_clicks_7w,
            chats_7, chats_7w,
            forms_7, forms_7w,
            chats_7 + forms_7, chats_7w + forms_7w,
            bitCount(active_days),
            carts_30,
            checkouts_30,
            purchases_365,
            purchases_ever,
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
        arrayFlatten(arrayMap(name -> [toFloat64(signals_7[name]), signals_7w[name]], signal_names))) AS features,
    signals_7 AS signals_7d,
    revenue_365 AS revenue_365d,
    revenue_ever AS revenue_total,
    first_event AS first_seen,
    last_event AS last_seen,
    last_action AS last_action_at,
    first_purchase AS first_purchase_at,
    last_purchase AS last_purchase_at,
    is_known AS known,
    all_ids AS ids,
    least(
        if(change_in_days > 0, toDateTime(today_utc + toInt32(change_in_days), 'UTC'), toDateTime(4294967295, 'UTC')),
        if(change_at_hours > 0, toDateTime(last_download + 3600 * toUInt32(change_at_hours), 'UTC'), toDateTime(4294967295, 'UTC'))) AS next_change
FROM judged
SETTINGS join_use_nulls = 0
COMMENT 'Every feature of a batch of people, one person or everybody as of a moment (one row per person with an event up to that day)'
