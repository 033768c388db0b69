CREATE TABLE account_members
(
    `distinct_id` String COMMENT 'User id, or anonymous id of a visitor who is not logged in' CODEC(ZSTD(1)),
    `account_id` String COMMENT 'The account it acted for' CODEC(ZSTD(1)),
    `month` Date COMMENT 'First day of the month of the evidence, UTC' CODEC(ZSTD(1)),
    `first_at` SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'First evidence in the month, UTC' CODEC(Delta(8), ZSTD(1)),
    `last_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last evidence in the month, UTC' CODEC(Delta(8), ZSTD(1)),
    `evidence` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events that say so' CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(month)
ORDER BY (distinct_id, account_id, month)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Evidence that an id belongs to an account (one row per pair and month, once merged)';

CREATE MATERIALIZED VIEW account_members_mv TO account_members
(
    `distinct_id` String COMMENT 'User id, or anonymous id of a visitor who is not logged in',
    `account_id` String COMMENT 'The account it acted for',
    `month` Date COMMENT 'First day of the month of the evidence, UTC',
    `first_at` SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'First evidence in the month, UTC',
    `last_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last evidence in the month, UTC',
    `evidence` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events that say so'
)
COMMENT 'Feeds account_members from inserts into events'
AS SELECT
    distinct_id,
    account_id,
    toStartOfMonth(toDate(ts)) AS month,
    min(ts) AS first_at,
    max(ts) AS last_at,
    count() AS evidence
FROM events
WHERE (account_id != '') AND (distinct_id != '')
GROUP BY
    distinct_id,
    account_id,
    month;

CREATE VIEW account_people
(
    `account_id` String COMMENT 'The account: id of the group as sent, or a domain such as example.com',
    `person_id` String COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    `known_by` String COMMENT 'How it is known: group, or email domain',
    `first_at` DateTime64(3, 'UTC') COMMENT 'First evidence for it, UTC; of an email address when it was told last',
    `last_at` DateTime64(3, 'UTC') COMMENT 'Last evidence for it, UTC'
)
COMMENT 'Which account a person belongs to, for those who belong to one (one row per person)'
AS WITH
    (
        SELECT tuple(free_mail, role_names)
        FROM definition
    ) AS defined,
    addresses AS
    (
        SELECT
            distinct_id,
            at,
            splitByChar('@', lowerUTF8(trimBoth(value))) AS parts,
            splitByChar('+', parts[1])[1] AS mailbox,
            parts[2] AS domain
        FROM person_traits
        FINAL
        WHERE trait = 'email'
    ),
    evidence AS
    (
        SELECT
            distinct_id,
            account_id,
            'group' AS how,
            first_at AS first,
            last_at AS last
        FROM account_members
        UNION ALL
        SELECT
            distinct_id,
            domain,
            'email domain',
            at,
            at
        FROM addresses
        WHERE (length(parts) = 2) AND (mailbox != '') AND match(domain, '^[^\\s.]+(\\.[^\\s.]+)+$') AND (NOT has(defined.1, domain)) AND (NOT has(defined.2, mailbox))
    ),
    candidates AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), e.distinct_id) AS person,
            e.account_id AS account,
            e.how AS how,
            min(e.first) AS first,
            max(e.last) AS last
        FROM evidence AS e
        LEFT JOIN person_ids AS p ON p.distinct_id = e.distinct_id
        GROUP BY
            person,
            account,
            how
    )
SELECT
    chosen.1 AS account_id,
    person AS person_id,
    chosen.2 AS known_by,
    chosen.3 AS first_at,
    chosen.4 AS last_at
FROM
(
    SELECT
        person,
        argMax((account, how, first, last), (how = 'group', last, account)) AS chosen
    FROM candidates
    GROUP BY person
);

CREATE VIEW account_tiers
(
    `account_id` String COMMENT 'The account: id of the group as sent, or a domain such as example.com',
    `known_by` String COMMENT 'How it is known: group, or email domain when nobody named it as a group',
    `tier` UInt8 COMMENT 'Best tier of its people; 2: behaves like a buyer; 1: known, below that; 0: not known yet',
    `person_id` String COMMENT 'The person with it, of several the one with the highest score',
    `micro_segment` String COMMENT 'Which part of the tier that person is in; empty when the tier has none',
    `people` UInt64 COMMENT 'People who belong to the account',
    `engaged` UInt64 COMMENT 'Of them in tier 2',
    `breadth` Float64 COMMENT 'engaged / people, 0..1',
    `score` Float64 COMMENT 'Sum of the scores of its people, 100 at most',
    `action_required` String COMMENT 'What should happen next with that person; empty when nothing',
    `last_seen` DateTime64(3, 'UTC') COMMENT 'Last human event of engagement of its people as last evaluated, UTC; 1970 when there is none'
)
COMMENT 'Best tier, breadth and score of each account (one row per account)'
AS WITH
    argMin((person_tier, person, segment, action), (-toInt16(person_tier), -person_score, person)) AS best
SELECT
    account_id,
    if(countIf(how = 'group') > 0, 'group', 'email domain') AS known_by,
    best.1 AS tier,
    best.2 AS person_id,
    best.3 AS micro_segment,
    count() AS people,
    countIf(person_tier = 2) AS engaged,
    engaged / people AS breadth,
    least(100., sum(person_score)) AS score,
    best.4 AS action_required,
    max(seen) AS last_seen
FROM
(
    SELECT
        m.account_id AS account_id,
        m.known_by AS how,
        m.person_id AS person,
        s.tier AS person_tier,
        toString(s.micro_segment) AS segment,
        s.score AS person_score,
        s.action_required AS action,
        s.last_seen AS seen
    FROM account_people AS m
    LEFT JOIN
    (
        SELECT
            person_id,
            tier,
            micro_segment,
            score,
            action_required,
            last_seen
        FROM person_states
        FINAL
    ) AS s ON s.person_id = m.person_id
)
GROUP BY account_id
SETTINGS join_use_nulls = 0;

CREATE VIEW accounts
(
    `account_id` String COMMENT 'The account: id of the group as sent, or a domain such as example.com',
    `known_by` String COMMENT 'How it is known: group, or email domain when nobody named it as a group',
    `people` UInt64 COMMENT 'People who belong to it',
    `first_seen` DateTime64(3, 'UTC') COMMENT 'First time anybody of it was seen, UTC: first human event of engagement as last evaluated, or first evidence that they belong to it',
    `last_seen` DateTime64(3, 'UTC') COMMENT 'Last time anybody of it was seen, UTC: the same of the last'
)
COMMENT 'Companies and groups, and how many people of each are known (one row per account)'
AS SELECT
    m.account_id AS account_id,
    if(countIf(m.known_by = 'group') > 0, 'group', 'email domain') AS known_by,
    count() AS people,
    min(if(s.seen, least(s.first_seen, m.first_at), m.first_at)) AS first_seen,
    max(if(s.seen, greatest(s.last_seen, m.last_at), m.last_at)) AS last_seen
FROM account_people AS m
LEFT JOIN
(
    SELECT
        person_id,
        true AS seen,
        first_seen,
        last_seen
    FROM person_states
    FINAL
) AS s ON s.person_id = m.person_id
GROUP BY account_id
SETTINGS join_use_nulls = 0;

CREATE VIEW activity_terms_between
COMMENT 'Who was active and came back, by day (one row per day and term; parameters from and to, at most 35 days)'
AS WITH
    toInt32({from:Date}) AS first_day,
    toInt32({to:Date}) AS end_day,
    toUInt64(1073741823) AS thirty_days,
    toUInt64(127) AS seven_days,
    active AS
    (
        SELECT
            sipHash64(coalesce(nullIf(p.person_id, ''), d.distinct_id)) AS person,
            groupBitOr(bitShiftLeft(toUInt64(1), toUInt8((toInt32(d.day) - first_day) + 29))) AS days
        FROM person_day AS d
        LEFT JOIN person_ids AS p ON p.distinct_id = d.distinct_id
        WHERE (d.day >= toDate(greatest(0, first_day - 29))) AND (d.day < {to:Date}) AND (d.actions > 0)
        GROUP BY person
    ),
    counted AS
    (
        SELECT
            number_of_day,
            countIf(bitAnd(days, bitShiftLeft(toUInt64(1), number_of_day + 29)) != 0) AS on_day,
            countIf(bitAnd(days, bitShiftLeft(thirty_days, number_of_day)) != 0) AS in_month,
            countIf(bitAnd(days, bitShiftLeft(toUInt64(1), number_of_day + 22)) != 0) AS week_up,
            countIf((bitAnd(days, bitShiftLeft(toUInt64(1), number_of_day + 22)) != 0) AND (bitAnd(days, bitShiftLeft(seven_days, number_of_day + 23)) != 0)) AS came_back
        FROM active
        ARRAY JOIN range(toUInt8(greatest(0, least(35, end_day - first_day)))) AS number_of_day
        GROUP BY number_of_day
    )
SELECT
    {from:Date} + number_of_day AS day,
    '' AS channel,
    tupleElement(item, 1) AS term,
    toFloat64(tupleElement(item, 2)) AS amount,
    '' AS problem
FROM counted
ARRAY JOIN [('person:active_days', on_day), ('person:active_30d', in_month), ('person:retained_base', week_up), ('person:retained', came_back)] AS item
WHERE (amount > 0) AND (throwIf((end_day - first_day) > 35, 'activity_terms_between answers at most 35 days at once') = 0)
SETTINGS join_use_nulls = 0;

CREATE VIEW attribution_between
(
    `person_id` String COMMENT 'The person who converted',
    `event_id` UUID COMMENT 'The conversion',
    `kind` LowCardinality(String) COMMENT 'Kind of the conversion',
    `converted_at` DateTime64(3, 'UTC') COMMENT 'When it happened, UTC',
    `touched_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When the touch began, UTC; NULL when there was none',
    `acquisition` String COMMENT 'Acquisition channel of the touch; unattributed when there was none',
    `campaign` String COMMENT 'utm_campaign of the touch; empty when it had none',
    `touch` UInt32 COMMENT 'Number of the touch, from 1, the earliest',
    `touches` UInt32 COMMENT 'Touches of the conversion; 0 when there was none',
    `first_credit` Decimal(18, 6) COMMENT '1 for the first touch, 0 for the others',
    `last_credit` Decimal(18, 6) COMMENT '1 for the last touch, 0 for the others',
    `linear_credit` Decimal(18, 6) COMMENT 'An equal share of 1 for each touch',
    `amount` Nullable(Decimal(38, 4)) COMMENT 'Worth of the whole conversion in the base currency; NULL when a rate is missing',
    `linear_amount` Nullable(Decimal(38, 4)) COMMENT 'An equal share of amount for each touch',
    `problem` String COMMENT 'Why amount is NULL; empty when it is not'
)
COMMENT 'Credit of conversions: attribution_between(from = ..., to = ..., lookback = days) (one row per conversion and touch)'
AS WITH
    (
        SELECT if(session_timeout = 0, 1800, session_timeout)
        FROM definition
    ) AS timeout,
    toDateTime64({from:DateTime64(3)}, 3, 'UTC') AS since,
    toDateTime64({to:DateTime64(3)}, 3, 'UTC') AS until,
    visits AS
    (
        SELECT
            person_id AS person,
            start AS at,
            end AS last_at,
            acquisition AS name,
            utm_campaign AS campaign_name,
            true AS visit
        FROM sessions_between(`from` = (toDateTime64({from:DateTime64(3)}, 3, 'UTC') - toIntervalDay({lookback:UInt16})), to = {to:DateTime64(3)}, person = '')
    ),
    clicks AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person,
            m.ts AS at,
            m.ts AS last_at,
            if(o.acquisition = '', 'other', o.acquisition) AS name,
            toString(m.utm_campaign) AS campaign_name,
            false AS visit
        FROM milestones AS m
        FINAL
        LEFT JOIN person_ids AS p ON p.distinct_id = m.distinct_id
        LEFT JOIN origin_channels AS o ON (o.source = lowerUTF8(toString(m.utm_source))) AND (o.medium = multiIf(m.utm_medium != '', lowerUTF8(toString(m.utm_medium)), m.kind = 'email_click', 'email', 'cpc')) AND (o.referrer = '')
        WHERE (m.kind IN ('email_click', 'ad_click')) AND (m.channel NOT IN ('web', 'app')) AND (m.ts >= (since - toIntervalDay({lookback:UInt16}))) AND (m.ts < until)
    ),
    known AS
    (
        SELECT
            person,
            arraySort(groupArray(CAST((at, name, campaign_name, last_at, visit), 'Tuple(at DateTime64(3, \'UTC\'), name String, campaign_name String, last_at DateTime64(3, \'UTC\'), visit Bool)'))) AS entries
        FROM
        (
            SELECT
                person,
                at,
                name,
                campaign_name,
                last_at,
                visit
            FROM visits
            UNION ALL
            SELECT
                person,
                at,
                name,
                campaign_name,
                last_at,
                visit
            FROM clicks
        )
        GROUP BY person
    ),
    ways AS
    (
        SELECT
            person,
            arrayFilter(entry -> entry.visit, entries) AS sittings,
            arrayFilter(entry -> (entry.visit OR (NOT arrayExists(sitting -> ((sitting.name = entry.name) AND ((sitting.at - toIntervalSecond(timeout)) <= entry.at) AND (entry.at <= sitting.last_at)), sittings))), entries) AS all_touches
        FROM known
    ),
    credited AS
    (
        SELECT
            won.person_id AS person,
            won.event_id AS event,
            won.kind AS what,
            won.ts AS happened_at,
            won.amount AS worth,
            won.problem AS trouble,
            arrayFilter(entry -> ((entry.at <= happened_at) AND (entry.at >= (happened_at - toIntervalDay({lookback:UInt16})))), ways.all_touches) AS in_time,
            arrayFilter(entry -> (entry.name != 'direct'), in_time) AS telling,
            if(empty(telling), in_time, telling) AS counted
        FROM outcomes AS won
        LEFT JOIN ways ON ways.person = won.person_id
        WHERE won.conversion AND (won.ts >= since) AND (won.ts < until)
    )
SELECT
    person AS person_id,
    event AS event_id,
    what AS kind,
    happened_at AS converted_at,
    if(empty(counted), NULL, tupleElement(counted[n], 'at')) AS touched_at,
    if(empty(counted), 'unattributed', tupleElement(counted[n], 'name')) AS acquisition,
    if(empty(counted), '', tupleElement(counted[n], 'campaign_name')) AS campaign,
    toUInt32(n) AS touch,
    toUInt32(length(counted)) AS touches,
    greatest(touches, 1) AS parts,
    toDecimal64(n = 1, 6) AS first_credit,
    toDecimal64(n = parts, 6) AS last_credit,
    toDecimal64(intDiv(1000000, parts) + (n <= (1000000 % parts)), 6) / 1000000 AS linear_credit,
    worth AS amount,
    toInt128(worth * 10000) AS units,
    toDecimal128(intDiv(units, parts) + (n <= (units % parts)), 4) / 10000 AS linear_amount,
    trouble AS problem
FROM credited
ARRAY JOIN if(empty(counted), [1], arrayEnumerate(counted)) AS n
SETTINGS join_use_nulls = 0;

CREATE TABLE backfills
(
    `rollup` LowCardinality(String) COMMENT 'Table that a materialized view feeds from events',
    `month` Date COMMENT 'First day of the month that it lacks, UTC; 1970-01-01 is the note that its months were looked for',
    `done` UInt8 COMMENT '1 when the month was filled in, and on the note; 0 while it is to be done',
    `at` DateTime64(3, 'UTC') COMMENT 'When this was written, UTC'
)
ENGINE = ReplacingMergeTree(done)
ORDER BY (rollup, month)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Months of history that rollups lack, which came later than the events (one row per rollup and month, once merged)';

CREATE VIEW channel_daily
(
    `day` Date COMMENT 'Day of the events, UTC',
    `channel` LowCardinality(String) COMMENT 'Where it happened: web, app, email, ...',
    `kind` LowCardinality(String) COMMENT 'What happened: page_view, purchase, ... (never identify, group, alias)',
    `source` LowCardinality(String) COMMENT 'Which write key or file mapping the events came with',
    `campaign` LowCardinality(String) COMMENT 'utm_campaign of the events; empty when there is none',
    `currency` LowCardinality(String) COMMENT 'Currency of value, ISO 4217; empty when there is none',
    `events` UInt64 COMMENT 'Events, machines included',
    `human_events` UInt64 COMMENT 'Events of humans',
    `people` UInt64 COMMENT 'Different distinct_ids, humans only; an estimate, exact for small numbers, off by about 1.6 % for large ones. Do not add up over rows',
    `value` Decimal(38, 4) COMMENT 'Sum of value of human events, in units of currency; of kind refund it is what was given back'
)
COMMENT 'Sums per day, channel, kind, source, campaign and currency (one row per combination)'
AS SELECT
    toDate(hour) AS day,
    channel,
    kind,
    source,
    campaign,
    currency,
    sum(channel_hour.events) AS events,
    sum(channel_hour.human_events) AS human_events,
    uniqCombined64Merge(12)(channel_hour.people) AS people,
    sum(channel_hour.value) AS value
FROM channel_hour
GROUP BY
    day,
    channel,
    kind,
    source,
    campaign,
    currency;

CREATE TABLE channel_hour
(
    `hour` DateTime('UTC') COMMENT 'Start of the hour, UTC' CODEC(Delta(4), ZSTD(1)),
    `channel` LowCardinality(String) COMMENT 'Where it happened: web, app, email, ...',
    `kind` LowCardinality(String) COMMENT 'What happened: page_view, purchase, ... (never identify, group, alias)',
    `source` LowCardinality(String) COMMENT 'Which write key or file mapping the events came with',
    `campaign` LowCardinality(String) COMMENT 'utm_campaign of the events; empty when there is none',
    `currency` LowCardinality(String) COMMENT 'Currency of value, ISO 4217; empty when there is none',
    `events` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events, machines included' CODEC(T64, ZSTD(1)),
    `human_events` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of humans' CODEC(T64, ZSTD(1)),
    `people` AggregateFunction(uniqCombined64(12), String) COMMENT 'State of the number of different distinct_ids, humans only; read with uniqCombined64Merge(12)' CODEC(ZSTD(1)),
    `value` SimpleAggregateFunction(sum, Decimal(38, 4)) COMMENT 'Sum of value of human events, in units of currency; of kind refund it is what was given back' CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, channel, kind, source, campaign, currency)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Sums per hour, channel, kind, source, campaign and currency (one row per combination, once merged)';

CREATE MATERIALIZED VIEW channel_hour_mv TO channel_hour
(
    `hour` DateTime('UTC') COMMENT 'Start of the hour, UTC',
    `channel` LowCardinality(String) COMMENT 'Where it happened: web, app, email, ...',
    `kind` LowCardinality(String) COMMENT 'What happened: page_view, purchase, ... (never identify, group, alias)',
    `source` LowCardinality(String) COMMENT 'Which write key or file mapping the events came with',
    `campaign` LowCardinality(String) COMMENT 'utm_campaign of the events; empty when there is none',
    `currency` LowCardinality(String) COMMENT 'Currency of value, ISO 4217; empty when there is none',
    `events` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events, machines included',
    `human_events` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of humans',
    `people` AggregateFunction(uniqCombined64(12), String) COMMENT 'State of the number of different distinct_ids, humans only; read with uniqCombined64Merge(12)',
    `value` SimpleAggregateFunction(sum, Decimal(38, 4)) COMMENT 'Sum of value of human events, in units of currency; of kind refund it is what was given back'
)
COMMENT 'Feeds channel_hour from inserts into events'
AS SELECT
    toStartOfHour(toDateTime(ts, 'UTC')) AS hour,
    channel,
    kind,
    source,
    utm_campaign AS campaign,
    currency,
    count() AS events,
    countIf(machine = '') AS human_events,
    uniqCombined64IfState(12)(distinct_id, machine = '') AS people,
    sumIf(toDecimal128(value, 4), machine = '') AS value
FROM events
WHERE kind NOT IN ('identify', 'group', 'alias')
GROUP BY
    hour,
    channel,
    kind,
    source,
    campaign,
    currency;

CREATE VIEW customer_terms
(
    `day` Date COMMENT 'Day of the order that counts, UTC',
    `channel` String COMMENT 'Channel of the first order',
    `term` String COMMENT 'person:first_purchases, person:second_purchases, person:repeat_purchases, person:acquired_revenue or person:seconds_to_first_purchase',
    `amount` Float64 COMMENT 'How many, how many seconds, or how much in the base currency; NaN when it cannot be told, see problem',
    `problem` String COMMENT 'Why amount is NaN: which rate is missing for which day; empty when it is not'
)
COMMENT 'Customers and what they brought, by day and channel of their first order (one row per day, channel and term)'
AS WITH
    orders AS
    (
        SELECT
            person_id AS person,
            ts AS ordered_at,
            ordered,
            toString(channel) AS order_channel,
            ifNull(toFloat64(amount), nan) AS worth,
            problem AS why
        FROM outcomes
        WHERE kind IN ('purchase', 'opportunity_won', 'refund')
    ),
    customers AS
    (
        SELECT
            person,
            arraySort(groupArrayIf((ordered_at, order_channel), ordered)) AS bought,
            tupleElement(bought[1], 1) AS first_at,
            tupleElement(bought[1], 2) AS first_channel,
            toDate(tupleElement(bought[1], 1)) AS first_day,
            arrayMap(one -> toDate(tupleElement(one, 1)), arrayPopFront(bought)) AS later_days,
            sum(worth) AS brought,
            groupUniqArrayIf(why, why != '') AS problems
        FROM orders
        GROUP BY person
        HAVING notEmpty(bought)
    ),
    met AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person,
            min(m.first_at) AS first_event
        FROM person_month AS m
        LEFT JOIN person_ids AS p ON p.distinct_id = m.distinct_id
        WHERE isNotNull(m.first_at)
        GROUP BY person
    )
SELECT
    tupleElement(item, 1) AS day,
    first_channel AS channel,
    tupleElement(item, 2) AS term,
    sum(tupleElement(item, 3)) AS amount,
    arrayStringConcat(arraySort(groupUniqArrayArray(tupleElement(item, 4))), '; ') AS problem
FROM
(
    SELECT
        customers.first_channel AS first_channel,
        arrayJoin(arrayConcat([(first_day, 'person:first_purchases', toFloat64(1), emptyArrayString())], [(first_day, 'person:acquired_revenue', brought, problems)], [(first_day, 'person:seconds_to_first_purchase', (toUnixTimestamp64Milli(first_at) - toUnixTimestamp64Milli(least(first_at, coalesce(met.first_event, first_at)))) / 1000, emptyArrayString())], arrayMap(later -> (later, 'person:second_purchases', toFloat64(1), emptyArrayString()), arraySlice(later_days, 1, 1)), arrayMap(later -> (later, 'person:repeat_purchases', toFloat64(1), emptyArrayString()), later_days))) AS item
    FROM met
    RIGHT JOIN customers ON customers.person = met.person
)
GROUP BY
    day,
    channel,
    term
SETTINGS join_use_nulls = 0;

CREATE VIEW daily_rates
(
    `day` Date COMMENT 'Day the rate holds on, UTC',
    `currency` String COMMENT 'Currency that is converted, ISO 4217',
    `rate` Decimal(38, 12) COMMENT 'Units of the base currency for one unit of currency; never 0'
)
COMMENT 'Exchange rates day by day (one row per day and currency with a rate)'
AS WITH
    (
        SELECT base_currency
        FROM definition
    ) AS base_now,
    given AS
    (
        SELECT
            toString(currency) AS code,
            day AS since,
            rate AS worth,
            leadInFrame(toNullable(day)) OVER (PARTITION BY currency ORDER BY day ASC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS next_day
        FROM rates
        FINAL
        WHERE (base = base_now) AND (rate > 0) AND (currency != base_now)
    )
SELECT
    since + number_of_days AS day,
    code AS currency,
    worth AS rate
FROM given
ARRAY JOIN range(least(7, toUInt16(coalesce(next_day, since + 7) - since))) AS number_of_days
UNION ALL
WITH
    (
        SELECT base_currency
        FROM definition
    ) AS base_now,
    given AS
    (
        SELECT
            toString(currency) AS code,
            day AS since,
            rate AS worth,
            leadInFrame(toNullable(day)) OVER (PARTITION BY currency ORDER BY day ASC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS next_day
        FROM rates
        FINAL
        WHERE (base = base_now) AND (rate > 0) AND (currency != base_now)
    )
SELECT
    toDate(number) AS day,
    base_now AS currency,
    toDecimal128(1, 12) AS rate
FROM numbers(65536);

CREATE VIEW definition
(
    `version` UInt32 COMMENT 'Its version; 0 when nothing was applied yet',
    `applied_at` DateTime64(3, 'UTC') COMMENT 'When it was applied, UTC',
    `applied_by` String COMMENT 'Who applied it: a user of the machine, or livello for the definitions it comes with',
    `note` String COMMENT 'What whoever applied it said about it',
    `checksum` String COMMENT 'SHA-256 of source, hexadecimal',
    `source` String COMMENT 'The definitions as they were given, YAML; empty or partial: the rest is what livello comes with',
    `complete` String COMMENT 'The definitions in full, defaults filled in, JSON: what livello compares versions by',
    `session_timeout` UInt32 COMMENT 'Seconds without an event that end a session',
    `half_lives` Map(String, Float64) COMMENT 'Days in which an event loses half of its weight, per rolled feature and signal',
    `feature_names` Array(String) COMMENT 'Names of the feature array, in its order; conditions give positions in it, from 1',
    `signals` Array(Tuple(
        name String,
        text String)) COMMENT 'Signals: what is counted per person and day besides the built-in kinds, in order',
    `key_paths` Array(Tuple(
        name String,
        pages Array(String))) COMMENT 'Paths to be walked in order: names of key pages',
    `criteria` Array(Tuple(
        name String,
        text String,
        conditions Array(Tuple(
            feature UInt16,
            at_least Float64,
            at_most Float64)),
        weight Float64,
        targets Array(Tuple(
            feature UInt16,
            target Float64)))) COMMENT 'Criteria of tier 2: met when all conditions are; weights sum to 100, and targets say where a contribution to the score is full',
    `tier2_needs` UInt8 COMMENT 'How many criteria make tier 2',
    `micro_segments` Array(Tuple(
        name String,
        tier UInt8,
        text String,
        conditions Array(Tuple(
            feature UInt16,
            at_least Float64,
            at_most Float64)),
        action String)) COMMENT 'Segments within a tier, the first that fits counts; no conditions: everybody of the tier',
    `lifecycle` Array(Tuple(
        name String,
        text String,
        conditions Array(Tuple(
            feature UInt16,
            at_least Float64,
            at_most Float64)))) COMMENT 'Lifecycle segments; a person is in all that fit',
    `context_rules` Array(Tuple(
        name String,
        text String,
        conditions Array(Tuple(
            feature UInt16,
            at_least Float64,
            at_most Float64)),
        penalty Float64)) COMMENT 'What speaks against a lead, and how many points of the score it takes',
    `tier_actions` Map(String, String) COMMENT 'What to do with people of a tier (2, 1, 0) whose micro-segment does not say',
    `conversion_kinds` Array(String) COMMENT 'Event kinds that are a conversion',
    `conversion_days` UInt16 COMMENT 'Days after entering a tier or segment within which a conversion is its success',
    `gold_people` UInt16 COMMENT 'People with a known outcome that a segment needs before its rate says anything',
    `gold_rate` Float64 COMMENT 'Rate of conversion, 0..1, from which such a segment is gold',
    `base_currency` String COMMENT 'Currency that money is added up in, ISO 4217',
    `free_mail` Array(String) COMMENT 'Email domains that are no company, lower case',
    `role_names` Array(String) COMMENT 'Mailboxes that are no person (the part before the @), lower case',
    `identity_max_users` UInt16 COMMENT 'An id seen with more users than this joins nobody',
    `identity_max_ids` UInt32 COMMENT 'A person never has more ids than this',
    `acquisition` Array(Tuple(
        channel String,
        utm_medium Array(String),
        utm_source Array(String),
        referrer Array(String))) COMMENT 'How people come: the first row whose lists all fit (LIKE patterns on lower case; an empty list fits anything)',
    `metrics` Array(Tuple(
        level String,
        metric String,
        text String,
        unit String,
        numerator Array(String),
        denominator Array(String))) COMMENT 'Metrics of the funnel: terms of funnel_terms that are added up (a leading - subtracts), one sum over the other; no denominator: 1'
)
COMMENT 'The definitions that count now (one row)'
AS SELECT
    max(d.version) AS version,
    argMax(d.applied_at, (d.version, d.applied_at)) AS applied_at,
    argMax(d.applied_by, (d.version, d.applied_at)) AS applied_by,
    argMax(d.note, (d.version, d.applied_at)) AS note,
    argMax(d.checksum, (d.version, d.applied_at)) AS checksum,
    argMax(d.source, (d.version, d.applied_at)) AS source,
    argMax(d.complete, (d.version, d.applied_at)) AS complete,
    argMax(d.session_timeout, (d.version, d.applied_at)) AS session_timeout,
    argMax(d.half_lives, (d.version, d.applied_at)) AS half_lives,
    argMax(d.feature_names, (d.version, d.applied_at)) AS feature_names,
    argMax(d.signals, (d.version, d.applied_at)) AS signals,
    argMax(d.key_paths, (d.version, d.applied_at)) AS key_paths,
    argMax(d.criteria, (d.version, d.applied_at)) AS criteria,
    argMax(d.tier2_needs, (d.version, d.applied_at)) AS tier2_needs,
    argMax(d.micro_segments, (d.version, d.applied_at)) AS micro_segments,
    argMax(d.lifecycle, (d.version, d.applied_at)) AS lifecycle,
    argMax(d.context_rules, (d.version, d.applied_at)) AS context_rules,
    argMax(d.tier_actions, (d.version, d.applied_at)) AS tier_actions,
    argMax(d.conversion_kinds, (d.version, d.applied_at)) AS conversion_kinds,
    argMax(d.conversion_days, (d.version, d.applied_at)) AS conversion_days,
    argMax(d.gold_people, (d.version, d.applied_at)) AS gold_people,
    argMax(d.gold_rate, (d.version, d.applied_at)) AS gold_rate,
    argMax(d.base_currency, (d.version, d.applied_at)) AS base_currency,
    argMax(d.free_mail, (d.version, d.applied_at)) AS free_mail,
    argMax(d.role_names, (d.version, d.applied_at)) AS role_names,
    argMax(d.identity_max_users, (d.version, d.applied_at)) AS identity_max_users,
    argMax(d.identity_max_ids, (d.version, d.applied_at)) AS identity_max_ids,
    argMax(d.acquisition, (d.version, d.applied_at)) AS acquisition,
    argMax(d.metrics, (d.version, d.applied_at)) AS metrics
FROM definitions AS d;

CREATE TABLE definitions
(
    `version` UInt32 COMMENT 'Counts up from 1',
    `applied_at` DateTime64(3, 'UTC') COMMENT 'When it was applied, UTC',
    `applied_by` String COMMENT 'Who applied it: a user of the machine, or livello for the definitions it comes with',
    `note` String COMMENT 'What whoever applied it said about it',
    `checksum` String COMMENT 'SHA-256 of source, hexadecimal',
    `source` String COMMENT 'The definitions as they were given, YAML; empty or partial: the rest is what livello comes with' CODEC(ZSTD(3)),
    `complete` String COMMENT 'The definitions in full, defaults filled in, JSON: what livello compares versions by' CODEC(ZSTD(3)),
    `session_timeout` UInt32 COMMENT 'Seconds without an event that end a session',
    `half_lives` Map(String, Float64) COMMENT 'Days in which an event loses half of its weight, per rolled feature and signal',
    `feature_names` Array(String) COMMENT 'Names of the feature array, in its order; conditions give positions in it, from 1',
    `signals` Array(Tuple(
        name String,
        text String)) COMMENT 'Signals: what is counted per person and day besides the built-in kinds, in order',
    `key_paths` Array(Tuple(
        name String,
        pages Array(String))) COMMENT 'Paths to be walked in order: names of key pages',
    `criteria` Array(Tuple(
        name String,
        text String,
        conditions Array(Tuple(
            feature UInt16,
            at_least Float64,
            at_most Float64)),
        weight Float64,
        targets Array(Tuple(
            feature UInt16,
            target Float64)))) COMMENT 'Criteria of tier 2: met when all conditions are; weights sum to 100, and targets say where a contribution to the score is full',
    `tier2_needs` UInt8 COMMENT 'How many criteria make tier 2',
    `micro_segments` Array(Tuple(
        name String,
        tier UInt8,
        text String,
        conditions Array(Tuple(
            feature UInt16,
            at_least Float64,
            at_most Float64)),
        action String)) COMMENT 'Segments within a tier, the first that fits counts; no conditions: everybody of the tier',
    `lifecycle` Array(Tuple(
        name String,
        text String,
        conditions Array(Tuple(
            feature UInt16,
            at_least Float64,
            at_most Float64)))) COMMENT 'Lifecycle segments; a person is in all that fit',
    `context_rules` Array(Tuple(
        name String,
        text String,
        conditions Array(Tuple(
            feature UInt16,
            at_least Float64,
            at_most Float64)),
        penalty Float64)) COMMENT 'What speaks against a lead, and how many points of the score it takes',
    `tier_actions` Map(String, String) COMMENT 'What to do with people of a tier (2, 1, 0) whose micro-segment does not say',
    `conversion_kinds` Array(String) COMMENT 'Event kinds that are a conversion',
    `conversion_days` UInt16 COMMENT 'Days after entering a tier or segment within which a conversion is its success',
    `gold_people` UInt16 COMMENT 'People with a known outcome that a segment needs before its rate says anything',
    `gold_rate` Float64 COMMENT 'Rate of conversion, 0..1, from which such a segment is gold',
    `base_currency` String COMMENT 'Currency that money is added up in, ISO 4217',
    `free_mail` Array(String) COMMENT 'Email domains that are no company, lower case',
    `role_names` Array(String) COMMENT 'Mailboxes that are no person (the part before the @), lower case',
    `identity_max_users` UInt16 COMMENT 'An id seen with more users than this joins nobody',
    `identity_max_ids` UInt32 COMMENT 'A person never has more ids than this',
    `acquisition` Array(Tuple(
        channel String,
        utm_medium Array(String),
        utm_source Array(String),
        referrer Array(String))) COMMENT 'How people come: the first row whose lists all fit (LIKE patterns on lower case; an empty list fits anything)',
    `metrics` Array(Tuple(
        level String,
        metric String,
        text String,
        unit String,
        numerator Array(String),
        denominator Array(String))) COMMENT 'Metrics of the funnel: terms of funnel_terms that are added up (a leading - subtracts), one sum over the other; no denominator: 1',
    `for_features` Tuple(
        weights Array(Array(Float64)),
        visit_weights Array(Float64),
        path_weights Array(Float64),
        signals Array(String),
        signal_weights Array(Array(Float64)),
        paths Array(Array(String)),
        session_timeout Array(UInt32),
        day_steps Array(Tuple(
            UInt16,
            Float64)),
        hour_steps Array(Float64),
        always Array(UInt8)) MATERIALIZED tuple(arrayMap(age -> arrayConcat([1, 1, age < 30, age < 30, age < 7, (age >= 7) AND (age <= 13)], arrayFlatten(arrayMap(name -> [age < 7, if(age < 7, exp2((-age) / (half_lives[name])), 0)], ['page_views', 'downloads', 'email_opens', 'email_clicks', 'chats', 'forms']))), range(31)), arrayMap(age -> exp2((-age) / (half_lives['visits'])), range(7)), arrayMap(age -> exp2((-age) / (half_lives['key_paths'])), range(7)), arrayMap(x -> tupleElement(x, 'name'), signals), arrayMap(name -> arrayMap(age -> exp2((-age) / (half_lives[name])), range(7)), arrayMap(x -> tupleElement(x, 'name'), signals)), arrayMap(x -> tupleElement(x, 'pages'), key_paths), [session_timeout], arrayFilter(step -> ((((step.1) >= 26) AND ((step.1) <= 28)) AND isFinite(step.2)), arrayFlatten(arrayMap(c -> [(c.1, ceil(c.2)), (c.1, floor(c.3) + 1)], arrayConcat(arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), criteria)), arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), micro_segments)), arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), lifecycle)), arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), context_rules)))))), arrayMap(step -> (step.2), arrayFilter(step -> (((step.1) = 36) AND isFinite(step.2)), arrayFlatten(arrayMap(c -> [(c.1, ceil(c.2)), (c.1, floor(c.3) + 1)], arrayConcat(arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), criteria)), arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), micro_segments)), arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), lifecycle)), arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), context_rules))))))), if(arrayExists(target -> ((target.1) IN (26, 27, 28, 36)), arrayFlatten(arrayMap(x -> tupleElement(x, 'targets'), criteria))), [1], [])) COMMENT 'What the features need of it, worked out once per version: weights by age in days (from 0) of sums, visits, key paths and signals, and where a condition begins or ceases to hold of features that grow by themselves (days since, hours since)',
    `for_states` Tuple(
        version Array(UInt32),
        needed Array(UInt8),
        tier_actions Map(String, String),
        criteria Array(String),
        criteria_texts Array(String),
        weights Array(Tuple(
            weight Float64,
            targets Array(Tuple(
                feature UInt16,
                target Float64)))),
        segments Array(String),
        segment_tiers Array(UInt8),
        segment_actions Array(String),
        lifecycle Array(String),
        contexts Array(String),
        context_texts Array(String),
        penalties Array(Float64),
        conditions Array(Array(Tuple(
            feature UInt16,
            at_least Float64,
            at_most Float64)))) MATERIALIZED tuple([version], [tier2_needs], tier_actions, arrayMap(x -> tupleElement(x, 'name'), criteria), arrayMap(x -> tupleElement(x, 'text'), criteria), arrayMap(c -> (tupleElement(c, 'weight'), tupleElement(c, 'targets')), criteria), arrayMap(x -> tupleElement(x, 'name'), micro_segments), arrayMap(x -> tupleElement(x, 'tier'), micro_segments), arrayMap(x -> tupleElement(x, 'action'), micro_segments), arrayMap(x -> tupleElement(x, 'name'), lifecycle), arrayMap(x -> tupleElement(x, 'name'), context_rules), arrayMap(x -> tupleElement(x, 'text'), context_rules), arrayMap(r -> (floor(8 * tupleElement(r, 'penalty')) / 8), context_rules), arrayConcat(arrayMap(x -> tupleElement(x, 'conditions'), criteria), arrayMap(x -> tupleElement(x, 'conditions'), lifecycle), arrayMap(x -> tupleElement(x, 'conditions'), context_rules), arrayMap(x -> tupleElement(x, 'conditions'), micro_segments))) COMMENT 'What person_states_at needs of it, worked out once per version: conditions of criteria, lifecycle segments, context rules and micro-segments, in this order; penalties in eighths'
)
ENGINE = MergeTree
ORDER BY version
SETTINGS index_granularity = 64, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Definitions that were applied (one row per version); the view definition is the newest';

CREATE VIEW engagement_history
(
    `person_id` String COMMENT 'The person: the user the id belongs to as of now, or the id itself',
    `event_id` UUID COMMENT 'Identity of the event: messageId when that is a UUID, else UUIDv5 of source and messageId, else of source and content',
    `message_id` String COMMENT 'messageId as sent; empty when it was itself the UUID in event_id',
    `type` LowCardinality(String) COMMENT 'Message type of the wire format: track, identify, page, screen, group, alias',
    `kind` LowCardinality(String) COMMENT 'What happened, from our own fixed list (page_view, purchase, ...); identify, group and alias are not engagement',
    `name` LowCardinality(String) COMMENT 'What the sender called the event',
    `ts` DateTime64(3, 'UTC') COMMENT 'When it happened, corrected by the difference of the clocks; UTC, milliseconds',
    `received_at` DateTime64(3, 'UTC') COMMENT 'When the service received it; UTC, milliseconds',
    `source` LowCardinality(String) COMMENT 'Which write key or file mapping it came with',
    `channel` LowCardinality(String) COMMENT 'Where it happened: web, app, email, chat, phone, store, survey, support, ads, crm, social.facebook, ...',
    `distinct_id` String COMMENT 'The id rollups are kept by: user_id, or anonymous_id when nobody is logged in',
    `anonymous_id` String COMMENT 'Device or browser id; empty when the sender gave none',
    `user_id` String COMMENT 'Id of the logged-in user; empty when nobody is logged in',
    `previous_id` String COMMENT 'alias only: the id that is now user_id',
    `account_id` String COMMENT 'Account the event named, else the one the person was last seen with; empty when none',
    `session_id` String COMMENT 'Session as the sender cut it; ours are cut from ts on reading',
    `url` String COMMENT 'Full address of the page',
    `path` String COMMENT 'Path of the page without host and query',
    `referrer` String COMMENT 'Address of the page that led here',
    `utm_source` LowCardinality(String) COMMENT 'Campaign parameter: who sent the visitor',
    `utm_medium` LowCardinality(String) COMMENT 'Campaign parameter: by which medium',
    `utm_campaign` LowCardinality(String) COMMENT 'Campaign parameter: which campaign',
    `utm_term` LowCardinality(String) COMMENT 'Campaign parameter: search term',
    `utm_content` LowCardinality(String) COMMENT 'Campaign parameter: which variant',
    `content_id` String COMMENT 'Which whitepaper, video, product, mail or post it was about',
    `order_id` String COMMENT 'Order or deal it belongs to',
    `value` Decimal(18, 4) COMMENT 'Money, in units of currency; positive for a purchase and for a refund',
    `currency` LowCardinality(String) COMMENT 'Currency of value, ISO 4217; empty when there is none',
    `score` Nullable(Float32) COMMENT 'Survey answer or rating, in the scale of the survey; NULL when there is none',
    `text` String COMMENT 'What the person wrote: review, comment, chat message, search',
    `sentiment` Nullable(Float32) COMMENT 'Sentiment of text, -1 to 1; NULL when nobody rated it',
    `user_agent` LowCardinality(String) COMMENT 'User agent as sent',
    `ip` String COMMENT 'Address of the client, IPv4 or IPv6 as text',
    `country` LowCardinality(String) COMMENT 'Country, ISO 3166 two letters; empty when unknown',
    `locale` LowCardinality(String) COMMENT 'Language and region of the client, such as it-IT',
    `machine` LowCardinality(String) COMMENT 'Why this is not a human; empty for a human',
    `properties` Map(LowCardinality(String), String) COMMENT 'All other fields of the message, nested keys joined by dots, values as text'
)
COMMENT 'Every event with its person and account as of now (one row per event)'
AS WITH
    accounts AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person,
            argMax(m.account_id, (m.last_at, m.account_id)) AS account
        FROM account_members AS m
        LEFT JOIN person_ids AS p ON p.distinct_id = m.distinct_id
        GROUP BY person
    )
SELECT
    coalesce(nullIf(p.person_id, ''), e.distinct_id) AS person_id,
    e.event_id AS event_id,
    e.message_id AS message_id,
    e.type AS type,
    e.kind AS kind,
    e.name AS name,
    e.ts AS ts,
    e.received_at AS received_at,
    e.source AS source,
    e.channel AS channel,
    e.distinct_id AS distinct_id,
    e.anonymous_id AS anonymous_id,
    e.user_id AS user_id,
    e.previous_id AS previous_id,
    coalesce(nullIf(e.account_id, ''), a.account, '') AS account_id,
    e.session_id AS session_id,
    e.url AS url,
    e.path AS path,
    e.referrer AS referrer,
    e.utm_source AS utm_source,
    e.utm_medium AS utm_medium,
    e.utm_campaign AS utm_campaign,
    e.utm_term AS utm_term,
    e.utm_content AS utm_content,
    e.content_id AS content_id,
    e.order_id AS order_id,
    e.value AS value,
    e.currency AS currency,
    e.score AS score,
    e.text AS text,
    e.sentiment AS sentiment,
    e.user_agent AS user_agent,
    e.ip AS ip,
    e.country AS country,
    e.locale AS locale,
    e.machine AS machine,
    e.properties AS properties
FROM events AS e
LEFT JOIN person_ids AS p ON p.distinct_id = e.distinct_id
LEFT JOIN accounts AS a ON a.person = coalesce(nullIf(p.person_id, ''), e.distinct_id)
SETTINGS join_use_nulls = 0;

CREATE TABLE erased_days
(
    `request` UUID COMMENT 'The erasure: erasures.request',
    `day` Date COMMENT 'Day of the events (ts), UTC',
    `rows` UInt64 COMMENT 'Erased events, each counted once however many copies there were',
    `id_sum` UInt64 COMMENT 'Sum of cityHash64(event_id) of them, modulo 2^64' CODEC(NONE),
    `at` DateTime64(3, 'UTC') COMMENT 'When the erasure was asked for, UTC'
)
ENGINE = MergeTree
ORDER BY (day, request)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Events taken out by erasures (rows of a day add up)';

CREATE TABLE erased_ids
(
    `request` UUID COMMENT 'The erasure: erasures.request',
    `id` String COMMENT 'An id of the person'
)
ENGINE = ReplacingMergeTree
PARTITION BY request
ORDER BY (request, id)
SETTINGS index_granularity = 1024, old_parts_lifetime = 1, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Ids of people who are being erased now; otherwise empty';

CREATE TABLE erasures
(
    `request` UUID COMMENT 'Identity of the erasure',
    `state` LowCardinality(String) COMMENT 'begun or done',
    `step` UInt32 COMMENT 'Grows with every step that is done',
    `begun_at` DateTime64(3, 'UTC') COMMENT 'When it was asked for, UTC',
    `at` DateTime64(3, 'UTC') COMMENT 'When this state was reached, UTC',
    `person_hash` String COMMENT 'SHA-256 of the salt and the id that was asked for, hexadecimal',
    `id_hashes` Array(String) COMMENT 'The same of every id of the person',
    `removed` Map(LowCardinality(String), UInt64) COMMENT 'Rows removed, per table',
    `changed` Map(LowCardinality(String), UInt64) COMMENT 'Rows that stay without the id: of others in events, sums in channel_hour',
    `remaining` Array(String) COMMENT 'Files that may still hold the id, and need a decision of the operator',
    `requested_by` String COMMENT 'Who asked: over HTTP with the admin key, or the user of the command line'
)
ENGINE = ReplacingMergeTree(step)
ORDER BY request
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Certificates of erased people (one row per erasure with FINAL)';

CREATE TABLE evaluation_scope
(
    `batch` UUID COMMENT 'The batch; all zeros stands for everybody and is never written',
    `distinct_id` String COMMENT 'An id of the person' CODEC(ZSTD(1)),
    `person_id` String COMMENT 'The person as of the moment that is evaluated' CODEC(ZSTD(1)),
    `made_at` DateTime('UTC') DEFAULT now('UTC') COMMENT 'When, UTC' CODEC(Delta(4), ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (batch, distinct_id)
TTL made_at + toIntervalHour(1)
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, merge_with_ttl_timeout = 600
COMMENT 'Ids of the people of each batch that is evaluated (one row per batch and id, for an hour)';

CREATE TABLE events
(
    `event_id` UUID COMMENT 'Identity of the event: messageId when that is a UUID, else UUIDv5 of source and messageId, else of source and content' CODEC(NONE) SETTINGS (min_compress_block_size = 8192),
    `message_id` String COMMENT 'messageId as sent; empty when it was itself the UUID in event_id' CODEC(ZSTD(1)),
    `type` LowCardinality(String) COMMENT 'Message type of the wire format: track, identify, page, screen, group, alias',
    `kind` LowCardinality(String) COMMENT 'What happened, from our own fixed list (page_view, purchase, ...); identify, group and alias are not engagement' SETTINGS (min_compress_block_size = 8192),
    `name` LowCardinality(String) COMMENT 'What the sender called the event' SETTINGS (min_compress_block_size = 8192),
    `ts` DateTime64(3, 'UTC') COMMENT 'When it happened, corrected by the difference of the clocks; UTC, milliseconds' CODEC(T64, LZ4) SETTINGS (min_compress_block_size = 8192),
    `received_at` DateTime64(3, 'UTC') COMMENT 'When the service received it; UTC, milliseconds' CODEC(Delta(8), ZSTD(1)),
    `source` LowCardinality(String) COMMENT 'Which write key or file mapping it came with',
    `channel` LowCardinality(String) COMMENT 'Where it happened: web, app, email, chat, phone, store, survey, support, ads, crm, social.facebook, ...' SETTINGS (min_compress_block_size = 8192),
    `distinct_id` String COMMENT 'The id rollups are kept by: user_id, or anonymous_id when nobody is logged in' CODEC(LZ4) SETTINGS (min_compress_block_size = 8192),
    `anonymous_id` String COMMENT 'Device or browser id; empty when the sender gave none' CODEC(ZSTD(1)),
    `user_id` String COMMENT 'Id of the logged-in user; empty when nobody is logged in' CODEC(ZSTD(1)),
    `previous_id` String COMMENT 'alias only: the id that is now user_id' CODEC(ZSTD(1)),
    `account_id` String COMMENT 'Company or group the person acts for; empty when unknown' CODEC(ZSTD(1)),
    `session_id` String COMMENT 'Session as the sender cut it; ours are cut from ts on reading' CODEC(ZSTD(1)),
    `url` String COMMENT 'Full address of the page' CODEC(ZSTD(1)),
    `path` String COMMENT 'Path of the page without host and query' CODEC(ZSTD(1)) SETTINGS (min_compress_block_size = 8192),
    `referrer` String COMMENT 'Address of the page that led here' CODEC(ZSTD(1)),
    `utm_source` LowCardinality(String) COMMENT 'Campaign parameter: who sent the visitor',
    `utm_medium` LowCardinality(String) COMMENT 'Campaign parameter: by which medium',
    `utm_campaign` LowCardinality(String) COMMENT 'Campaign parameter: which campaign',
    `utm_term` LowCardinality(String) COMMENT 'Campaign parameter: search term',
    `utm_content` LowCardinality(String) COMMENT 'Campaign parameter: which variant',
    `content_id` String COMMENT 'Which whitepaper, video, product, mail or post it was about' CODEC(ZSTD(1)) SETTINGS (min_compress_block_size = 8192),
    `order_id` String COMMENT 'Order or deal it belongs to' CODEC(ZSTD(1)),
    `value` Decimal(18, 4) COMMENT 'Money, in units of currency; positive for a purchase and for a refund' CODEC(ZSTD(1)) SETTINGS (min_compress_block_size = 8192),
    `currency` LowCardinality(String) COMMENT 'Currency of value, ISO 4217; empty when there is none' SETTINGS (min_compress_block_size = 8192),
    `score` Nullable(Float32) COMMENT 'Survey answer or rating, in the scale of the survey; NULL when there is none' CODEC(ZSTD(1)),
    `text` String COMMENT 'What the person wrote: review, comment, chat message, search' CODEC(ZSTD(1)),
    `sentiment` Nullable(Float32) COMMENT 'Sentiment of text, -1 to 1; NULL when nobody rated it' CODEC(ZSTD(1)),
    `user_agent` LowCardinality(String) COMMENT 'User agent as sent',
    `ip` String COMMENT 'Address of the client, IPv4 or IPv6 as text' CODEC(ZSTD(1)),
    `country` LowCardinality(String) COMMENT 'Country, ISO 3166 two letters; empty when unknown',
    `locale` LowCardinality(String) COMMENT 'Language and region of the client, such as it-IT',
    `machine` LowCardinality(String) COMMENT 'Why this is not a human; empty for a human' SETTINGS (min_compress_block_size = 8192),
    `properties` Map(LowCardinality(String), String) COMMENT 'All other fields of the message, nested keys joined by dots, values as text' CODEC(ZSTD(1)),
    INDEX by_account account_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (distinct_id, ts, event_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Every accepted event, once, as it came (one row per event)';

CREATE TABLE explained_days
(
    `day` Date COMMENT 'Day of the events (ts), UTC',
    `reason` LowCardinality(String) COMMENT 'copy: accepted once more than it is stored; accepted: a person knows and takes it as it is',
    `rows` Int64 COMMENT 'How many events fewer are stored than were accepted; negative: more',
    `id_sum` UInt64 COMMENT 'Sum of cityHash64(event_id) of what was accepted less that of what is stored, modulo 2^64' CODEC(NONE),
    `said_by` String COMMENT 'Of accepted: who said so, as user@machine',
    `because` String COMMENT 'Of accepted: why, in their words',
    `at` DateTime64(3, 'UTC') COMMENT 'When it was written, UTC'
)
ENGINE = MergeTree
ORDER BY (day, at)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Days whose events are not what receipts say, and why that is so (rows of a day add up)';

CREATE TABLE funnel_days
(
    `day` Date COMMENT 'Day, UTC; 1970-01-01 is all of history, which the terms of customers are computed from' CODEC(Delta(2), ZSTD(1)),
    `rows` UInt64 COMMENT 'Sum of receipts.rows of the day when it was computed last; 0: never' CODEC(T64, ZSTD(1)),
    `id_sum` UInt64 COMMENT 'Sum of receipts.id_sum of the day when it was computed last, modulo 2^64' CODEC(NONE),
    `at` DateTime64(3, 'UTC') COMMENT 'When it was computed, UTC; the greatest counts' CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(at)
ORDER BY day
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'What the days of person_term_days were computed from (one row per day, with FINAL)';

CREATE TABLE funnel_progress
(
    `one` UInt8 COMMENT 'Always 1: there is one row',
    `at` DateTime64(3, 'UTC') COMMENT 'When it was written, UTC; the greatest counts',
    `until` Date COMMENT 'Last day that was computed or asked for, UTC: on the next one fewer people were there within a month, even when nothing happens',
    `definitions` UInt32 COMMENT 'Version of the definitions that the days know or were asked for again with',
    `identities_at` DateTime64(3, 'UTC') COMMENT 'Greatest at of person_map that was seen, UTC',
    `identities` UInt64 COMMENT 'Rows of person_map of the ten seconds up to that at: one INSERT may become visible in parts, and of two resolvers one may be a little behind',
    `rates` UInt64 COMMENT 'Sum of hashes of the rates that were seen, modulo 2^64'
)
ENGINE = ReplacingMergeTree(at)
ORDER BY one
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800, index_granularity = 8192
COMMENT 'How far person_term_days follows identities, definitions and rates (one row, with FINAL)';

CREATE VIEW funnel_terms
(
    `day` Date COMMENT 'Day, UTC',
    `channel` String COMMENT 'Where it happened; empty when it belongs to no single channel',
    `term` String COMMENT 'What is summed: events:page_view, value:purchase, measurement:ad_spend, ... (docs/metrics.md)',
    `amount` Float64 COMMENT 'How many or how much; money in the base currency; NaN when it cannot be told, see problem',
    `problem` String COMMENT 'Why amount is NaN: which rate is missing for which day; empty when it is not'
)
COMMENT 'What metrics are made of, in sums that add up (one row per day, channel and term)'
AS WITH
    (
        SELECT toString(base_currency)
        FROM definition
    ) AS base_code,
    money AS
    (
        SELECT
            toDate(hour) AS money_day,
            toString(channel) AS money_channel,
            concat('value:', toString(kind)) AS money_term,
            toString(currency) AS code,
            toFloat64(sum(value)) AS money_amount
        FROM channel_hour
        GROUP BY
            money_day,
            money_channel,
            money_term,
            code
        HAVING sum(value) != 0
        UNION ALL
        SELECT
            toDate(ts) AS money_day,
            toString(channel) AS money_channel,
            concat('measurement:', toString(kind)) AS money_term,
            toString(currency) AS code,
            toFloat64(sum(value)) AS money_amount
        FROM measurements
        FINAL
        WHERE (currency != '') AND (kind != 'exchange_rate')
        GROUP BY
            money_day,
            money_channel,
            money_term,
            code
    ),
    converted AS
    (
        SELECT
            money.money_day AS money_day,
            money.money_channel AS money_channel,
            money.money_term AS money_term,
            multiIf(money.money_amount = 0, 0, r.rate > 0, money.money_amount * toFloat64(r.rate), nan) AS money_amount,
            multiIf((money.money_amount = 0) OR (r.rate > 0), '', money.code = '', concat('money without a currency on ', toString(money.money_day)), concat('no rate from ', money.code, ' to ', base_code, ' for ', toString(money.money_day))) AS money_problem
        FROM money
        LEFT JOIN daily_rates AS r ON (r.day = money.money_day) AND (r.currency = money.code)
    ),
    levels AS
    (
        SELECT
            kind,
            channel AS level_channel,
            campaign,
            source,
            toDate(ts) AS level_day,
            argMax(value, ts) AS level,
            lagInFrame(level, 1, level) OVER (PARTITION BY kind, channel, campaign, source ORDER BY level_day ASC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS level_before
        FROM measurements
        FINAL
        WHERE (kind IN ('followers', 'subscribers', 'members')) OR startsWith(kind, 'level_')
        GROUP BY
            kind,
            level_channel,
            campaign,
            source,
            level_day
    )
SELECT
    toDate(hour) AS day,
    toString(channel) AS channel,
    concat('events:', toString(kind)) AS term,
    toFloat64(sum(human_events)) AS amount,
    '' AS problem
FROM channel_hour
GROUP BY
    day,
    channel,
    term
HAVING sum(human_events) > 0
UNION ALL
WITH
    (
        SELECT toString(base_currency)
        FROM definition
    ) AS base_code,
    money AS
    (
        SELECT
            toDate(hour) AS money_day,
            toString(channel) AS money_channel,
            concat('value:', toString(kind)) AS money_term,
            toString(currency) AS code,
            toFloat64(sum(value)) AS money_amount
        FROM channel_hour
        GROUP BY
            money_day,
            money_channel,
            money_term,
            code
        HAVING sum(value) != 0
        UNION ALL
        SELECT
            toDate(ts) AS money_day,
            toString(channel) AS money_channel,
            concat('measurement:', toString(kind)) AS money_term,
            toString(currency) AS code,
            toFloat64(sum(value)) AS money_amount
        FROM measurements
        FINAL
        WHERE (currency != '') AND (kind != 'exchange_rate')
        GROUP BY
            money_day,
            money_channel,
            money_term,
            code
    ),
    converted AS
    (
        SELECT
            money.money_day AS money_day,
            money.money_channel AS money_channel,
            money.money_term AS money_term,
            multiIf(money.money_amount = 0, 0, r.rate > 0, money.money_amount * toFloat64(r.rate), nan) AS money_amount,
            multiIf((money.money_amount = 0) OR (r.rate > 0), '', money.code = '', concat('money without a currency on ', toString(money.money_day)), concat('no rate from ', money.code, ' to ', base_code, ' for ', toString(money.money_day))) AS money_problem
        FROM money
        LEFT JOIN daily_rates AS r ON (r.day = money.money_day) AND (r.currency = money.code)
    ),
    levels AS
    (
        SELECT
            kind,
            channel AS level_channel,
            campaign,
            source,
            toDate(ts) AS level_day,
            argMax(value, ts) AS level,
            lagInFrame(level, 1, level) OVER (PARTITION BY kind, channel, campaign, source ORDER BY level_day ASC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS level_before
        FROM measurements
        FINAL
        WHERE (kind IN ('followers', 'subscribers', 'members')) OR startsWith(kind, 'level_')
        GROUP BY
            kind,
            level_channel,
            campaign,
            source,
            level_day
    )
SELECT
    money_day AS day,
    money_channel AS channel,
    money_term AS term,
    sum(money_amount) AS amount,
    arrayStringConcat(arraySort(groupUniqArrayIf(money_problem, money_problem != '')), '; ') AS problem
FROM converted
GROUP BY
    day,
    channel,
    term
UNION ALL
WITH
    (
        SELECT toString(base_currency)
        FROM definition
    ) AS base_code,
    money AS
    (
        SELECT
            toDate(hour) AS money_day,
            toString(channel) AS money_channel,
            concat('value:', toString(kind)) AS money_term,
            toString(currency) AS code,
            toFloat64(sum(value)) AS money_amount
        FROM channel_hour
        GROUP BY
            money_day,
            money_channel,
            money_term,
            code
        HAVING sum(value) != 0
        UNION ALL
        SELECT
            toDate(ts) AS money_day,
            toString(channel) AS money_channel,
            concat('measurement:', toString(kind)) AS money_term,
            toString(currency) AS code,
            toFloat64(sum(value)) AS money_amount
        FROM measurements
        FINAL
        WHERE (currency != '') AND (kind != 'exchange_rate')
        GROUP BY
            money_day,
            money_channel,
            money_term,
            code
    ),
    converted AS
    (
        SELECT
            money.money_day AS money_day,
            money.money_channel AS money_channel,
            money.money_term AS money_term,
            multiIf(money.money_amount = 0, 0, r.rate > 0, money.money_amount * toFloat64(r.rate), nan) AS money_amount,
            multiIf((money.money_amount = 0) OR (r.rate > 0), '', money.code = '', concat('money without a currency on ', toString(money.money_day)), concat('no rate from ', money.code, ' to ', base_code, ' for ', toString(money.money_day))) AS money_problem
        FROM money
        LEFT JOIN daily_rates AS r ON (r.day = money.money_day) AND (r.currency = money.code)
    ),
    levels AS
    (
        SELECT
            kind,
            channel AS level_channel,
            campaign,
            source,
            toDate(ts) AS level_day,
            argMax(value, ts) AS level,
            lagInFrame(level, 1, level) OVER (PARTITION BY kind, channel, campaign, source ORDER BY level_day ASC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS level_before
        FROM measurements
        FINAL
        WHERE (kind IN ('followers', 'subscribers', 'members')) OR startsWith(kind, 'level_')
        GROUP BY
            kind,
            level_channel,
            campaign,
            source,
            level_day
    )
SELECT
    survey_day.day AS day,
    toString(survey_day.channel) AS channel,
    tupleElement(item, 1) AS term,
    toFloat64(sum(tupleElement(item, 2))) AS amount,
    '' AS problem
FROM survey_day
ARRAY JOIN multiIf(survey = 'nps', [('survey:nps_promoters', promoters), ('survey:nps_passives', passives), ('survey:nps_detractors', detractors), ('survey:nps_responses', responses)], survey = 'csat', [('survey:csat_satisfied', satisfied), ('survey:csat_responses', responses)], survey = 'review', [('review:positive', satisfied), ('review:all', responses)], []) AS item
GROUP BY
    day,
    channel,
    term
HAVING amount > 0
UNION ALL
WITH
    (
        SELECT toString(base_currency)
        FROM definition
    ) AS base_code,
    money AS
    (
        SELECT
            toDate(hour) AS money_day,
            toString(channel) AS money_channel,
            concat('value:', toString(kind)) AS money_term,
            toString(currency) AS code,
            toFloat64(sum(value)) AS money_amount
        FROM channel_hour
        GROUP BY
            money_day,
            money_channel,
            money_term,
            code
        HAVING sum(value) != 0
        UNION ALL
        SELECT
            toDate(ts) AS money_day,
            toString(channel) AS money_channel,
            concat('measurement:', toString(kind)) AS money_term,
            toString(currency) AS code,
            toFloat64(sum(value)) AS money_amount
        FROM measurements
        FINAL
        WHERE (currency != '') AND (kind != 'exchange_rate')
        GROUP BY
            money_day,
            money_channel,
            money_term,
            code
    ),
    converted AS
    (
        SELECT
            money.money_day AS money_day,
            money.money_channel AS money_channel,
            money.money_term AS money_term,
            multiIf(money.money_amount = 0, 0, r.rate > 0, money.money_amount * toFloat64(r.rate), nan) AS money_amount,
            multiIf((money.money_amount = 0) OR (r.rate > 0), '', money.code = '', concat('money without a currency on ', toString(money.money_day)), concat('no rate from ', money.code, ' to ', base_code, ' for ', toString(money.money_day))) AS money_problem
        FROM money
        LEFT JOIN daily_rates AS r ON (r.day = money.money_day) AND (r.currency = money.code)
    ),
    levels AS
    (
        SELECT
            kind,
            channel AS level_channel,
            campaign,
            source,
            toDate(ts) AS level_day,
            argMax(value, ts) AS level,
            lagInFrame(level, 1, level) OVER (PARTITION BY kind, channel, campaign, source ORDER BY level_day ASC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS level_before
        FROM measurements
        FINAL
        WHERE (kind IN ('followers', 'subscribers', 'members')) OR startsWith(kind, 'level_')
        GROUP BY
            kind,
            level_channel,
            campaign,
            source,
            level_day
    )
SELECT
    toDate(ts) AS day,
    toString(channel) AS channel,
    concat('measurement:', toString(kind)) AS term,
    toFloat64(sum(value)) AS amount,
    '' AS problem
FROM measurements
FINAL
WHERE (currency = '') AND (NOT ((kind IN ('followers', 'subscribers', 'members')) OR startsWith(kind, 'level_')))
GROUP BY
    day,
    channel,
    term
UNION ALL
WITH
    (
        SELECT toString(base_currency)
        FROM definition
    ) AS base_code,
    money AS
    (
        SELECT
            toDate(hour) AS money_day,
            toString(channel) AS money_channel,
            concat('value:', toString(kind)) AS money_term,
            toString(currency) AS code,
            toFloat64(sum(value)) AS money_amount
        FROM channel_hour
        GROUP BY
            money_day,
            money_channel,
            money_term,
            code
        HAVING sum(value) != 0
        UNION ALL
        SELECT
            toDate(ts) AS money_day,
            toString(channel) AS money_channel,
            concat('measurement:', toString(kind)) AS money_term,
            toString(currency) AS code,
            toFloat64(sum(value)) AS money_amount
        FROM measurements
        FINAL
        WHERE (currency != '') AND (kind != 'exchange_rate')
        GROUP BY
            money_day,
            money_channel,
            money_term,
            code
    ),
    converted AS
    (
        SELECT
            money.money_day AS money_day,
            money.money_channel AS money_channel,
            money.money_term AS money_term,
            multiIf(money.money_amount = 0, 0, r.rate > 0, money.money_amount * toFloat64(r.rate), nan) AS money_amount,
            multiIf((money.money_amount = 0) OR (r.rate > 0), '', money.code = '', concat('money without a currency on ', toString(money.money_day)), concat('no rate from ', money.code, ' to ', base_code, ' for ', toString(money.money_day))) AS money_problem
        FROM money
        LEFT JOIN daily_rates AS r ON (r.day = money.money_day) AND (r.currency = money.code)
    ),
    levels AS
    (
        SELECT
            kind,
            channel AS level_channel,
            campaign,
            source,
            toDate(ts) AS level_day,
            argMax(value, ts) AS level,
            lagInFrame(level, 1, level) OVER (PARTITION BY kind, channel, campaign, source ORDER BY level_day ASC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS level_before
        FROM measurements
        FINAL
        WHERE (kind IN ('followers', 'subscribers', 'members')) OR startsWith(kind, 'level_')
        GROUP BY
            kind,
            level_channel,
            campaign,
            source,
            level_day
    )
SELECT
    level_day AS day,
    toString(level_channel) AS channel,
    concat('measurement:', toString(kind)) AS term,
    toFloat64(sum(level - level_before)) AS amount,
    '' AS problem
FROM levels
GROUP BY
    day,
    channel,
    term
UNION ALL
WITH
    (
        SELECT toString(base_currency)
        FROM definition
    ) AS base_code,
    money AS
    (
        SELECT
            toDate(hour) AS money_day,
            toString(channel) AS money_channel,
            concat('value:', toString(kind)) AS money_term,
            toString(currency) AS code,
            toFloat64(sum(value)) AS money_amount
        FROM channel_hour
        GROUP BY
            money_day,
            money_channel,
            money_term,
            code
        HAVING sum(value) != 0
        UNION ALL
        SELECT
            toDate(ts) AS money_day,
            toString(channel) AS money_channel,
            concat('measurement:', toString(kind)) AS money_term,
            toString(currency) AS code,
            toFloat64(sum(value)) AS money_amount
        FROM measurements
        FINAL
        WHERE (currency != '') AND (kind != 'exchange_rate')
        GROUP BY
            money_day,
            money_channel,
            money_term,
            code
    ),
    converted AS
    (
        SELECT
            money.money_day AS money_day,
            money.money_channel AS money_channel,
            money.money_term AS money_term,
            multiIf(money.money_amount = 0, 0, r.rate > 0, money.money_amount * toFloat64(r.rate), nan) AS money_amount,
            multiIf((money.money_amount = 0) OR (r.rate > 0), '', money.code = '', concat('money without a currency on ', toString(money.money_day)), concat('no rate from ', money.code, ' to ', base_code, ' for ', toString(money.money_day))) AS money_problem
        FROM money
        LEFT JOIN daily_rates AS r ON (r.day = money.money_day) AND (r.currency = money.code)
    ),
    levels AS
    (
        SELECT
            kind,
            channel AS level_channel,
            campaign,
            source,
            toDate(ts) AS level_day,
            argMax(value, ts) AS level,
            lagInFrame(level, 1, level) OVER (PARTITION BY kind, channel, campaign, source ORDER BY level_day ASC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS level_before
        FROM measurements
        FINAL
        WHERE (kind IN ('followers', 'subscribers', 'members')) OR startsWith(kind, 'level_')
        GROUP BY
            kind,
            level_channel,
            campaign,
            source,
            level_day
    )
SELECT
    day,
    toString(channel) AS channel,
    toString(term) AS term,
    amount,
    problem
FROM person_term_days
FINAL
WHERE (day > toDate(0)) AND (amount != 0)
SETTINGS join_use_nulls = 0;

CREATE TABLE identity_conflicts
(
    `distinct_id` String COMMENT 'The id that was not joined' CODEC(ZSTD(1)),
    `user_id` String COMMENT 'The user it was seen with; empty when it is about all of them (too_many_users)' CODEC(ZSTD(1)),
    `reason` LowCardinality(String) COMMENT 'another_user: the id belongs to a user it was seen with earlier, as on a shared device; too_many_users: seen with so many that it is nobody\'s; role_address: an id such as info@ that many share; too_large: the person would have too many ids; split: taken out by hand',
    `first_at` DateTime64(3, 'UTC') COMMENT 'First evidence, UTC' CODEC(Delta(8), ZSTD(1)),
    `at` DateTime64(3, 'UTC') COMMENT 'When this was found; the greatest counts; UTC' CODEC(Delta(8), ZSTD(1)),
    `resolved` UInt8 COMMENT '1: it is no conflict any more; FINAL leaves the row out' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(at, resolved)
ORDER BY (distinct_id, user_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Evidence of identity that was not followed, and why (one row per pair of ids, with FINAL)';

CREATE TABLE identity_decisions
(
    `at` DateTime64(3, 'UTC') COMMENT 'When it was decided, UTC',
    `decision` UUID COMMENT 'Identity of the decision',
    `action` LowCardinality(String) COMMENT 'merge: distinct_id belongs to user_id from at on; split: distinct_id belongs to nobody else, whatever was known at that time',
    `distinct_id` String COMMENT 'The id that is joined or taken out',
    `user_id` String COMMENT 'merge: the person it is joined to; split: empty',
    `named` Array(String) COMMENT 'The ids as they were given, when those were other ids of the same people',
    `reason` String COMMENT 'Why, in the words of who decided',
    `decided_by` String COMMENT 'Who decided'
)
ENGINE = MergeTree
ORDER BY (at, decision)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800, index_granularity = 8192
COMMENT 'Merges and splits that people decided (one row per decision)';

CREATE TABLE identity_edges
(
    `distinct_id` String COMMENT 'The id that was joined: an anonymous id, or the previous id of an alias' CODEC(ZSTD(1)),
    `user_id` String COMMENT 'The user it was seen with' CODEC(ZSTD(1)),
    `kind` LowCardinality(String) COMMENT 'What the evidence is: identify (an event carried both ids) or alias (a message said so)',
    `month` Date COMMENT 'First day of the month of the evidence, UTC' CODEC(ZSTD(1)),
    `first_at` SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'First evidence in the month, UTC' CODEC(Delta(8), ZSTD(1)),
    `last_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last evidence in the month, UTC' CODEC(Delta(8), ZSTD(1)),
    `evidence` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events that say so' CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(month)
ORDER BY (distinct_id, user_id, kind, month)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Evidence that two ids are one person (one row per pair, kind of evidence and month, once merged)';

CREATE MATERIALIZED VIEW identity_edges_mv TO identity_edges
(
    `distinct_id` String COMMENT 'The id that was joined: an anonymous id, or the previous id of an alias',
    `user_id` String COMMENT 'The user it was seen with',
    `kind` LowCardinality(String) COMMENT 'What the evidence is: identify (an event carried both ids) or alias (a message said so)',
    `month` Date COMMENT 'First day of the month of the evidence, UTC',
    `first_at` SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'First evidence in the month, UTC',
    `last_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last evidence in the month, UTC',
    `evidence` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events that say so'
)
COMMENT 'Feeds identity_edges from inserts into events'
AS WITH
    if(type = 'alias', previous_id, anonymous_id) AS joined_id,
    if(type = 'alias', 'alias', 'identify') AS how
SELECT
    joined_id AS distinct_id,
    user_id,
    how AS kind,
    toStartOfMonth(toDate(ts)) AS month,
    min(ts) AS first_at,
    max(ts) AS last_at,
    count() AS evidence
FROM events
WHERE (user_id != '') AND (joined_id != '') AND (joined_id != user_id)
GROUP BY
    joined_id,
    user_id,
    how,
    month;

CREATE TABLE identity_progress
(
    `one` UInt8 COMMENT 'Always 1: there is one row',
    `at` DateTime64(3, 'UTC') COMMENT 'When it was written; no row of person_map has a greater at; UTC',
    `block` UInt64 COMMENT 'Every row of touched_edges up to this block number was seen',
    `guards` String COMMENT 'The limits that person_map was decided by; others mean all of it is decided again',
    `decisions` UInt64 COMMENT 'Rows of identity_decisions that were seen'
)
ENGINE = ReplacingMergeTree(at)
ORDER BY one
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800, index_granularity = 8192
COMMENT 'How far person_map follows identity_edges (one row, with FINAL)';

CREATE TABLE identity_scope
(
    `batch` UUID COMMENT 'What they are asked for',
    `round` UInt16 COMMENT 'Which step of the batch: ids lead to further ids',
    `distinct_id` String COMMENT 'An id',
    `made_at` DateTime('UTC') DEFAULT now('UTC') COMMENT 'When, UTC'
)
ENGINE = MergeTree
PARTITION BY batch
ORDER BY (round, distinct_id)
TTL made_at + toIntervalHour(1)
SETTINGS ttl_only_drop_parts = 1, old_parts_lifetime = 1, index_granularity = 8192
COMMENT 'Ids that the resolver is asking about now; otherwise empty';

CREATE TABLE known_differences
(
    `table_name` LowCardinality(String) COMMENT 'Table that differs from what it is made from; spool: accepted events that are in no table',
    `day` Date COMMENT 'Day of the events, UTC; of a table that is kept by month the first of it; of the spool the day of acceptance',
    `service` String COMMENT 'Of the spool, with a ClickHouse server: service.id of the data folder that holds it; otherwise empty',
    `numbers` UInt32 COMMENT 'How many numbers differ; 0: compared again and found right',
    `details` String COMMENT 'The first of them, with what was expected and found; empty when there are none',
    `since` DateTime64(3, 'UTC') COMMENT 'When the first verification that found it began, UTC',
    `at` DateTime64(3, 'UTC') COMMENT 'When the verification that wrote this began, UTC'
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (table_name, day, service)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Numbers that are known to be wrong (one row per table, day and service with FINAL; 0 numbers: right again)';

CREATE TABLE leases
(
    `name` LowCardinality(String) COMMENT 'What is done by one service: people (identities and tiers), metrics (their person-level terms), erasures (a person is removed)',
    `term` UInt64 COMMENT 'Counts up whenever somebody takes, renews or gives back the lease',
    `holder` String COMMENT 'Service that has it: machine, process id, and an id of its start',
    `until` DateTime64(3, 'UTC') COMMENT 'When it ends unless it is renewed, by the clock of the database, UTC'
)
ENGINE = ReplacingMergeTree(term)
ORDER BY name
SETTINGS index_granularity = 8192
COMMENT 'Which service does what one at a time should do (one row per name, once merged)';

CREATE TABLE measurements
(
    `kind` LowCardinality(String) COMMENT 'What was measured: ad_spend, cost, impressions, followers, ..., exchange_rate',
    `channel` LowCardinality(String) COMMENT 'Where it belongs: ads, email, social.facebook, ...; empty when to no channel',
    `campaign` LowCardinality(String) COMMENT 'Which campaign; empty when to none. Of exchange_rate the pair of currencies, such as USD/EUR',
    `ts` DateTime64(3, 'UTC') COMMENT 'What time it is about (not when it was sent): of daily figures the start of the day, UTC' CODEC(Delta(8), ZSTD(1)),
    `value` Decimal(38, 12) COMMENT 'How much: units of currency for money, else a number' CODEC(ZSTD(1)),
    `currency` LowCardinality(String) COMMENT 'Currency of value, ISO 4217; empty when it is no money. Of exchange_rate the one that is converted',
    `source` LowCardinality(String) COMMENT 'Which write key or file mapping it came with',
    `received_at` DateTime64(3, 'UTC') COMMENT 'When the service received it, UTC; the latest of the same identity counts' CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(received_at)
PARTITION BY toYYYYMM(ts)
ORDER BY (kind, channel, campaign, ts, source)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'What was measured, the newest value of each (one row per kind, channel, campaign, ts and source, once merged)';

CREATE VIEW metric_funnel
(
    `day` Date COMMENT 'Day, UTC',
    `level` String COMMENT 'counting, foundational, outcome or business',
    `metric` String COMMENT 'Name of the metric, from the definitions',
    `channel` String COMMENT 'Where it happened; empty when it belongs to no single channel',
    `value` Nullable(Float64) COMMENT 'numerator / denominator, or numerator where the metric is a plain sum; in unit; NULL when it cannot be told, see problem',
    `numerator` Float64 COMMENT 'Adds up over days and channels; NaN when an amount in it cannot be told',
    `denominator` Nullable(Float64) COMMENT 'Adds up over days and channels; NULL when the metric is a plain sum; NaN when an amount in it cannot be told',
    `measured` Nullable(UInt8) COMMENT 'NULL when the numerator counts what happened; when it is made of measurements only, 1 if there is one and 0 if there is none, so that value cannot be told; over days and channels the greatest counts',
    `unit` String COMMENT 'events, people, share (0..1, of nps -1..1), ratio, seconds, or the base currency',
    `problem` String COMMENT 'Why value is NULL: a missing rate, not measured, or nothing to divide by; empty when it is not'
)
COMMENT 'Metrics by level, per day and channel (one row per day, level, metric and channel)'
AS WITH
    (
        SELECT toString(base_currency)
        FROM definition
    ) AS base_code,
    wanted AS
    (
        SELECT
            tupleElement(m, 'level') AS metric_level,
            tupleElement(m, 'metric') AS metric_name,
            if(tupleElement(m, 'unit') = 'money', base_code, tupleElement(m, 'unit')) AS metric_unit,
            notEmpty(tupleElement(m, 'denominator')) AS is_ratio,
            arrayAll(t -> (startsWith(t, 'measurement:') OR startsWith(t, '-measurement:')), tupleElement(m, 'numerator')) AS only_measured,
            tupleElement(part, 1) AS above,
            if(startsWith(tupleElement(part, 2), '-'), substring(tupleElement(part, 2), 2), tupleElement(part, 2)) AS wanted_term,
            if(startsWith(tupleElement(part, 2), '-'), -1, 1) AS sign
        FROM
        (
            SELECT arrayJoin(metrics) AS m
            FROM definition
        )
        ARRAY JOIN arrayConcat(arrayMap(t -> (1, t), tupleElement(m, 'numerator')), arrayMap(t -> (0, t), tupleElement(m, 'denominator'))) AS part
    ),
    summed AS
    (
        SELECT
            terms.day AS sum_day,
            terms.channel AS sum_channel,
            wanted.metric_level AS metric_level,
            wanted.metric_name AS metric_name,
            wanted.metric_unit AS metric_unit,
            sumIf(terms.amount * wanted.sign, wanted.above = 1) AS over_line,
            if(any(wanted.is_ratio), sumIf(terms.amount * wanted.sign, wanted.above = 0), NULL) AS under_line,
            if(any(wanted.only_measured), toUInt8(countIf(wanted.above = 1) > 0), NULL) AS is_measured,
            arrayStringConcat(arraySort(groupUniqArrayIf(terms.problem, terms.problem != '')), '; ') AS why
        FROM funnel_terms AS terms
        INNER JOIN wanted ON wanted.wanted_term = terms.term
        GROUP BY
            sum_day,
            sum_channel,
            metric_level,
            metric_name,
            metric_unit
    )
SELECT
    sum_day AS day,
    metric_level AS level,
    metric_name AS metric,
    sum_channel AS channel,
    if((why != '') OR (is_measured = 0) OR (under_line = 0), NULL, over_line / ifNull(under_line, 1)) AS value,
    over_line AS numerator,
    under_line AS denominator,
    is_measured AS measured,
    metric_unit AS unit,
    multiIf(why != '', why, is_measured = 0, 'not measured', under_line = 0, 'nothing to divide by', '') AS problem
FROM summed
SETTINGS join_use_nulls = 0;

CREATE TABLE milestones
(
    `distinct_id` String COMMENT 'User id, or anonymous id of a visitor who is not logged in' CODEC(ZSTD(1)),
    `ts` DateTime64(3, 'UTC') COMMENT 'When it happened, UTC' CODEC(Delta(8), ZSTD(1)),
    `event_id` UUID COMMENT 'The event' CODEC(NONE),
    `kind` LowCardinality(String) COMMENT 'What happened: email_click, ad_click, content_download, form_submission, sign_up, cart_add, checkout_start, purchase, refund, call, meeting, review, referral, lead_created, lead_qualified, opportunity_open, opportunity_won, opportunity_lost',
    `channel` LowCardinality(String) COMMENT 'Where it happened',
    `utm_source` LowCardinality(String) COMMENT 'Campaign parameter: who sent the visitor',
    `utm_medium` LowCardinality(String) COMMENT 'Campaign parameter: by which medium',
    `utm_campaign` LowCardinality(String) COMMENT 'Campaign parameter: which campaign',
    `order_id` String COMMENT 'Order or deal it belongs to' CODEC(ZSTD(1)),
    `value` Decimal(18, 4) COMMENT 'Money, in units of currency; positive for a purchase and for a refund' CODEC(ZSTD(1)),
    `currency` LowCardinality(String) COMMENT 'Currency of value, ISO 4217; empty when there is none'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (distinct_id, ts, event_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Human events that cost or bring money: clicks on campaigns, leads, carts, orders, deals (one row per event)';

CREATE MATERIALIZED VIEW milestones_mv TO milestones
(
    `distinct_id` String COMMENT 'User id, or anonymous id of a visitor who is not logged in',
    `ts` DateTime64(3, 'UTC') COMMENT 'When it happened, UTC',
    `event_id` UUID COMMENT 'The event',
    `kind` LowCardinality(String) COMMENT 'What happened',
    `channel` LowCardinality(String) COMMENT 'Where it happened',
    `utm_source` LowCardinality(String) COMMENT 'Campaign parameter: who sent the visitor',
    `utm_medium` LowCardinality(String) COMMENT 'Campaign parameter: by which medium',
    `utm_campaign` LowCardinality(String) COMMENT 'Campaign parameter: which campaign',
    `order_id` String COMMENT 'Order or deal it belongs to',
    `value` Decimal(18, 4) COMMENT 'Money, in units of currency; positive for a purchase and for a refund',
    `currency` LowCardinality(String) COMMENT 'Currency of value, ISO 4217; empty when there is none'
)
COMMENT 'Feeds milestones from inserts into events'
AS SELECT
    distinct_id,
    ts,
    event_id,
    kind,
    channel,
    utm_source,
    utm_medium,
    utm_campaign,
    order_id,
    value,
    currency
FROM events
WHERE (machine = '') AND (kind IN ('email_click', 'ad_click', 'content_download', 'form_submission', 'sign_up', 'cart_add', 'checkout_start', 'purchase', 'refund', 'call', 'meeting', 'review', 'referral', 'lead_created', 'lead_qualified', 'opportunity_open', 'opportunity_won', 'opportunity_lost'));

CREATE VIEW origin_channels
(
    `source` String COMMENT 'utm_source, lower case; empty when there is none',
    `medium` String COMMENT 'utm_medium, lower case; empty when there is none',
    `referrer` String COMMENT 'Address of the other site that led here, lower case, without query; empty when there is none',
    `acquisition` String COMMENT 'Acquisition channel: email, organic_search, ..., direct'
)
COMMENT 'What each way in is called (one row per source, medium and referrer that was ever seen)'
AS WITH
    (
        SELECT acquisition
        FROM definition
    ) AS rules,
    seen AS
    (
        SELECT DISTINCT
            origins.source AS s,
            origins.medium AS m,
            origins.referrer AS r
        FROM origins
        UNION DISTINCT
        SELECT
            '',
            '',
            ''
    ),
    called AS
    (
        SELECT
            s,
            m,
            r,
            tupleElement(arrayFirst(rule -> ((empty(rule.utm_medium) OR arrayExists(pattern -> (m LIKE pattern), rule.utm_medium)) AND (empty(rule.utm_source) OR arrayExists(pattern -> (s LIKE pattern), rule.utm_source)) AND (empty(rule.referrer) OR arrayExists(pattern -> (r LIKE pattern), rule.referrer))), rules), 'channel') AS name
        FROM seen
    )
SELECT
    s AS source,
    m AS medium,
    r AS referrer,
    if(name = '', 'other', name) AS acquisition
FROM called;

CREATE TABLE origins
(
    `month` Date COMMENT 'First day of the month it was seen in, UTC',
    `source` String COMMENT 'utm_source, lower case; empty when there is none' CODEC(ZSTD(1)),
    `medium` String COMMENT 'utm_medium, lower case; of a click that has none email or cpc; empty when there is none' CODEC(ZSTD(1)),
    `referrer` String COMMENT 'Address of the other site that led here, lower case, without query; empty when there is none' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(month)
ORDER BY (source, medium, referrer, month)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Ways in that were seen (one row per month, source, medium and referrer, once merged)';

CREATE MATERIALIZED VIEW origins_mv TO origins
(
    `month` Date COMMENT 'First day of the month it was seen in, UTC',
    `source` String COMMENT 'utm_source, lower case',
    `medium` String COMMENT 'utm_medium, lower case; of a click that has none email or cpc',
    `referrer` String COMMENT 'Address of the other site that led here, lower case, without query'
)
COMMENT 'Feeds origins from inserts into events'
AS WITH
    channel NOT IN ('web', 'app') AS elsewhere
SELECT
    toStartOfMonth(toDate(ts)) AS month,
    lowerUTF8(toString(utm_source)) AS source,
    multiIf((NOT elsewhere) OR (utm_medium != ''), lowerUTF8(toString(utm_medium)), kind = 'email_click', 'email', 'cpc') AS medium,
    if(elsewhere OR (events.referrer = '') OR (domain(events.referrer) = domain(url)), '', lowerUTF8(cutQueryStringAndFragment(events.referrer))) AS referrer
FROM events
WHERE (machine = '') AND if(elsewhere, (kind IN ('email_click', 'ad_click')), (kind NOT IN ('identify', 'group', 'alias')) AND ((utm_source != '') OR (utm_medium != '') OR (events.referrer != '')))
GROUP BY
    1,
    2,
    3,
    4;

CREATE VIEW outcomes
(
    `person_id` String COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    `event_id` UUID COMMENT 'The event',
    `ts` DateTime64(3, 'UTC') COMMENT 'When it happened, UTC',
    `kind` LowCardinality(String) COMMENT 'What happened',
    `channel` LowCardinality(String) COMMENT 'Where it happened: web, store, crm, ...',
    `order_id` String COMMENT 'Order or deal it belongs to; empty when the sender gave none',
    `conversion` Bool COMMENT 'Whether the definitions call its kind a conversion',
    `ordered` Bool COMMENT 'Whether it is an order: a purchase or a won deal',
    `value` Decimal(18, 4) COMMENT 'Money as it came, in units of currency',
    `currency` LowCardinality(String) COMMENT 'Currency of value, ISO 4217; empty when there is none',
    `amount` Nullable(Decimal(38, 4)) COMMENT 'value in units of the base currency at the rate of the day, negative for a refund; NULL when there is no rate',
    `problem` String COMMENT 'Why amount is NULL; empty when it is not'
)
COMMENT 'Conversions, orders and refunds with person and worth (one row per event)'
AS WITH
    (
        SELECT conversion_kinds
        FROM definition
    ) AS wanted,
    (
        SELECT base_currency
        FROM definition
    ) AS base_now
SELECT
    coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person_id,
    m.event_id AS event_id,
    m.ts AS ts,
    m.kind AS kind,
    m.channel AS channel,
    m.order_id AS order_id,
    m.kind IN ((
        SELECT conversion_kinds
        FROM definition
    ) AS wanted) AS conversion,
    m.kind IN ('purchase', 'opportunity_won') AS ordered,
    m.value AS value,
    m.currency AS currency,
    multiIf(m.value = 0, toNullable(toDecimal128(0, 4)), r.rate = 0, NULL, toDecimal128(round(if(m.kind = 'refund', -m.value, m.value) * r.rate, 4), 4)) AS amount,
    multiIf(isNotNull(amount), '', m.currency = '', concat('money without a currency on ', toString(toDate(m.ts))), concat('no rate from ', m.currency, ' to ', coalesce(base_now, ''), ' for ', toString(toDate(m.ts)))) AS problem
FROM milestones AS m
FINAL
LEFT JOIN person_ids AS p ON p.distinct_id = m.distinct_id
LEFT JOIN daily_rates AS r ON (r.day = toDate(m.ts)) AND (r.currency = toString(m.currency))
WHERE (m.kind IN ('purchase', 'opportunity_won', 'refund')) OR (m.kind IN ((
    SELECT conversion_kinds
    FROM definition
) AS wanted))
SETTINGS join_use_nulls = 0;

CREATE VIEW people
(
    `person_id` String COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    `distinct_ids` Array(String) COMMENT 'All ids of the person, sorted, person_id among them',
    `traits` Map(String, String) COMMENT 'Latest value of each trait, of all ids, as text',
    `account_id` String COMMENT 'Account the person was last seen with; empty when none',
    `first_seen` DateTime64(3, 'UTC') COMMENT 'First human event of engagement, or first evidence of the person when there is none; UTC',
    `last_seen` DateTime64(3, 'UTC') COMMENT 'Last human event of engagement, or last evidence of the person when there is none; UTC'
)
COMMENT 'Everybody known, with ids, traits and account (one row per person)'
AS SELECT
    person_id,
    distinct_ids,
    traits,
    account_id,
    first_seen,
    last_seen
FROM people_of(id = '');

CREATE VIEW people_of
(
    `person_id` String COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    `distinct_ids` Array(String) COMMENT 'All ids of the person, sorted, person_id among them',
    `traits` Map(String, String) COMMENT 'Latest value of each trait, of all ids, as text',
    `account_id` String COMMENT 'Account the person was last seen with; empty when none',
    `first_seen` DateTime64(3, 'UTC') COMMENT 'First human event of engagement, or first evidence of the person when there is none; UTC',
    `last_seen` DateTime64(3, 'UTC') COMMENT 'Last human event of engagement, or last evidence of the person when there is none; UTC'
)
COMMENT 'The person of an id, with ids, traits and account; with an empty id everybody (one row per person)'
AS WITH
    coalesce(nullIf((
        SELECT any(person_id)
        FROM person_ids
        WHERE distinct_id = {id:String}
    ), ''), {id:String}) AS wanted,
    scope AS
    (
        SELECT distinct_id
        FROM person_pairs
        WHERE person_id = wanted
        UNION ALL
        SELECT wanted
    ),
    known AS
    (
        SELECT
            distinct_id,
            person_id
        FROM person_ids
        WHERE ({id:String} = '') OR (distinct_id IN (
            SELECT distinct_id
            FROM scope
        ))
    ),
    evidence AS
    (
        SELECT
            distinct_id AS id,
            min(first_at) AS first_event,
            max(last_at) AS last_event,
            first_event AS first_told,
            last_event AS last_told,
            true AS engaged
        FROM person_day
        WHERE ({id:String} = '') OR (distinct_id IN (
            SELECT distinct_id
            FROM scope
        ))
        GROUP BY id
        UNION ALL
        SELECT
            arrayJoin([distinct_id, user_id]) AS id,
            first_at,
            last_at,
            first_at,
            last_at,
            false
        FROM identity_edges
        WHERE ({id:String} = '') OR (distinct_id IN (
            SELECT distinct_id
            FROM scope
        )) OR (user_id IN (
            SELECT distinct_id
            FROM scope
        ))
        UNION ALL
        SELECT
            distinct_id,
            first_at,
            last_at,
            first_at,
            last_at,
            false
        FROM account_members
        WHERE ({id:String} = '') OR (distinct_id IN (
            SELECT distinct_id
            FROM scope
        ))
        UNION ALL
        SELECT
            distinct_id,
            at,
            at,
            at,
            at,
            false
        FROM person_traits
        FINAL
        WHERE ({id:String} = '') OR (distinct_id IN (
            SELECT distinct_id
            FROM scope
        ))
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
        WHERE (id != '') AND (({id:String} = '') OR (id IN (
            SELECT distinct_id
            FROM scope
        )))
        GROUP BY id
    ),
    accounts AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person,
            argMax(m.account_id, (m.last_at, m.account_id)) AS account
        FROM account_members AS m
        LEFT JOIN known AS p ON p.distinct_id = m.distinct_id
        WHERE ({id:String} = '') OR (m.distinct_id IN (
            SELECT distinct_id
            FROM scope
        ))
        GROUP BY person
    ),
    latest AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), t.distinct_id) AS person,
            t.trait AS name,
            argMax(t.value, (t.at, t.distinct_id)) AS latest_value
        FROM person_traits AS t
        FINAL
        LEFT JOIN known AS p ON p.distinct_id = t.distinct_id
        WHERE ({id:String} = '') OR (t.distinct_id IN (
            SELECT distinct_id
            FROM scope
        ))
        GROUP BY
            person,
            name
    ),
    told AS
    (
        SELECT
            person,
            CAST(arraySort(groupArray((toString(name), latest_value))), 'Map(String, String)') AS map_of_traits
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
WHERE ({id:String} = '') OR (persons.person = wanted)
SETTINGS join_use_nulls = 0;

CREATE TABLE person_day
(
    `distinct_id` String COMMENT 'User id, or anonymous id of a visitor who is not logged in' CODEC(ZSTD(1)),
    `day` Date COMMENT 'Day of the events, UTC' CODEC(Delta(2), ZSTD(1)),
    `events` SimpleAggregateFunction(sum, UInt64) COMMENT 'Human events of engagement: all but identify, group and alias' CODEC(T64, ZSTD(1)),
    `actions` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events the person did, not what merely reached them: events without email_sent, email_delivered, email_bounce, ad_impression, social_impression, experiment_exposure' CODEC(T64, ZSTD(1)),
    `page_views` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind page_view' CODEC(T64, ZSTD(1)),
    `downloads` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind content_download' CODEC(T64, ZSTD(1)),
    `email_opens` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind email_open' CODEC(T64, ZSTD(1)),
    `email_clicks` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind email_click' CODEC(T64, ZSTD(1)),
    `chats` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind chat_message' CODEC(T64, ZSTD(1)),
    `forms` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind form_submission' CODEC(T64, ZSTD(1)),
    `carts` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind cart_add' CODEC(T64, ZSTD(1)),
    `checkouts` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind checkout_start' CODEC(T64, ZSTD(1)),
    `purchases` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind purchase' CODEC(T64, ZSTD(1)),
    `revenue` SimpleAggregateFunction(sumMap, Map(String, Decimal(38, 4))) COMMENT 'Money by currency: value of purchases less value of refunds, in units of the currency' CODEC(ZSTD(1)),
    `visit_times` SimpleAggregateFunction(groupArrayArray, Array(UInt32)) COMMENT 'Times of the events on channels web and app, unix seconds, in no order; visits are cut from them on reading' CODEC(Delta(4), ZSTD(1)),
    `first_at` SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'First event of the day, UTC' CODEC(Delta(8), ZSTD(1)),
    `last_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last event of the day, UTC' CODEC(Delta(8), ZSTD(1)),
    `last_action_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last event of the day that counts in actions, UTC; 1970 when there is none' CODEC(Delta(8), ZSTD(1)),
    `last_purchase_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last purchase of the day, UTC; 1970 when there is none' CODEC(Delta(8), ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (distinct_id, day)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Sums per id and day of human engagement (one row per distinct_id and day, once merged)';

CREATE MATERIALIZED VIEW person_day_mv TO person_day
(
    `distinct_id` String COMMENT 'User id, or anonymous id of a visitor who is not logged in',
    `day` Date COMMENT 'Day of the events, UTC',
    `events` SimpleAggregateFunction(sum, UInt64) COMMENT 'Human events of engagement: all but identify, group and alias',
    `actions` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events the person did, not what merely reached them: events without email_sent, email_delivered, email_bounce, ad_impression, social_impression, experiment_exposure',
    `page_views` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind page_view',
    `downloads` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind content_download',
    `email_opens` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind email_open',
    `email_clicks` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind email_click',
    `chats` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind chat_message',
    `forms` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind form_submission',
    `carts` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind cart_add',
    `checkouts` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind checkout_start',
    `purchases` SimpleAggregateFunction(sum, UInt64) COMMENT 'Events of kind purchase',
    `revenue` SimpleAggregateFunction(sumMap, Map(String, Decimal(38, 4))) COMMENT 'Money by currency: value of purchases less value of refunds, in units of the currency',
    `visit_times` SimpleAggregateFunction(groupArrayArray, Array(UInt32)) COMMENT 'Times of the events on channels web and app, unix seconds, in no order; visits are cut from them on reading',
    `first_at` SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'First event of the day, UTC',
    `last_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last event of the day, UTC',
    `last_action_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last event of the day that counts in actions, UTC; 1970 when there is none',
    `last_purchase_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last purchase of the day, UTC; 1970 when there is none'
)
COMMENT 'Feeds person_day from inserts into events'
AS WITH
    kind NOT IN ('email_sent', 'email_delivered', 'email_bounce', 'ad_impression', 'social_impression', 'experiment_exposure') AS acted
SELECT
    distinct_id,
    toDate(ts) AS day,
    count() AS events,
    sum(acted) AS actions,
    sum(kind = 'page_view') AS page_views,
    sum(kind = 'content_download') AS downloads,
    sum(kind = 'email_open') AS email_opens,
    sum(kind = 'email_click') AS email_clicks,
    sum(kind = 'chat_message') AS chats,
    sum(kind = 'form_submission') AS forms,
    sum(kind = 'cart_add') AS carts,
    sum(kind = 'checkout_start') AS checkouts,
    sum(kind = 'purchase') AS purchases,
    sumMapIf(map(toString(currency), toDecimal128(if(kind = 'refund', -value, value), 4)), (kind IN ('purchase', 'refund'))) AS revenue,
    groupArrayIf(toUInt32(intDiv(toUnixTimestamp64Milli(ts), 1000)), (channel IN ('web', 'app'))) AS visit_times,
    min(ts) AS first_at,
    max(ts) AS last_at,
    maxIf(ts, acted) AS last_action_at,
    maxIf(ts, kind = 'purchase') AS last_purchase_at
FROM events
WHERE (machine = '') AND (kind NOT IN ('identify', 'group', 'alias'))
GROUP BY
    distinct_id,
    day;

CREATE VIEW person_features
(
    `person_id` String COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    `visits_7d` UInt64 COMMENT 'Visits that started in the last 7 days (session_timeout of inactivity, 30 minutes unless defined otherwise, ends a visit)',
    `visits_7d_weighted` Float64 COMMENT 'visits_7d, each weighted by 2^(-age in days / half-life), 3 days unless defined otherwise, as all _weighted',
    `page_views_7d` UInt64 COMMENT 'Page views in the last 7 days',
    `page_views_7d_weighted` Float64 COMMENT 'page_views_7d, weighted',
    `key_paths_7d` UInt64 COMMENT 'How often a key path of the definitions was walked to its end within the last 7 days, all paths together',
    `key_paths_7d_weighted` Float64 COMMENT 'key_paths_7d, each weighted by the age of its last page view',
    `downloads_7d` UInt64 COMMENT 'Content downloads in the last 7 days',
    `downloads_7d_weighted` Float64 COMMENT 'downloads_7d, weighted',
    `email_opens_7d` UInt64 COMMENT 'Emails opened in the last 7 days (opens, not different mails)',
    `email_opens_7d_weighted` Float64 COMMENT 'email_opens_7d, weighted',
    `email_clicks_7d` UInt64 COMMENT 'Clicks in emails in the last 7 days',
    `email_clicks_7d_weighted` Float64 COMMENT 'email_clicks_7d, weighted',
    `chats_7d` UInt64 COMMENT 'Chat messages in the last 7 days',
    `chats_7d_weighted` Float64 COMMENT 'chats_7d, weighted',
    `forms_7d` UInt64 COMMENT 'Forms submitted in the last 7 days',
    `forms_7d_weighted` Float64 COMMENT 'forms_7d, weighted',
    `advanced_interactions_7d` UInt64 COMMENT 'chats_7d + forms_7d',
    `advanced_interactions_7d_weighted` Float64 COMMENT 'chats_7d_weighted + forms_7d_weighted',
    `active_days_30d` UInt8 COMMENT 'Days of the last 30 on which the person did something (not merely was sent or shown something)',
    `carts_30d` UInt64 COMMENT 'Things put into a cart in the last 30 days',
    `checkouts_30d` UInt64 COMMENT 'Checkouts begun in the last 30 days',
    `purchases_365d` UInt64 COMMENT 'Purchases in the last 365 days',
    `purchases_total` UInt64 COMMENT 'Purchases of all history',
    `carts_total` UInt64 COMMENT 'Things put into a cart, of all history',
    `checkouts_total` UInt64 COMMENT 'Checkouts begun, of all history',
    `revenue_365d` Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of the last 365 days, by currency, in its units',
    `revenue_total` Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of all history, by currency, in its units',
    `days_since_last_event` Nullable(Int32) COMMENT 'Days since the person last did something; NULL when never',
    `days_since_last_purchase` Nullable(Int32) COMMENT 'Days since the last purchase; NULL when never',
    `days_since_first_event` Int32 COMMENT 'Days since the first human event of engagement',
    `nps_last` Nullable(Float64) COMMENT 'Last answer to an NPS survey, 0 to 10; NULL when never',
    `csat_last` Nullable(Float64) COMMENT 'Last answer to a satisfaction survey, in its scale; NULL when never',
    `sentiment_30d` Nullable(Float64) COMMENT 'Mean sentiment of what the person wrote in the last 30 days, -1 to 1; NULL when nothing was rated',
    `trend` Int64 COMMENT 'Events the person did in the last 7 days less those in the 7 days before',
    `actions_7d` UInt64 COMMENT 'Events the person did in the last 7 days',
    `actions_previous_7d` UInt64 COMMENT 'Events the person did in the 7 days before those',
    `downloads_burst_7d` UInt64 COMMENT 'Most downloads within any 60 seconds of the last 7 days',
    `hours_since_unfollowed_download` Nullable(Int32) COMMENT 'Full hours since the last download of the last 7 days, when the person did nothing after it; NULL otherwise',
    `signals_7d` Map(String, UInt64) COMMENT 'Events of the last 7 days by signal of the definitions; a signal without any is left out',
    `first_seen` DateTime64(3, 'UTC') COMMENT 'First human event of engagement, of all history, UTC',
    `last_seen` DateTime64(3, 'UTC') COMMENT 'Last human event of engagement, UTC'
)
COMMENT 'Rolling features, recent first (one row per person with an event in the last 365 days)'
AS SELECT
    person_id,
    toUInt64(features[1]) AS visits_7d,
    features[2] AS visits_7d_weighted,
    toUInt64(features[3]) AS page_views_7d,
    features[4] AS page_views_7d_weighted,
    toUInt64(features[5]) AS key_paths_7d,
    features[6] AS key_paths_7d_weighted,
    toUInt64(features[7]) AS downloads_7d,
    features[8] AS downloads_7d_weighted,
    toUInt64(features[9]) AS email_opens_7d,
    features[10] AS email_opens_7d_weighted,
    toUInt64(features[11]) AS email_clicks_7d,
    features[12] AS email_clicks_7d_weighted,
    toUInt64(features[13]) AS chats_7d,
    features[14] AS chats_7d_weighted,
    toUInt64(features[15]) AS forms_7d,
    features[16] AS forms_7d_weighted,
    toUInt64(features[17]) AS advanced_interactions_7d,
    features[18] AS advanced_interactions_7d_weighted,
    toUInt8(features[19]) AS active_days_30d,
    toUInt64(features[20]) AS carts_30d,
    toUInt64(features[21]) AS checkouts_30d,
    toUInt64(features[22]) AS purchases_365d,
    toUInt64(features[23]) AS purchases_total,
    toUInt64(features[24]) AS carts_total,
    toUInt64(features[25]) AS checkouts_total,
    revenue_365d,
    revenue_total,
    if(isNaN(features[26]), NULL, toInt32(features[26])) AS days_since_last_event,
    if(isNaN(features[27]), NULL, toInt32(features[27])) AS days_since_last_purchase,
    toInt32(features[28]) AS days_since_first_event,
    if(isNaN(features[29]), NULL, features[29]) AS nps_last,
    if(isNaN(features[30]), NULL, features[30]) AS csat_last,
    if(isNaN(features[31]), NULL, features[31]) AS sentiment_30d,
    toInt64(features[32]) AS trend,
    toUInt64(features[33]) AS actions_7d,
    toUInt64(features[34]) AS actions_previous_7d,
    toUInt64(features[35]) AS downloads_burst_7d,
    if(isNaN(features[36]), NULL, toInt32(features[36])) AS hours_since_unfollowed_download,
    signals_7d,
    first_seen,
    last_seen
FROM person_features_of(at = now('UTC'), batch = '00000000-0000-0000-0000-000000000000', person = '')
WHERE toDate(last_seen) > (toDate(now('UTC')) - 365);

CREATE VIEW person_features_at
(
    `person_id` String COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    `features` Array(Float64) COMMENT 'All features in the order of feature_names of definition; NaN when unknown (docs/features.md)',
    `signals_7d` Map(String, UInt64) COMMENT 'Events of the last 7 days by signal of the definitions; a signal without any is left out',
    `revenue_365d` Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of the last 365 days, by currency, in its units',
    `revenue_total` Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of all history, by currency, in its units',
    `first_seen` DateTime64(3, 'UTC') COMMENT 'First human event of engagement, of all history, or when the person became known where there is none; UTC',
    `last_seen` DateTime64(3, 'UTC') COMMENT 'Last human event of engagement, UTC; 1970 when there is none',
    `last_action_at` DateTime64(3, 'UTC') COMMENT 'Last thing the person did (not merely was sent or shown), UTC; 1970 when never',
    `first_purchase_at` DateTime64(3, 'UTC') COMMENT 'First purchase, UTC; 1970 when never',
    `last_purchase_at` DateTime64(3, 'UTC') COMMENT 'Last purchase, UTC; 1970 when never',
    `known` Bool COMMENT 'Whether the person has a user id or traits',
    `ids` Array(String) COMMENT 'Ids of the person that have events up to that day, sorted',
    `next_change` DateTime('UTC') COMMENT 'When something that the definitions look at can change next without an event, UTC; 2106 when never'
)
COMMENT 'Every feature of a batch of people or of everybody as of a moment (one row per person who did something or became known up to that day)'
AS SELECT
    person_id,
    features,
    signals_7d,
    revenue_365d,
    revenue_total,
    first_seen,
    last_seen,
    last_action_at,
    first_purchase_at,
    last_purchase_at,
    known,
    ids,
    next_change
FROM person_features_of(at = {at:DateTime('UTC')}, batch = {batch:UUID}, person = '');

CREATE VIEW person_features_of
(
    `person_id` String COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    `features` Array(Float64) COMMENT 'All features in the order of feature_names of definition; NaN when unknown (docs/features.md)',
    `signals_7d` Map(String, UInt64) COMMENT 'Events of the last 7 days by signal of the definitions; a signal without any is left out',
    `revenue_365d` Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of the last 365 days, by currency, in its units',
    `revenue_total` Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of all history, by currency, in its units',
    `first_seen` DateTime64(3, 'UTC') COMMENT 'First human event of engagement, of all history, or when the person became known where there is none; UTC',
    `last_seen` DateTime64(3, 'UTC') COMMENT 'Last human event of engagement, UTC; 1970 when there is none',
    `last_action_at` DateTime64(3, 'UTC') COMMENT 'Last thing the person did (not merely was sent or shown), UTC; 1970 when never',
    `first_purchase_at` DateTime64(3, 'UTC') COMMENT 'First purchase, UTC; 1970 when never',
    `last_purchase_at` DateTime64(3, 'UTC') COMMENT 'Last purchase, UTC; 1970 when never',
    `known` Bool COMMENT 'Whether the person has a user id or traits',
    `ids` Array(String) COMMENT 'Ids of the person that have events up to that day, sorted',
    `next_change` DateTime('UTC') COMMENT 'When something that the definitions look at can change next without an event, UTC; 2106 when never'
)
COMMENT 'Every feature of a batch of people, one person or everybody as of a moment (one row per person who did something or became known up to that day)'
AS WITH
    toDate({at:DateTime('UTC')}) AS today_utc,
    toStartOfMonth(today_utc) AS this_month,
    toDateTime64(0, 3, 'UTC') AS never,
    tuple(never, toFloat32(0)) AS unanswered,
    (
        SELECT argMax(for_features, (version, applied_at))
        FROM definitions
    ) AS defined,
    scope AS
    (
        SELECT distinct_id AS id
        FROM evaluation_scope
        WHERE batch = {batch:UUID}
        UNION ALL
        SELECT distinct_id
        FROM person_pairs
        WHERE person_id = {person:String}
        UNION ALL
        SELECT {person:String}
    ),
    rows AS
    (
        WITH
            dateDiff('day', day, today_utc) AS age
        SELECT
            distinct_id,
            arrayMap((n, weight) -> (n * weight), [if(day < this_month, 0, carts), if(day < this_month, 0, checkouts), carts, checkouts, actions, actions, page_views, page_views, downloads, downloads, email_opens, email_opens, email_clicks, email_clicks, chats, chats, forms, forms], arrayResize(defined.weights, 31, arrayWithConstant(18, toFloat64(0)))[1 + age]) AS sums,
            CAST('[]', 'Array(Float64)') AS signal_sums,
            toUInt64(bitShiftLeft(toUInt64((actions > 0) AND (age < 30)), age)) AS bits,
            if(age < 8, visit_times, []) AS times,
            CAST('[]', 'Array(Tuple(UInt32, String))') AS pages,
            CAST('[]', 'Array(UInt32)') AS downloaded,
            CAST('[]', 'Array(Tuple(at DateTime64(3, \'UTC\'), purchase UInt8, currency String, value Decimal(18, 4)))') AS orders,
            CAST(NULL, 'Nullable(DateTime64(3, \'UTC\'))') AS first_at,
            CAST(NULL, 'Nullable(DateTime64(3, \'UTC\'))') AS named_at,
            last_at,
            last_action_at,
            unanswered AS nps,
            unanswered AS csat
        FROM person_day
        WHERE ((day >= least(today_utc - 29, this_month)) AND (day <= today_utc)) AND ((({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000')) AND ({person:String} = '')) OR (distinct_id IN (
            SELECT id
            FROM scope
        )))
        UNION ALL
        WITH
            dateDiff('day', day, today_utc) AS age
        SELECT
            distinct_id,
            [],
            if(age < 30, arrayConcat(CAST([sentiment_sum, sentiment_count], 'Array(Float64)'), if((age < 7) AND notEmpty(signals), arrayFlatten(arrayMap((name, weights) -> [toFloat64(signals[name]), (signals[name]) * (weights[1 + age])], defined.signals, defined.signal_weights)), [])), []),
            toUInt64(bitShiftLeft(toUInt64((sentiment_count > 0) AND (age < 30)), 32 + least(age, 30))),
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
        WHERE (day <= today_utc) AND ((day >= (today_utc - 29)) OR ((nps.1) != 0) OR ((csat.1) != 0)) AND ((({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000')) AND ({person:String} = '')) OR (distinct_id IN (
            SELECT id
            FROM scope
        )))
        UNION ALL
        WITH
            dateDiff('day', day, today_utc) AS age
        SELECT
            distinct_id,
            if(month < this_month, CAST([carts, checkouts], 'Array(Float64)'), []),
            [],
            0,
            [],
            [],
            [],
            orders,
            if(first_at < (today_utc + 1), first_at, NULL),
            if(named_at < (today_utc + 1), named_at, NULL),
            if(month < this_month, last_at, never),
            if(month < this_month, last_action_at, never),
            unanswered,
            unanswered
        FROM person_month
        WHERE (month <= today_utc) AND ((({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000')) AND ({person:String} = '')) OR (distinct_id IN (
            SELECT id
            FROM scope
        )))
    ),
    owners AS
    (
        SELECT
            distinct_id AS id,
            if(since <= {at:DateTime('UTC')}, person_id, tupleElement(arrayLast(e -> (e.since <= {at:DateTime('UTC')}), earlier), 'person_id')) AS owner
        FROM person_ids
        WHERE ((({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000')) AND ({person:String} = '')) OR (distinct_id IN (
            SELECT id
            FROM scope
        )))
    ),
    judged AS
    (
        SELECT
            defined AS d,
            if(owner = '', distinct_id, owner) AS person,
            arraySort(groupUniqArrayIf(distinct_id, (first_at IS NOT NULL) OR (named_at IS NOT NULL))) AS ids,
            arrayResize(sumForEach(sums), 18) AS n,
            arrayResize(sumForEach(signal_sums), 2 + (2 * length(d.signals))) AS s,
            groupBitOr(bits) AS days,
            arrayMap(second -> dateDiff('day', toDate(second, 'UTC'), today_utc), arrayFilter((second, gap, n) -> (((n = 1) OR (gap > (d.session_timeout[1]))) AND (toDate(second, 'UTC') > (today_utc - 7))), arraySort(groupArrayArray(rows.times)) AS seconds, arrayDifference(seconds), arrayEnumerate(seconds))) AS visits,
            if(empty(arraySort(groupArrayArray(rows.pages)) AS seen), [], arrayMap(path -> arrayFold((walk, page) -> multiIf((page.2) != (path[(walk.1) + 1]), walk, ((walk.1) + 1) < length(path), ((walk.1) + 1, walk.2, walk.3), (toUInt64(0), (walk.2) + 1, (walk.3) + (d.path_weights[1 + dateDiff('day', toDate(page.1, 'UTC'), today_utc)]))), seen, (toUInt64(0), toUInt64(0), toFloat64(0))), d.paths)) AS walks,
            arraySort(groupArrayArray(rows.downloaded)) AS downloads,
            arrayFilter(o -> (o.at < (today_utc + 1)), arraySort(groupArrayArray(rows.orders))) AS orders,
            min(rows.first_at) AS first_event,
            min(rows.named_at) AS first_named,
            max(rows.last_at) AS last_seen,
            max(rows.last_action_at) AS last_action_at,
            maxIf(rows.nps, (rows.nps.1) != 0) AS nps,
            maxIf(rows.csat, (rows.csat.1) != 0) AS csat
        FROM rows
        ANY LEFT JOIN owners ON owners.id = rows.distinct_id
        GROUP BY person
        HAVING notEmpty(ids)
    ),
    timed AS
    (
        SELECT
            *,
            arrayFilter(o -> (toDate(o.at) > (today_utc - 365)), orders) AS orders_365,
            tupleElement(arrayFilter(o -> (o.purchase = 1), orders), 'at') AS purchases,
            CAST([if(last_action_at = never, nan, dateDiff('day', toDate(last_action_at), today_utc)), if(empty(purchases), nan, dateDiff('day', toDate(purchases[-1]), today_utc)), ifNull(toFloat64(dateDiff('day', toDate(first_event), today_utc)), nan)], 'Array(Float64)') AS since,
            if(notEmpty(downloads) AND (toUnixTimestamp(last_action_at) <= (downloads[-1])), floor(greatest(toInt64(toUnixTimestamp({at:DateTime('UTC')})) - (downloads[-1]), 0) / 3600), nan) AS unfollowed_hours
        FROM judged
    )
SELECT
    person AS person_id,
    arrayConcat(CAST([length(visits), arraySum(age -> (d.visit_weights[1 + age]), visits)], 'Array(Float64)'), arraySlice(n, 7, 2), CAST([arraySum(walks.2), arraySum(walks.3)], 'Array(Float64)'), arraySlice(n, 9, 10), CAST([(n[15]) + (n[17]), (n[16]) + (n[18]), bitCount(toUInt32(days)), n[3], n[4], length(year), length(purchases), n[1], n[2]], 'Array(Float64)'), since, CAST([if((nps.1) = never, nan, nps.2), if((csat.1) = never, nan, csat.2), (s[1]) / (s[2]), (n[5]) - (n[6]), n[5], n[6], arrayReduce('maxIntersections', CAST(downloads, 'Array(UInt64)'), arrayMap(second -> toUInt64(second + 60), downloads)), unfollowed_hours], 'Array(Float64)'), arraySlice(s, 3)) AS features,
    CAST(arrayFilter(pair -> ((pair.2) > 0), arrayMap((name, i) -> (name, s[1 + (2 * i)]), d.signals, arrayEnumerate(d.signals))), 'Map(String, UInt64)') AS signals_7d,
    arrayReduce('sumMap', arrayMap(o -> map(o.currency, toDecimal128(o.value, 4)), orders_365)) AS revenue_365d,
    arrayReduce('sumMap', arrayMap(o -> map(o.currency, toDecimal128(o.value, 4)), orders)) AS revenue_total,
    coalesce(first_event, first_named) AS first_seen,
    last_seen,
    last_action_at,
    purchases[1] AS first_purchase_at,
    purchases[-1] AS last_purchase_at,
    first_named IS NOT NULL AS known,
    ids,
    toDateTime(toUInt32(arrayMin(arrayConcat(CAST('[4294967295]', 'Array(Float64)'), arrayMap(days -> (toUnixTimestamp(today_utc) + (86400 * days)), arrayFilter(days -> (days > 0), arrayConcat(CAST([(dateDiff('day', toDate(last_seen), today_utc) < 14) OR notEmpty(d.always), if(toUInt32(days) > 0, 30 - floor(log2(toUInt32(days))), 0), if(bitShiftRight(days, 32) > 0, 30 - floor(log2(bitShiftRight(days, 32))), 0), if(empty(arrayFilter(o -> (o.purchase = 1), orders_365) AS year), 0, 365 - dateDiff('day', toDate(tupleElement(year[1], 'at')), today_utc))], 'Array(Float64)'), arrayMap(step -> ((step.2) - (since[(step.1) - 25])), d.day_steps)))), arrayMap(hours -> ((downloads[-1]) + (3600 * hours)), arrayFilter(hours -> (hours > unfollowed_hours), d.hour_steps))))), 'UTC') AS next_change
FROM timed
SETTINGS join_use_nulls = 0;

CREATE VIEW person_ids
(
    `distinct_id` String COMMENT 'An id that belongs to somebody else than itself',
    `person_id` String COMMENT 'The person it belongs to',
    `since` DateTime64(3, 'UTC') COMMENT 'From when on: time of the evidence that joined them, UTC',
    `earlier` Array(Tuple(
        since DateTime64(3, 'UTC'),
        person_id String)) COMMENT 'Whose it was before since, oldest first, when it was somebody else\'s: a user that was renamed later; mostly empty'
)
COMMENT 'Which person an id belongs to, for ids that are not their own person (one row per such id)'
AS SELECT
    distinct_id,
    person_id,
    since,
    earlier
FROM person_map
FINAL
WHERE person_id != distinct_id;

CREATE TABLE person_map
(
    `distinct_id` String COMMENT 'An id: user id, or anonymous id' CODEC(ZSTD(1)),
    `person_id` String COMMENT 'The person it belongs to; distinct_id itself when it belongs to nobody else any more' CODEC(ZSTD(1)),
    `since` DateTime64(3, 'UTC') COMMENT 'From when on the id belongs to this person: time of the evidence that joined them, UTC' CODEC(Delta(8), ZSTD(1)),
    `earlier` Array(Tuple(
        since DateTime64(3, 'UTC'),
        person_id String)) COMMENT 'Whose it was before since, oldest first, when it was somebody else\'s: a user that was renamed later; mostly empty' CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') COMMENT 'When this was decided; the greatest counts; UTC' CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(at)
ORDER BY distinct_id
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Which person an id belongs to, as the resolver decided last (one row per id that ever belonged to somebody else, with FINAL)';

CREATE TABLE person_month
(
    `distinct_id` String COMMENT 'User id, or anonymous id of a visitor who is not logged in' CODEC(ZSTD(1)),
    `month` Date COMMENT 'First day of the month of the events, UTC' CODEC(ZSTD(1)),
    `carts` SimpleAggregateFunction(sum, UInt64) COMMENT 'Human events of kind cart_add' CODEC(T64, ZSTD(1)),
    `checkouts` SimpleAggregateFunction(sum, UInt64) COMMENT 'Human events of kind checkout_start' CODEC(T64, ZSTD(1)),
    `orders` SimpleAggregateFunction(groupArrayArray, Array(Tuple(
        at DateTime64(3, 'UTC'),
        purchase UInt8,
        currency String,
        value Decimal(18, 4)))) COMMENT 'Human events of kind purchase (1) and refund (0), in no order: when, which, currency, money in its units, of a refund negative' CODEC(ZSTD(1)),
    `first_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'First human event of engagement in the month, UTC; NULL when there is none' CODEC(Delta(8), ZSTD(1)),
    `last_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last human event of engagement in the month, UTC; 1970 when there is none' CODEC(Delta(8), ZSTD(1)),
    `last_action_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last thing the person did in the month (person_day.actions), UTC; 1970 when there is none' CODEC(Delta(8), ZSTD(1)),
    `named_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'When the id was first told apart from an anonymous one in the month: a user id or traits, UTC; NULL when it was not' CODEC(Delta(8), ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(month)
ORDER BY (distinct_id, month)
SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'First and last times, orders and money per id and month (one row per distinct_id and month, once merged)';

CREATE MATERIALIZED VIEW person_month_mv TO person_month
(
    `distinct_id` String COMMENT 'User id, or anonymous id of a visitor who is not logged in',
    `month` Date COMMENT 'First day of the month of the events, UTC',
    `carts` SimpleAggregateFunction(sum, UInt64) COMMENT 'Human events of kind cart_add',
    `checkouts` SimpleAggregateFunction(sum, UInt64) COMMENT 'Human events of kind checkout_start',
    `orders` SimpleAggregateFunction(groupArrayArray, Array(Tuple(
        at DateTime64(3, 'UTC'),
        purchase UInt8,
        currency String,
        value Decimal(18, 4)))) COMMENT 'Human events of kind purchase (1) and refund (0), in no order: when, which, currency, money in its units, of a refund negative',
    `first_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'First human event of engagement in the month, UTC; NULL when there is none',
    `last_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last human event of engagement in the month, UTC; 1970 when there is none',
    `last_action_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last thing the person did in the month (person_day.actions), UTC; 1970 when there is none',
    `named_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'When the id was first told apart from an anonymous one in the month: a user id or traits, UTC; NULL when it was not'
)
COMMENT 'Feeds person_month from inserts into events'
AS WITH
    kind NOT IN ('identify', 'group', 'alias') AS engaged,
    kind NOT IN ('identify', 'group', 'alias', 'email_sent', 'email_delivered', 'email_bounce', 'ad_impression', 'social_impression', 'experiment_exposure') AS acted
SELECT
    distinct_id,
    toStartOfMonth(toDate(ts)) AS month,
    sum(kind = 'cart_add') AS carts,
    sum(kind = 'checkout_start') AS checkouts,
    groupArrayIf((ts, toUInt8(kind = 'purchase'), toString(currency), if(kind = 'refund', -value, value)), (kind IN ('purchase', 'refund'))) AS orders,
    minOrNullIf(ts, engaged) AS first_at,
    maxIf(ts, engaged) AS last_at,
    maxIf(ts, acted) AS last_action_at,
    minOrNullIf(ts, (user_id != '') OR (kind = 'identify')) AS named_at
FROM events
WHERE (machine = '') AND (distinct_id != '')
GROUP BY
    distinct_id,
    month;

CREATE VIEW person_orders
(
    `person_id` String COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    `orders` UInt64 COMMENT 'Purchases and won deals',
    `refunds` UInt64 COMMENT 'Refunds',
    `gross` Nullable(Decimal(38, 4)) COMMENT 'Worth of the orders, in units of the base currency; NULL when a rate is missing',
    `refunded` Nullable(Decimal(38, 4)) COMMENT 'Worth of the refunds, in units of the base currency',
    `revenue` Nullable(Decimal(38, 4)) COMMENT 'gross less refunded',
    `average_order` Nullable(Float64) COMMENT 'gross / orders; NULL without orders',
    `first_order_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'First order, UTC; NULL when there was none, only a refund',
    `last_order_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'Last order, UTC',
    `cohort` Nullable(Date) COMMENT 'First day of the month of the first order, UTC',
    `problem` String COMMENT 'Why money is NULL: a rate that is missing; empty when none is'
)
COMMENT 'Orders and their worth: person_orders(person = \'\'), or of one person (one row per person who bought or gave back)'
AS WITH
    (
        SELECT base_currency
        FROM definition
    ) AS base_now,
    pairs AS
    (
        SELECT
            distinct_id,
            person_id
        FROM person_ids
        WHERE ({person:String} = '') OR (distinct_id IN (
            SELECT distinct_id
            FROM person_pairs
            WHERE person_id = {person:String}
        ))
    ),
    money AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person,
            m.ts AS at,
            m.kind != 'refund' AS ordered,
            (m.value != 0) AND (r.rate = 0) AS missing,
            toDecimal128(round(m.value * r.rate, 4), 4) AS worth,
            if(m.currency = '', concat('money without a currency on ', toString(toDate(m.ts))), concat('no rate from ', m.currency, ' to ', coalesce(base_now, ''), ' for ', toString(toDate(m.ts)))) AS trouble
        FROM milestones AS m
        FINAL
        LEFT JOIN pairs AS p ON p.distinct_id = m.distinct_id
        LEFT JOIN daily_rates AS r ON (r.day = toDate(m.ts)) AND (r.currency = toString(m.currency))
        WHERE (m.kind IN ('purchase', 'opportunity_won', 'refund')) AND (({person:String} = '') OR (m.distinct_id IN (
            SELECT distinct_id
            FROM pairs
            WHERE person_id = {person:String}
            UNION ALL
            SELECT {person:String}
        )))
    )
SELECT
    person AS person_id,
    countIf(ordered) AS orders,
    countIf(NOT ordered) AS refunds,
    if(max(missing), NULL, sumIf(worth, ordered)) AS gross,
    if(max(missing), NULL, sumIf(worth, NOT ordered)) AS refunded,
    gross - refunded AS revenue,
    toFloat64(gross) / nullIf(orders, 0) AS average_order,
    minOrNullIf(at, ordered) AS first_order_at,
    maxOrNullIf(at, ordered) AS last_order_at,
    toStartOfMonth(toDate(first_order_at)) AS cohort,
    minIf(trouble, missing) AS problem
FROM money
GROUP BY person
HAVING ({person:String} = '') OR (person = {person:String})
SETTINGS join_use_nulls = 0;

CREATE TABLE person_pairs
(
    `person_id` String COMMENT 'A person' CODEC(ZSTD(1)),
    `distinct_id` String COMMENT 'An id that belongs to the person, or once did' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (person_id, distinct_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Ids that belong to a person or once did; check against person_map (one row per pair, once merged)';

CREATE TABLE person_signals
(
    `distinct_id` String COMMENT 'User id, or anonymous id of a visitor who is not logged in' CODEC(ZSTD(1)),
    `day` Date COMMENT 'Day of the events, UTC' CODEC(Delta(2), ZSTD(1)),
    `signals` SimpleAggregateFunction(sumMap, Map(String, UInt64)) COMMENT 'Human events by signal; a signal that did not happen is not there' CODEC(ZSTD(1)),
    `key_pages` SimpleAggregateFunction(groupArrayArray, Array(Tuple(
        UInt32,
        String))) COMMENT 'Views of key pages: unix seconds and the name of the key page, in no order' CODEC(ZSTD(1)),
    `download_times` SimpleAggregateFunction(groupArrayArray, Array(UInt32)) COMMENT 'Times of content downloads, unix seconds, in no order' CODEC(Delta(4), ZSTD(1)),
    `nps` SimpleAggregateFunction(max, Tuple(
        DateTime64(3, 'UTC'),
        Float32)) COMMENT 'Last answer of the day to an NPS survey: time and score (0 to 10); 1970 when there is none' CODEC(ZSTD(1)),
    `csat` SimpleAggregateFunction(max, Tuple(
        DateTime64(3, 'UTC'),
        Float32)) COMMENT 'Last answer of the day to a satisfaction survey: time and score, in the scale of the survey; 1970 when there is none' CODEC(ZSTD(1)),
    `sentiment_sum` SimpleAggregateFunction(sum, Float64) COMMENT 'Sum of the sentiment (-1 to 1) of what the person wrote' CODEC(ZSTD(1)),
    `sentiment_count` SimpleAggregateFunction(sum, UInt64) COMMENT 'How many texts that is' CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (distinct_id, day)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'What the definitions count, per id and day (one row per distinct_id and day with any of it, once merged)';

CREATE MATERIALIZED VIEW person_signals_mv TO person_signals
(
    `distinct_id` String COMMENT 'User id, or anonymous id of a visitor who is not logged in',
    `day` Date COMMENT 'Day of the events, UTC',
    `signals` SimpleAggregateFunction(sumMap, Map(String, UInt64)) COMMENT 'Human events by signal; a signal that did not happen is not there',
    `key_pages` SimpleAggregateFunction(groupArrayArray, Array(Tuple(
        UInt32,
        String))) COMMENT 'Views of key pages: unix seconds and the name of the key page, in no order',
    `download_times` SimpleAggregateFunction(groupArrayArray, Array(UInt32)) COMMENT 'Times of content downloads, unix seconds, in no order',
    `nps` SimpleAggregateFunction(max, Tuple(
        DateTime64(3, 'UTC'),
        Float32)) COMMENT 'Last answer of the day to an NPS survey: time and score (0 to 10); 1970 when there is none',
    `csat` SimpleAggregateFunction(max, Tuple(
        DateTime64(3, 'UTC'),
        Float32)) COMMENT 'Last answer of the day to a satisfaction survey: time and score, in the scale of the survey; 1970 when there is none',
    `sentiment_sum` SimpleAggregateFunction(sum, Float64) COMMENT 'Sum of the sentiment (-1 to 1) of what the person wrote',
    `sentiment_count` SimpleAggregateFunction(sum, UInt64) COMMENT 'How many texts that is'
)
COMMENT 'Feeds person_signals from inserts into events (query 1bd5f360ceb1)'
AS SELECT
    distinct_id,
    toDate(ts) AS day,
    mapFilter((signal, n) -> (n > 0), map('whitepaper_downloads', sum(signal_1), 'demo_downloads', sum(signal_2), 'demo_link_clicks', sum(signal_3), 'advanced_forms', sum(signal_4))) AS signals,
    groupArrayIf((second, key_page), key_page != '') AS key_pages,
    groupArrayIf(second, download) AS download_times,
    maxIf((ts, assumeNotNull(score)), nps_answer) AS nps,
    maxIf((ts, assumeNotNull(score)), csat_answer) AS csat,
    sum(toFloat64(ifNull(sentiment, 0))) AS sentiment_sum,
    sum(isNotNull(sentiment)) AS sentiment_count
FROM
(
    SELECT
        distinct_id,
        ts,
        score,
        sentiment,
        toUInt32(intDiv(toUnixTimestamp64Milli(ts), 1000)) AS second,
        if((kind IN ('content_download', 'email_click', 'form_submission', 'survey_response')), properties, CAST(map(), 'Map(LowCardinality(String), String)')) AS asked,
        (((kind = 'content_download') AND ((position(lower(content_id), 'whitepaper') > 0) OR (position(lower(content_id), 'white-paper') > 0) OR (position(lower(content_id), 'white_paper') > 0) OR (position(lower(content_id), 'ebook') > 0) OR (position(lower(content_id), 'guide') > 0) OR (position(lower(content_id), 'playbook') > 0) OR (position(lower(content_id), 'report') > 0))) OR ((kind = 'content_download') AND ((position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'whitepaper') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'white_paper') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'ebook') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'guide') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'playbook') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'report') > 0))) OR ((kind = 'content_download') AND ((position(lower(path), 'whitepaper') > 0) OR (position(lower(path), 'white-paper') > 0) OR (position(lower(path), 'ebook') > 0))) OR ((kind = 'content_download') AND ((position(lower(asked['title']), 'whitepaper') > 0) OR (position(lower(asked['title']), 'white paper') > 0) OR (position(lower(asked['title']), 'ebook') > 0))) OR ((kind = 'content_download') AND ((position(lower(asked['content_type']), 'whitepaper') > 0) OR (position(lower(asked['content_type']), 'white paper') > 0) OR (position(lower(asked['content_type']), 'ebook') > 0)))) AS signal_1,
        (((kind = 'content_download') AND ((position(lower(content_id), 'demo') > 0) OR (position(lower(content_id), 'trial') > 0))) OR ((kind = 'content_download') AND ((position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'demo') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'trial') > 0))) OR ((kind = 'content_download') AND ((position(lower(path), '/demo') > 0) OR (position(lower(path), '/trial') > 0))) OR ((kind = 'content_download') AND ((position(lower(asked['title']), 'demo') > 0) OR (position(lower(asked['title']), 'trial') > 0))) OR ((kind = 'content_download') AND (lower(asked['content_type']) IN ('demo', 'trial')))) AS signal_2,
        (((kind = 'email_click') AND ((position(lower(asked['link_url']), 'demo') > 0) OR (position(lower(asked['link_url']), 'trial') > 0))) OR ((kind = 'email_click') AND ((position(lower(url), 'demo') > 0) OR (position(lower(url), 'trial') > 0))) OR ((kind = 'email_click') AND ((position(lower(content_id), 'demo') > 0) OR (position(lower(content_id), 'trial') > 0))) OR ((kind = 'email_click') AND ((position(lower(asked['link_id']), 'demo') > 0) OR (position(lower(asked['link_id']), 'trial') > 0))) OR ((kind = 'email_click') AND ((position(lower(asked['link_text']), 'demo') > 0) OR (position(lower(asked['link_text']), 'trial') > 0)))) AS signal_3,
        (((kind = 'form_submission') AND ((position(lower(content_id), 'demo') > 0) OR (position(lower(content_id), 'quote') > 0) OR (lower(content_id) LIKE '%contact%sales%') OR (lower(content_id) LIKE '%sales%contact%') OR (position(lower(content_id), 'trial') > 0) OR (position(lower(content_id), 'pricing') > 0) OR (position(lower(content_id), 'consult') > 0))) OR ((kind = 'form_submission') AND ((position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'demo') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'quote') > 0) OR (trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_') LIKE '%contact%sales%') OR (trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_') LIKE '%sales%contact%') OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'trial') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'pricing') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'consult') > 0))) OR ((kind = 'form_submission') AND ((position(lower(path), '/demo') > 0) OR (position(lower(path), '/quote') > 0) OR (position(lower(path), '/contact-sales') > 0) OR (position(lower(path), '/trial') > 0))) OR ((kind = 'form_submission') AND ((position(lower(asked['form_id']), 'demo') > 0) OR (position(lower(asked['form_id']), 'quote') > 0) OR (lower(asked['form_id']) LIKE '%contact%sales%') OR (lower(asked['form_id']) LIKE '%sales%contact%') OR (position(lower(asked['form_id']), 'trial') > 0) OR (position(lower(asked['form_id']), 'pricing') > 0) OR (position(lower(asked['form_id']), 'consult') > 0))) OR ((kind = 'form_submission') AND ((position(lower(asked['form_name']), 'demo') > 0) OR (position(lower(asked['form_name']), 'quote') > 0) OR (lower(asked['form_name']) LIKE '%contact%sales%') OR (lower(asked['form_name']) LIKE '%sales%contact%') OR (position(lower(asked['form_name']), 'trial') > 0) OR (position(lower(asked['form_name']), 'pricing') > 0) OR (position(lower(asked['form_name']), 'consult') > 0)))) AS signal_4,
        kind = 'content_download' AS download,
        multiIf(kind != 'page_view', '', (lower(path) IN ('/', '/home', '/home/', '/index.html', '/index.html/')), 'home', (startsWith(lower(path), '/demo') OR endsWith(lower(path), '/demo') OR endsWith(lower(path), '/demo/') OR startsWith(lower(path), '/request-demo') OR startsWith(lower(path), '/trial')), 'demo', (startsWith(lower(path), '/contact') OR endsWith(lower(path), '/contact') OR endsWith(lower(path), '/contact/')), 'contact', (startsWith(lower(path), '/pricing') OR endsWith(lower(path), '/pricing') OR endsWith(lower(path), '/pricing/') OR startsWith(lower(path), '/plans')), 'pricing', (startsWith(lower(path), '/whitepaper') OR (position(lower(path), '/whitepaper') > 0) OR startsWith(lower(path), '/resources/') OR startsWith(lower(path), '/ebook')), 'whitepaper', (startsWith(lower(path), '/case-stud') OR startsWith(lower(path), '/customers') OR (position(lower(path), '/case-stud') > 0)), 'case_study', (startsWith(lower(path), '/product') OR startsWith(lower(path), '/solutions') OR startsWith(lower(path), '/features')), 'product', '') AS key_page,
        ((kind = 'survey_response') AND isNotNull(score) AND ((position(lower(asked['survey_id']), 'nps') > 0) OR (position(lower(asked['survey']), 'nps') > 0) OR (position(lower(asked['survey_type']), 'nps') > 0) OR (position(lower(content_id), 'nps') > 0) OR ((position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'nps') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'promoter') > 0)))) AS nps_answer,
        ((kind = 'survey_response') AND isNotNull(score) AND (((position(lower(asked['survey_id']), 'csat') > 0) OR (position(lower(asked['survey_id']), 'satisfaction') > 0)) OR ((position(lower(asked['survey']), 'csat') > 0) OR (position(lower(asked['survey']), 'satisfaction') > 0)) OR ((position(lower(asked['survey_type']), 'csat') > 0) OR (position(lower(asked['survey_type']), 'satisfaction') > 0)) OR ((position(lower(content_id), 'csat') > 0) OR (position(lower(content_id), 'satisfaction') > 0)) OR ((position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'csat') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'satisfaction') > 0)))) AS csat_answer
    FROM events
    WHERE (machine = '') AND (kind NOT IN ('identify', 'group', 'alias')) AND ((kind IN ('content_download', 'email_click', 'form_submission', 'page_view', 'survey_response')) OR isNotNull(sentiment))
)
WHERE signal_1 OR signal_2 OR signal_3 OR signal_4 OR download OR (key_page != '') OR nps_answer OR csat_answer OR isNotNull(sentiment)
GROUP BY
    distinct_id,
    day;

CREATE TABLE person_states
(
    `person_id` String COMMENT 'The person: a user id, or an anonymous id nobody has claimed' CODEC(ZSTD(1)),
    `version` UInt64 COMMENT 'Number of the evaluation, counted up over all people' CODEC(Delta(8), ZSTD(1)),
    `is_deleted` UInt8 COMMENT '1: no person any more, the id belongs to somebody else' CODEC(ZSTD(1)),
    `evaluated_at` DateTime64(3, 'UTC') COMMENT 'The moment as of which this is, UTC' CODEC(Delta(8), ZSTD(1)),
    `definitions` UInt32 COMMENT 'Version of the definitions that decided' CODEC(ZSTD(1)),
    `features` Array(Float64) COMMENT 'The features that were judged, in the order of feature_names of the definitions; nan is unknown' CODEC(ZSTD(1)),
    `criteria_met` Array(String) COMMENT 'Names of the criteria that are met, in the order of the definitions' CODEC(ZSTD(1)),
    `tier` UInt8 COMMENT '2: behaves like a buyer; 1: known, below that; 0: not known yet' CODEC(ZSTD(1)),
    `micro_segment` LowCardinality(String) COMMENT 'Which part of the tier; empty when it has none',
    `lifecycle` Array(String) COMMENT 'Lifecycle segments, in the order of the definitions' CODEC(ZSTD(1)),
    `score` Float64 COMMENT 'Sum of the points of reasons, 0..100' CODEC(ZSTD(1)),
    `reasons` Array(Tuple(
        name String,
        points Float64,
        text String)) COMMENT 'What the score is made of: points of criteria, and negative ones of context rules; eighths of a point, so that they add up exactly' CODEC(ZSTD(1)),
    `action_required` String COMMENT 'What should happen next; empty when nothing' CODEC(ZSTD(1)),
    `since` DateTime64(3, 'UTC') COMMENT 'When the person came into this tier and micro-segment, UTC; first seen when they never had one' CODEC(Delta(8), ZSTD(1)),
    `previous_tier` UInt8 COMMENT 'Tier before since' CODEC(ZSTD(1)),
    `previous_segment` LowCardinality(String) COMMENT 'Micro-segment before since',
    `due_at` DateTime64(3, 'UTC') COMMENT 'When the state may change with no new event, UTC: windows move on, days since something grow' CODEC(Delta(8), ZSTD(1)),
    `known` Bool COMMENT 'Whether the person has a user id or traits' CODEC(ZSTD(1)),
    `first_seen` DateTime64(3, 'UTC') COMMENT 'First human event of engagement, UTC' CODEC(Delta(8), ZSTD(1)),
    `last_seen` DateTime64(3, 'UTC') COMMENT 'Last human event of engagement, UTC' CODEC(Delta(8), ZSTD(1)),
    `last_action_at` DateTime64(3, 'UTC') COMMENT 'Last thing the person did, UTC; 1970 when never' CODEC(Delta(8), ZSTD(1)),
    `first_purchase_at` DateTime64(3, 'UTC') COMMENT 'First purchase, UTC; 1970 when never' CODEC(Delta(8), ZSTD(1)),
    `last_purchase_at` DateTime64(3, 'UTC') COMMENT 'Last purchase, UTC; 1970 when never' CODEC(Delta(8), ZSTD(1)),
    `revenue_365d` Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of the last 365 days, by currency, in its units' CODEC(ZSTD(1)),
    `revenue_total` Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of all history, by currency, in its units' CODEC(ZSTD(1)),
    `distinct_ids` Array(String) COMMENT 'All ids of the person' CODEC(ZSTD(1)),
    INDEX by_version version TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY person_id
SETTINGS index_granularity = 128, min_bytes_for_wide_part = 17179869184, min_compress_block_size = 4096, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Where each person stands, as last evaluated (one row per person, once merged)';

CREATE VIEW person_states_at
(
    `person_id` String COMMENT 'The person as known at that moment: a user id, or an anonymous id nobody had claimed',
    `evaluated_at` DateTime64(3, 'UTC') COMMENT 'The moment as of which this is, UTC',
    `definitions` UInt32 COMMENT 'Version of the definitions that decided',
    `features` Array(Float64) COMMENT 'The features that were judged, in the order of feature_names of the definitions; nan is unknown',
    `criteria_met` Array(String) COMMENT 'Names of the criteria that are met, in the order of the definitions',
    `tier` UInt8 COMMENT '2: behaves like a buyer; 1: known, below that; 0: not known yet',
    `micro_segment` String COMMENT 'Which part of the tier; empty when it has none',
    `lifecycle` Array(String) COMMENT 'Lifecycle segments, in the order of the definitions',
    `score` Float64 COMMENT 'Sum of the points of reasons, 0..100',
    `reasons` Array(Tuple(
        name String,
        points Float64,
        text String)) COMMENT 'What the score is made of: points of criteria, and negative ones of context rules; eighths of a point',
    `action_required` String COMMENT 'What should happen next; empty when nothing',
    `due_at` DateTime64(3, 'UTC') COMMENT 'When this may change with no new event, UTC',
    `known` Bool COMMENT 'Whether the person has a user id or traits',
    `first_seen` DateTime64(3, 'UTC') COMMENT 'First human event of engagement, UTC',
    `last_seen` DateTime64(3, 'UTC') COMMENT 'Last human event of engagement, UTC',
    `last_action_at` DateTime64(3, 'UTC') COMMENT 'Last thing the person did, UTC; 1970 when never',
    `first_purchase_at` DateTime64(3, 'UTC') COMMENT 'First purchase, UTC; 1970 when never',
    `last_purchase_at` DateTime64(3, 'UTC') COMMENT 'Last purchase, UTC; 1970 when never',
    `revenue_365d` Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of the last 365 days, by currency, in its units',
    `revenue_total` Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of all history, by currency, in its units'
)
COMMENT 'What the definitions say of people as of a moment, of a batch or of everybody (one row per person with an event until then)'
AS SELECT
    person_id,
    {at:DateTime64(3, 'UTC')} AS evaluated_at,
    defined.version[1] AS definitions,
    features,
    arrayFilter((name, fit) -> fit, defined.criteria, met) AS criteria_met,
    decided_tier AS tier,
    defined.segments[arrayFirstIndex((tier, fit) -> ((tier = decided_tier) AND fit), defined.segment_tiers, segment_fits) AS segment] AS micro_segment,
    arrayFilter((name, fit) -> fit, defined.lifecycle, arraySlice(fits, 1 + length(defined.criteria), length(defined.lifecycle))) AS lifecycle,
    arraySum(earned) - arraySum(arrayMap((p, sum) -> least(p, greatest(0., arraySum(earned) - (sum - p))), penalties, arrayCumSum(penalties)) AS taken) AS score,
    CAST(arrayConcat(arrayFilter(r -> ((r.2) > 0), arrayZip(defined.criteria, earned, defined.criteria_texts)), arrayMap(r -> (r.1, -(r.2), r.3), arrayFilter((r, fit) -> fit, arrayZip(defined.contexts, taken, defined.context_texts), asked))), 'Array(Tuple(name String, points Float64, text String))') AS reasons,
    coalesce(nullIf(defined.segment_actions[segment], ''), defined.tier_actions[toString(decided_tier)]) AS action_required,
    toDateTime64(next_change, 3, 'UTC') AS due_at,
    known,
    first_seen,
    last_seen,
    last_action_at,
    first_purchase_at,
    last_purchase_at,
    revenue_365d,
    revenue_total
FROM
(
    SELECT
        *,
        arraySlice(fits, 1, length(defined.criteria)) AS met,
        arraySlice(fits, (1 + length(defined.criteria)) + length(defined.lifecycle), length(defined.penalties)) AS asked,
        arrayMap((fit, points) -> if(fit, points, 0), asked, defined.penalties) AS penalties,
        arraySlice(fits, ((1 + length(defined.criteria)) + length(defined.lifecycle)) + length(defined.penalties)) AS segment_fits,
        multiIf(((defined.needed[1]) > 0) AND (arrayCount(met) >= (defined.needed[1])), 2, known, 1, 0) AS decided_tier
    FROM
    (
        SELECT
            *,
            (
                SELECT argMax(for_states, (version, applied_at))
                FROM definitions
            ) AS defined,
            arrayMap(conditions -> arrayAll(c -> (((features[c.feature]) >= c.at_least) AND ((features[c.feature]) <= c.at_most)), conditions), defined.conditions) AS fits,
            arrayMap(c -> (floor((8 * c.weight) * ifNotFinite(arrayAvg(t -> greatest(0., least(1., ifNotFinite(features[t.feature], 0.) / t.target)), c.targets), 0.)) / 8), defined.weights) AS earned
        FROM person_features_at(at = toDateTime({at:DateTime64(3, 'UTC')} + toIntervalMillisecond(999), 'UTC'), batch = {batch:UUID})
    )
)
SETTINGS join_use_nulls = 0;

CREATE TABLE person_term_days
(
    `day` Date COMMENT 'Day the amount belongs to, UTC; 1970-01-01 is the book of the computation itself' CODEC(Delta(2), ZSTD(1)),
    `channel` LowCardinality(String) COMMENT 'Where it happened; of customers the channel of their first order; empty: people who are active are so on no single channel',
    `term` LowCardinality(String) COMMENT 'Which term: person:first_purchases, person:active_days, ... (docs/metrics.md)',
    `amount` Float64 COMMENT 'How much; NaN when it cannot be told, see problem' CODEC(ZSTD(1)),
    `problem` String COMMENT 'Why amount is NaN; empty when it is not' CODEC(ZSTD(1)),
    `computed_at` DateTime64(3, 'UTC') COMMENT 'When it was computed, UTC' CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY (day, term, channel)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Person-level terms of metrics, kept (one row per day, term and channel, once merged)';

CREATE VIEW person_tiers
(
    `person_id` String COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    `tier` UInt8 COMMENT '2: behaves like a buyer; 1: known, below that; 0: not known yet',
    `micro_segment` String COMMENT 'Which part of the tier; empty when it has none',
    `lifecycle` Array(String) COMMENT 'Lifecycle segments, such as first-time buyers',
    `score` Float64 COMMENT 'Sum of the points of reasons, 0..100',
    `criteria_met` Array(String) COMMENT 'Names of the criteria that are met',
    `reasons` Array(Tuple(
        name String,
        points Float64,
        text String)) COMMENT 'What the score is made of: points of criteria, and negative ones of context rules; they add up to it exactly',
    `action_required` String COMMENT 'What should happen next; empty when nothing',
    `since` DateTime64(3, 'UTC') COMMENT 'When the person came into this tier and micro-segment, UTC; first seen when they never had one',
    `previous_tier` UInt8 COMMENT 'Tier before since',
    `previous_segment` String COMMENT 'Micro-segment before since',
    `known` Bool COMMENT 'Whether the person has a user id or traits',
    `features` Array(Float64) COMMENT 'The features that were judged, in the order of feature_names of the definitions; nan is unknown',
    `definitions` UInt32 COMMENT 'Version of the definitions that decided',
    `evaluated_at` DateTime64(3, 'UTC') COMMENT 'When this was decided, UTC',
    `due_at` DateTime64(3, 'UTC') COMMENT 'When it is decided again at the latest, UTC',
    `first_seen` DateTime64(3, 'UTC') COMMENT 'First human event of engagement, UTC',
    `last_seen` DateTime64(3, 'UTC') COMMENT 'Last human event of engagement, UTC'
)
COMMENT 'Tier, micro-segment, lifecycle and score of everybody, with reasons (one row per person)'
AS SELECT
    person_id,
    tier,
    micro_segment,
    lifecycle,
    score,
    criteria_met,
    reasons,
    action_required,
    since,
    previous_tier,
    previous_segment,
    known,
    features,
    definitions,
    evaluated_at,
    due_at,
    first_seen,
    last_seen
FROM person_states
FINAL;

CREATE TABLE person_traits
(
    `distinct_id` String COMMENT 'User id, or anonymous id when identify came without one' CODEC(ZSTD(1)),
    `trait` LowCardinality(String) COMMENT 'Name of the trait, nested names joined by dots: email, name, company.size, ...',
    `value` String COMMENT 'Its value as text' CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') COMMENT 'When it was told, UTC' CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(at)
PARTITION BY toYYYYMM(at)
ORDER BY (distinct_id, trait)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Latest traits per id (one row per distinct_id and trait with FINAL)';

CREATE MATERIALIZED VIEW person_traits_mv TO person_traits
(
    `distinct_id` String COMMENT 'User id, or anonymous id when identify came without one',
    `trait` LowCardinality(String) COMMENT 'Name of the trait, nested names joined by dots: email, name, company.size, ...',
    `value` String COMMENT 'Its value as text',
    `at` DateTime64(3, 'UTC') COMMENT 'When it was told, UTC'
)
COMMENT 'Feeds person_traits from inserts into events'
AS SELECT
    distinct_id,
    told.1 AS trait,
    told.2 AS value,
    ts AS at
FROM events
ARRAY JOIN CAST(properties, 'Array(Tuple(LowCardinality(String), String))') AS told
WHERE type = 'identify';

CREATE VIEW person_value
(
    `person_id` String COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    `orders` UInt64 COMMENT 'Purchases and won deals',
    `refunds` UInt64 COMMENT 'Refunds',
    `gross` Nullable(Decimal(38, 4)) COMMENT 'Worth of the orders, in units of the base currency; NULL when a rate is missing',
    `refunded` Nullable(Decimal(38, 4)) COMMENT 'Worth of the refunds, in units of the base currency',
    `revenue` Nullable(Decimal(38, 4)) COMMENT 'gross less refunded',
    `average_order` Nullable(Float64) COMMENT 'gross / orders; NULL without orders',
    `historic_ltv` Nullable(Decimal(38, 4)) COMMENT 'What the customer brought so far, in units of the base currency: revenue',
    `predicted_ltv` Nullable(Float64) COMMENT 'What the customer is expected to bring; NULL until a model says so',
    `first_order_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'First order, UTC; NULL when there was none, only a refund',
    `last_order_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'Last order, UTC',
    `cohort` Nullable(Date) COMMENT 'First day of the month of the first order, UTC',
    `recency` Nullable(UInt8) COMMENT '1 to 5; 5: among the fifth that bought last',
    `frequency` Nullable(UInt8) COMMENT '1 to 5; 5: among the fifth that bought most often',
    `monetary` Nullable(UInt8) COMMENT '1 to 5; 5: among the fifth that brought most',
    `rfm` String COMMENT 'recency, frequency and monetary in one text, such as 543; - for one that is missing; empty without orders',
    `problem` String COMMENT 'Why money is NULL: a rate that is missing; empty when none is'
)
COMMENT 'Value of customers, in the base currency (one row per person who bought or gave back)'
AS WITH
    ranked AS
    (
        SELECT
            *,
            orders > 0 AS bought,
            bought AND isNotNull(revenue) AS valued,
            toUInt64(countIf(bought) OVER ()) AS buyers,
            toUInt64(countIf(valued) OVER ()) AS valued_buyers,
            rank() OVER (PARTITION BY bought ORDER BY toDate(last_order_at) ASC) - 1 AS staler,
            rank() OVER (PARTITION BY bought ORDER BY orders ASC) - 1 AS rarer,
            rank() OVER (PARTITION BY valued ORDER BY revenue ASC) - 1 AS poorer
        FROM person_orders(person = '')
    )
SELECT
    person_id,
    orders,
    refunds,
    gross,
    refunded,
    revenue,
    average_order,
    revenue AS historic_ltv,
    NULL AS predicted_ltv,
    first_order_at,
    last_order_at,
    cohort,
    if(bought, toUInt8(1 + intDiv(5 * staler, greatest(buyers, 1))), NULL) AS recency,
    if(bought, toUInt8(1 + intDiv(5 * rarer, greatest(buyers, 1))), NULL) AS frequency,
    if(valued, toUInt8(1 + intDiv(5 * poorer, greatest(valued_buyers, 1))), NULL) AS monetary,
    if(bought, concat(toString(assumeNotNull(recency)), toString(assumeNotNull(frequency)), if(valued, toString(assumeNotNull(monetary)), '-')), '') AS rfm,
    problem
FROM ranked;

CREATE TABLE quarantine
(
    `id` UUID COMMENT 'Identity of the rejected record' CODEC(NONE),
    `at` DateTime64(3, 'UTC') COMMENT 'When it arrived; UTC, milliseconds' CODEC(Delta(8), ZSTD(1)),
    `source` LowCardinality(String) COMMENT 'Which write key or file mapping it came with',
    `route` LowCardinality(String) COMMENT 'Route it came in by: /v1/events, /v1/batch, /v1/track, ...',
    `request` UUID COMMENT 'The request it was a part of' CODEC(ZSTD(1)),
    `record_index` UInt32 COMMENT 'Its place among the records of the request, from 0' CODEC(ZSTD(1)),
    `records` UInt32 COMMENT 'Records this row stands for: 1; more in a row that only counts those past what is kept of one request' CODEC(ZSTD(1)),
    `code` LowCardinality(String) COMMENT 'Kind of the reason: missing, type, value, too_long, too_many, time, utf8, syntax',
    `field` String COMMENT 'Field at fault as the sender calls it; empty when the record as a whole is' CODEC(ZSTD(1)),
    `reason` String COMMENT 'What is wrong and what would be right' CODEC(ZSTD(1)),
    `message_id` String COMMENT 'messageId as sent, at most 60 bytes of it; empty when there was none' CODEC(ZSTD(1)),
    `ids` Array(String) COMMENT 'userId, anonymousId and previousId as far as they could be read: whose record it may be' CODEC(ZSTD(1)),
    `payload` String COMMENT 'The record as it came, write keys replaced; at most 64 KiB of it; not always JSON, nor UTF-8' CODEC(ZSTD(3)),
    `payload_bytes` UInt32 COMMENT 'Size of the record as it came, bytes' CODEC(ZSTD(1)),
    `payload_cut` Bool COMMENT 'payload or envelope is not whole, so it cannot be sent again' CODEC(ZSTD(1)),
    `envelope` String COMMENT 'What its batch said for all of its records, as JSON: sentAt, context; empty when nothing' CODEC(ZSTD(3)),
    `ip` String COMMENT 'Address of the connection' CODEC(ZSTD(1)),
    `user_agent` LowCardinality(String) COMMENT 'User agent of the request'
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(at)
ORDER BY (source, code, field, at)
TTL toDateTime(at, 'UTC') + toIntervalDay(30)
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Rejected records of the last 30 days with reason and payload (one row per record)';

CREATE TABLE quarantine_replays
(
    `id` UUID COMMENT 'The rejected record: quarantine.id' CODEC(NONE),
    `at` DateTime64(3, 'UTC') COMMENT 'When it was sent again; UTC' CODEC(Delta(8), ZSTD(1)),
    `request` UUID COMMENT 'The request it had been a part of: quarantine.request' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(at)
PARTITION BY toYYYYMM(at)
ORDER BY id
TTL toDateTime(at, 'UTC') + toIntervalDay(62)
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Rejected records that were sent again and taken (one row per record)';

CREATE TABLE rates
(
    `day` Date COMMENT 'Day from which on the rate holds, UTC; it counts for seven days, or until the next one' CODEC(Delta(2), ZSTD(1)),
    `currency` LowCardinality(String) COMMENT 'Currency that is converted, ISO 4217',
    `base` LowCardinality(String) COMMENT 'Currency that it is converted to, ISO 4217',
    `rate` Decimal(38, 12) COMMENT 'Units of base for one unit of currency' CODEC(ZSTD(1)),
    `received_at` DateTime64(3, 'UTC') COMMENT 'When the service received it, UTC; the latest of a day counts' CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(received_at)
ORDER BY (currency, base, day)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Exchange rates (one row per day, currency and base, once merged)';

CREATE MATERIALIZED VIEW rates_mv TO rates
(
    `day` Date COMMENT 'Day from which on the rate holds, UTC; it counts for seven days, or until the next one',
    `currency` LowCardinality(String) COMMENT 'Currency that is converted, ISO 4217',
    `base` LowCardinality(String) COMMENT 'Currency that it is converted to, ISO 4217',
    `rate` Decimal(38, 12) COMMENT 'Units of base for one unit of currency',
    `received_at` DateTime64(3, 'UTC') COMMENT 'When the service received it, UTC; the latest of a day counts'
)
COMMENT 'Feeds rates from inserts into measurements'
AS SELECT
    toDate(ts) AS day,
    currency,
    splitByChar('/', campaign)[2] AS base,
    value AS rate,
    received_at
FROM measurements
WHERE kind = 'exchange_rate';

CREATE TABLE receipts
(
    `segment_id` UUID COMMENT 'Segment of the spool, one INSERT; of rows older than a week any one of the day',
    `day` Date COMMENT 'Day of the events, UTC',
    `rows` UInt64 COMMENT 'Accepted events' CODEC(T64, ZSTD(1)),
    `id_sum` UInt64 COMMENT 'Sum of cityHash64(event_id) of them, modulo 2^64' CODEC(NONE),
    `first_at` DateTime64(3, 'UTC') COMMENT 'When the first of them was received, UTC' CODEC(Delta(8), ZSTD(1)),
    `last_at` DateTime64(3, 'UTC') COMMENT 'When the last of them was received, UTC' CODEC(Delta(8), ZSTD(1)),
    `loaded_at` DateTime('UTC') DEFAULT now('UTC') COMMENT 'When ClickHouse had confirmed the segment, UTC' CODEC(Delta(4), ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (day, segment_id)
TTL loaded_at + toIntervalDay(7) GROUP BY day SET rows = sum(rows), id_sum = sum(id_sum), first_at = min(first_at), last_at = max(last_at), loaded_at = max(loaded_at)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'What was accepted, written down before loading (rows of a day add up)';

CREATE TABLE recomputations
(
    `what` LowCardinality(String) COMMENT 'identities: decide about everybody anew; metrics: compute the person-level terms of day anew',
    `day` Date COMMENT 'Of metrics the day, and 1970-01-01 the terms of customers, which are of all history; of identities always 1970-01-01',
    `request` UUID COMMENT 'Tells requests apart; those of several days may share it',
    `at` DateTime64(3, 'UTC') COMMENT 'When it was asked for, UTC',
    `sign` Int8 COMMENT '1: asked for; -1: done'
)
ENGINE = CollapsingMergeTree(sign)
ORDER BY (what, day, request)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'What is to be computed again and is not yet (one row per what, day and request, with FINAL and sign 1)';

CREATE TABLE repeats
(
    `day` Date COMMENT 'Day of the event, UTC',
    `event_id` UUID COMMENT 'The event',
    `received_at` DateTime64(3, 'UTC') COMMENT 'When this copy of it was received, UTC'
)
ENGINE = ReplacingMergeTree
ORDER BY (day, event_id, received_at)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Copies of events that were accepted more than once (one row per copy with FINAL)';

CREATE TABLE schema_migrations
(
    `kind` LowCardinality(String) COMMENT 'migration or view',
    `version` UInt32 COMMENT 'Number of the file: of a migration its version, of a view its place in the order of creation',
    `name` String COMMENT 'Name of the file without number and ending; of a view its name',
    `checksum` String COMMENT 'SHA-256 of the file, hexadecimal',
    `state` LowCardinality(String) COMMENT 'started, applied, failed or dropped (a view that is no longer part of livello)',
    `started_at` DateTime64(3, 'UTC') COMMENT 'When the statement was begun, UTC',
    `applied_at` DateTime64(3, 'UTC') COMMENT 'When it was done, UTC; 1970 while it is not',
    `error` String COMMENT 'What ClickHouse said, when the state is failed',
    `binary` String COMMENT 'Version of the program that did it'
)
ENGINE = ReplacingMergeTree
ORDER BY (kind, version, name, started_at)
SETTINGS index_granularity = 8192
COMMENT 'What the migrator did (one row per run of a file, with FINAL)';

CREATE VIEW sessions
(
    `person_id` String COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    `start` DateTime64(3, 'UTC') COMMENT 'First event of the session, UTC',
    `end` DateTime64(3, 'UTC') COMMENT 'Last event of the session, UTC',
    `seconds` UInt32 COMMENT 'Whole seconds from the first to the last event; 0 for a session of one event',
    `events` UInt32 COMMENT 'Human events on web and app',
    `pages` UInt32 COMMENT 'Page views among them',
    `entry` String COMMENT 'Path of the first page view; empty when there was none',
    `exit` String COMMENT 'Path of the last page view; empty when there was none',
    `referrer` String COMMENT 'Address of the other site that led here; empty when none',
    `utm_source` String COMMENT 'Campaign parameter of the origin: who sent the visitor',
    `utm_medium` String COMMENT 'Campaign parameter of the origin: by which medium',
    `utm_campaign` String COMMENT 'Campaign parameter of the origin: which campaign',
    `acquisition` String COMMENT 'How the person came, as the definitions call the origin: email, organic_search, ..., direct',
    `conversions` UInt32 COMMENT 'Conversions during the session or before its time-out was over',
    `converted` Bool COMMENT 'Whether there was any'
)
COMMENT 'Every session: 30 minutes of inactivity end one (one row per session)'
AS SELECT
    person_id,
    start,
    end,
    seconds,
    events,
    pages,
    entry,
    exit,
    referrer,
    utm_source,
    utm_medium,
    utm_campaign,
    acquisition,
    conversions,
    converted
FROM sessions_between(`from` = toDateTime64('1970-01-01 00:00:00', 3, 'UTC'), to = toDateTime64('2148-01-01 00:00:00', 3, 'UTC'), person = '');

CREATE VIEW sessions_between
(
    `person_id` String COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    `start` DateTime64(3, 'UTC') COMMENT 'First event of the session, UTC',
    `end` DateTime64(3, 'UTC') COMMENT 'Last event of the session, UTC',
    `seconds` UInt32 COMMENT 'Whole seconds from the first to the last event; 0 for a session of one event',
    `events` UInt32 COMMENT 'Human events on web and app',
    `pages` UInt32 COMMENT 'Page views among them',
    `entry` String COMMENT 'Path of the first page view; empty when there was none',
    `exit` String COMMENT 'Path of the last page view; empty when there was none',
    `referrer` String COMMENT 'Address of the other site that led here; empty when none',
    `utm_source` String COMMENT 'Campaign parameter of the origin: who sent the visitor',
    `utm_medium` String COMMENT 'Campaign parameter of the origin: by which medium',
    `utm_campaign` String COMMENT 'Campaign parameter of the origin: which campaign',
    `acquisition` String COMMENT 'How the person came, as the definitions call the origin: email, organic_search, ..., direct',
    `conversions` UInt32 COMMENT 'Conversions during the session or before its time-out was over',
    `converted` Bool COMMENT 'Whether there was any'
)
COMMENT 'Sessions that start in a period: sessions_between(from = ..., to = ..., person = \'\'); person empty: everybody (one row per session)'
AS WITH
    (
        SELECT if(session_timeout = 0, 1800, session_timeout)
        FROM definition
    ) AS timeout,
    (
        SELECT conversion_kinds
        FROM definition
    ) AS wanted,
    toDateTime64('1970-01-01 00:00:00', 3, 'UTC') AS epoch,
    toDate(greatest(toDateTime64({from:DateTime64(3)}, 3, 'UTC') - toIntervalSecond(timeout), epoch)) AS first_day,
    toDate(greatest(toDateTime64({to:DateTime64(3)}, 3, 'UTC'), epoch)) + 1 AS last_day,
    pairs AS
    (
        SELECT
            distinct_id,
            person_id
        FROM person_ids
        WHERE ({person:String} = '') OR (distinct_id IN (
            SELECT distinct_id
            FROM person_pairs
            WHERE person_id = {person:String}
        ))
    ),
    ids AS
    (
        SELECT distinct_id
        FROM pairs
        WHERE person_id = {person:String}
        UNION ALL
        SELECT {person:String}
    ),
    runs AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), v.distinct_id) AS person,
            arraySort(groupArrayArray(v.hits)) AS all_hits,
            arrayJoin(arraySplit((hit, gap) -> (gap > timeout), all_hits, arrayDifference(arrayMap(hit -> intDiv(toUnixTimestamp64Milli(hit.at), 1000), all_hits)))) AS run
        FROM visit_day AS v
        LEFT JOIN pairs AS p ON p.distinct_id = v.distinct_id
        WHERE (v.day >= first_day) AND (v.day <= last_day) AND (({person:String} = '') OR ((v.day, v.distinct_id) IN (
            SELECT
                day,
                distinct_id
            FROM person_day
            WHERE (distinct_id IN (ids)) AND (day >= first_day) AND (day <= last_day)
        )))
        GROUP BY person
    ),
    named AS
    (
        SELECT
            person,
            tupleElement(run[1], 'at') AS first_at,
            tupleElement(run[-1], 'at') AS last_at,
            length(run) AS hits,
            tupleElement(arrayFilter(hit -> (hit.page != ''), run), 'page') AS run_pages,
            arrayFirst(hit -> ((hit.utm_source != '') OR (hit.utm_medium != '') OR (hit.utm_campaign != '') OR (hit.referrer != '')), run) AS origin
        FROM runs
        WHERE (first_at >= {from:DateTime64(3)}) AND (first_at < {to:DateTime64(3)})
    ),
    wins AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person,
            groupArray(m.ts) AS times
        FROM milestones AS m
        FINAL
        LEFT JOIN pairs AS p ON p.distinct_id = m.distinct_id
        WHERE (m.kind IN ((
            SELECT conversion_kinds
            FROM definition
        ) AS wanted)) AND (m.ts >= {from:DateTime64(3)}) AND (m.ts <= (toDateTime64({to:DateTime64(3)}, 3, 'UTC') + toIntervalDay(2))) AND (({person:String} = '') OR (m.distinct_id IN (ids)))
        GROUP BY person
    )
SELECT
    named.person AS person_id,
    named.first_at AS start,
    named.last_at AS end,
    toUInt32(intDiv(toUnixTimestamp64Milli(end) - toUnixTimestamp64Milli(start), 1000)) AS seconds,
    toUInt32(named.hits) AS events,
    toUInt32(length(named.run_pages)) AS pages,
    named.run_pages[1] AS entry,
    named.run_pages[-1] AS exit,
    named.origin.referrer AS referrer,
    named.origin.utm_source AS utm_source,
    named.origin.utm_medium AS utm_medium,
    named.origin.utm_campaign AS utm_campaign,
    if(origin_channels.acquisition = '', 'other', origin_channels.acquisition) AS acquisition,
    toUInt32(arrayCount(at -> ((at >= start) AND ((intDiv(toUnixTimestamp64Milli(at), 1000) - intDiv(toUnixTimestamp64Milli(end), 1000)) <= timeout)), wins.times)) AS conversions,
    toBool(conversions > 0) AS converted
FROM named
LEFT JOIN origin_channels ON (origin_channels.source = lowerUTF8(named.origin.utm_source)) AND (origin_channels.medium = lowerUTF8(named.origin.utm_medium)) AND (origin_channels.referrer = lowerUTF8(cutQueryStringAndFragment(named.origin.referrer)))
LEFT JOIN wins ON wins.person = named.person
SETTINGS join_use_nulls = 0;

CREATE TABLE survey_day
(
    `day` Date COMMENT 'Day of the answers, UTC' CODEC(Delta(2), ZSTD(1)),
    `channel` LowCardinality(String) COMMENT 'Where it was asked: survey, email, web, support, ...',
    `source` LowCardinality(String) COMMENT 'Which write key or file mapping the answers came with',
    `campaign` LowCardinality(String) COMMENT 'utm_campaign of the events; empty when there is none',
    `survey` LowCardinality(String) COMMENT 'What was asked: nps, csat, review, or other',
    `responses` SimpleAggregateFunction(sum, UInt64) COMMENT 'Answers with a score that is on the scale, of humans' CODEC(T64, ZSTD(1)),
    `promoters` SimpleAggregateFunction(sum, UInt64) COMMENT 'nps: scores of 9 and 10' CODEC(T64, ZSTD(1)),
    `passives` SimpleAggregateFunction(sum, UInt64) COMMENT 'nps: scores over 6 and under 9' CODEC(T64, ZSTD(1)),
    `detractors` SimpleAggregateFunction(sum, UInt64) COMMENT 'nps: scores up to 6' CODEC(T64, ZSTD(1)),
    `satisfied` SimpleAggregateFunction(sum, UInt64) COMMENT 'csat and review: the upper two of five steps (4 and 5 of 5; scores of 0.8 of the scale and more)' CODEC(T64, ZSTD(1)),
    `score_sum` SimpleAggregateFunction(sum, Float64) COMMENT 'Sum of the scores, in the scale they came in' CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (day, channel, survey, source, campaign)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Sums of survey answers and reviews (one row per day, channel, survey, source and campaign, once merged)';

CREATE MATERIALIZED VIEW survey_day_mv TO survey_day
(
    `day` Date COMMENT 'Day of the answers, UTC',
    `channel` LowCardinality(String) COMMENT 'Where it was asked: survey, email, web, support, ...',
    `source` LowCardinality(String) COMMENT 'Which write key or file mapping the answers came with',
    `campaign` LowCardinality(String) COMMENT 'utm_campaign of the events; empty when there is none',
    `survey` LowCardinality(String) COMMENT 'What was asked: nps, csat, review, or other',
    `responses` SimpleAggregateFunction(sum, UInt64) COMMENT 'Answers with a score that is on the scale, of humans',
    `promoters` SimpleAggregateFunction(sum, UInt64) COMMENT 'nps: scores of 9 and 10',
    `passives` SimpleAggregateFunction(sum, UInt64) COMMENT 'nps: scores over 6 and under 9',
    `detractors` SimpleAggregateFunction(sum, UInt64) COMMENT 'nps: scores up to 6',
    `satisfied` SimpleAggregateFunction(sum, UInt64) COMMENT 'csat and review: the upper two of five steps (4 and 5 of 5; scores of 0.8 of the scale and more)',
    `score_sum` SimpleAggregateFunction(sum, Float64) COMMENT 'Sum of the scores, in the scale they came in'
)
COMMENT 'Feeds survey_day from inserts into events'
AS WITH
    lower(concat(toString(name), ' ', content_id, ' ', properties['survey_id'], ' ', properties['survey'], ' ', properties['survey_type'])) AS asked,
    multiIf(kind = 'review', 'review', (position(asked, 'nps') > 0) OR (position(asked, 'promoter') > 0), 'nps', (position(asked, 'csat') > 0) OR (position(asked, 'satisf') > 0), 'csat', 'other') AS which,
    toFloat64(assumeNotNull(score)) AS points,
    toFloat64OrZero(properties['scale']) AS stated,
    multiIf(which = 'nps', 10, (stated > 0) AND isFinite(stated), stated, 5) AS scale
SELECT
    toDate(ts) AS day,
    channel,
    source,
    utm_campaign AS campaign,
    which AS survey,
    count() AS responses,
    sum((which = 'nps') AND (points >= 9)) AS promoters,
    sum((which = 'nps') AND (points > 6) AND (points < 9)) AS passives,
    sum((which = 'nps') AND (points <= 6)) AS detractors,
    sum((which IN ('csat', 'review')) AND ((points / scale) >= 0.8)) AS satisfied,
    sum(points) AS score_sum
FROM events
WHERE (kind IN ('survey_response', 'review')) AND (machine = '') AND isNotNull(score) AND (points >= 0) AND (points <= scale)
GROUP BY
    day,
    channel,
    source,
    campaign,
    survey;

CREATE VIEW tier_history
(
    `person_id` String COMMENT 'The person, as known then',
    `at` DateTime64(3, 'UTC') COMMENT 'When it changed, UTC; of a replayed row the end of the day',
    `from_tier` UInt8 COMMENT 'Tier before; 0 when there was none',
    `from_segment` String COMMENT 'Micro-segment before; empty when there was none',
    `tier` UInt8 COMMENT 'Tier from then on; 0: not known, or no longer a person of its own',
    `micro_segment` String COMMENT 'Micro-segment from then on; empty when there is none',
    `score` Float64 COMMENT 'Score then, 0..100',
    `criteria_met` Array(String) COMMENT 'Names of the criteria met then',
    `lifecycle` Array(String) COMMENT 'Lifecycle segments then',
    `reasons` Array(Tuple(
        name String,
        points Float64,
        text String)) COMMENT 'What the score was made of then',
    `features` Array(Float64) COMMENT 'The features that were judged, in the order of feature_names of those definitions; nan is unknown',
    `definitions` UInt32 COMMENT 'Version of the definitions that decided',
    `replayed` Bool COMMENT 'Computed later, as of the end of that day'
)
COMMENT 'Changes of tier and micro-segment (one row per person and change)'
AS SELECT
    person_id,
    at,
    from_tier,
    from_segment,
    tier,
    micro_segment,
    score,
    criteria_met,
    lifecycle,
    reasons,
    features,
    definitions,
    replayed
FROM
(
    SELECT
        *,
        lagInFrame(tier, 1, 0) OVER person AS from_tier,
        lagInFrame(toString(micro_segment), 1, '') OVER person AS from_segment
    FROM tier_observations
    FINAL
    WINDOW person AS (PARTITION BY person_id ORDER BY at ASC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
WHERE (tier != from_tier) OR (micro_segment != from_segment);

CREATE TABLE tier_observations
(
    `person_id` String COMMENT 'The person, as known then' CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') COMMENT 'When it was seen, UTC; of one person later rows have later times' CODEC(Delta(8), ZSTD(1)),
    `version` UInt64 COMMENT 'Number of the evaluation' CODEC(Delta(8), ZSTD(1)),
    `tier` UInt8 COMMENT '2, 1, or 0: not known, or no longer a person of its own' CODEC(ZSTD(1)),
    `micro_segment` LowCardinality(String) COMMENT 'Which part of the tier; empty when it has none',
    `score` Float64 COMMENT 'Score then, 0..100' CODEC(ZSTD(1)),
    `criteria_met` Array(String) COMMENT 'Names of the criteria met then' CODEC(ZSTD(1)),
    `lifecycle` Array(String) COMMENT 'Lifecycle segments then' CODEC(ZSTD(1)),
    `reasons` Array(Tuple(
        name String,
        points Float64,
        text String)) COMMENT 'What the score was made of' CODEC(ZSTD(1)),
    `features` Array(Float64) COMMENT 'The features that were judged, in the order of feature_names of those definitions; nan is unknown' CODEC(ZSTD(1)),
    `definitions` UInt32 COMMENT 'Version of the definitions that decided' CODEC(ZSTD(1)),
    `replayed` Bool COMMENT 'Computed later, as of the end of that day' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(at)
ORDER BY (person_id, at)
SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'States written down because they differed from the last one (one row per person and moment); tier_history reads it';

CREATE TABLE tier_progress
(
    `name` String COMMENT 'touched: the queue of news' CODEC(ZSTD(1)),
    `version` UInt64 COMMENT 'Counts the rows of a name' CODEC(ZSTD(1)),
    `block` UInt64 COMMENT 'Last block number of touched_ids that was evaluated' CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') COMMENT 'Latest time in touched_ids that was evaluated, UTC' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800, index_granularity = 8192
COMMENT 'How far the evaluation of tiers has come (one row per name, once merged)';

CREATE TABLE tier_replay
(
    `person_id` String COMMENT 'The person: a user id, or an anonymous id nobody has claimed' CODEC(ZSTD(1)),
    `version` UInt64 COMMENT 'Number of the evaluation, counted up over all people' CODEC(Delta(8), ZSTD(1)),
    `is_deleted` UInt8 COMMENT '1: no person any more, the id belongs to somebody else' CODEC(ZSTD(1)),
    `evaluated_at` DateTime64(3, 'UTC') COMMENT 'The moment as of which this is, UTC' CODEC(Delta(8), ZSTD(1)),
    `definitions` UInt32 COMMENT 'Version of the definitions that decided' CODEC(ZSTD(1)),
    `features` Array(Float64) COMMENT 'The features that were judged, in the order of feature_names of the definitions; nan is unknown' CODEC(ZSTD(1)),
    `criteria_met` Array(String) COMMENT 'Names of the criteria that are met, in the order of the definitions' CODEC(ZSTD(1)),
    `tier` UInt8 COMMENT '2: behaves like a buyer; 1: known, below that; 0: not known yet' CODEC(ZSTD(1)),
    `micro_segment` LowCardinality(String) COMMENT 'Which part of the tier; empty when it has none',
    `lifecycle` Array(String) COMMENT 'Lifecycle segments, in the order of the definitions' CODEC(ZSTD(1)),
    `score` Float64 COMMENT 'Sum of the points of reasons, 0..100' CODEC(ZSTD(1)),
    `reasons` Array(Tuple(
        name String,
        points Float64,
        text String)) COMMENT 'What the score is made of: points of criteria, and negative ones of context rules; eighths of a point, so that they add up exactly' CODEC(ZSTD(1)),
    `action_required` String COMMENT 'What should happen next; empty when nothing' CODEC(ZSTD(1)),
    `since` DateTime64(3, 'UTC') COMMENT 'When the person came into this tier and micro-segment, UTC; first seen when they never had one' CODEC(Delta(8), ZSTD(1)),
    `previous_tier` UInt8 COMMENT 'Tier before since' CODEC(ZSTD(1)),
    `previous_segment` LowCardinality(String) COMMENT 'Micro-segment before since',
    `due_at` DateTime64(3, 'UTC') COMMENT 'When the state may change with no new event, UTC: windows move on, days since something grow' CODEC(Delta(8), ZSTD(1)),
    `known` Bool COMMENT 'Whether the person has a user id or traits' CODEC(ZSTD(1)),
    `first_seen` DateTime64(3, 'UTC') COMMENT 'First human event of engagement, UTC' CODEC(Delta(8), ZSTD(1)),
    `last_seen` DateTime64(3, 'UTC') COMMENT 'Last human event of engagement, UTC' CODEC(Delta(8), ZSTD(1)),
    `last_action_at` DateTime64(3, 'UTC') COMMENT 'Last thing the person did, UTC; 1970 when never' CODEC(Delta(8), ZSTD(1)),
    `first_purchase_at` DateTime64(3, 'UTC') COMMENT 'First purchase, UTC; 1970 when never' CODEC(Delta(8), ZSTD(1)),
    `last_purchase_at` DateTime64(3, 'UTC') COMMENT 'Last purchase, UTC; 1970 when never' CODEC(Delta(8), ZSTD(1)),
    `revenue_365d` Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of the last 365 days, by currency, in its units' CODEC(ZSTD(1)),
    `revenue_total` Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of all history, by currency, in its units' CODEC(ZSTD(1)),
    `distinct_ids` Array(String) COMMENT 'All ids of the person' CODEC(ZSTD(1)),
    INDEX by_version version TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY person_id
SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'States while the past is replayed (one row per person, once merged)';

CREATE TABLE touched_edges
(
    `at` DateTime64(3, 'UTC') COMMENT 'When the row was written, UTC' CODEC(Delta(8), ZSTD(1)),
    `distinct_id` String COMMENT 'The id that was seen with user_id' CODEC(ZSTD(1)),
    `user_id` String COMMENT 'The user' CODEC(ZSTD(1)),
    `first_at` DateTime64(3, 'UTC') COMMENT 'First evidence among the rows that came, UTC' CODEC(Delta(8), ZSTD(1))
)
ENGINE = MergeTree
ORDER BY at
TTL toDateTime(at) + toIntervalDay(2)
SETTINGS enable_block_number_column = 1, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 0, replicated_deduplication_window = 0, index_granularity = 8192
COMMENT 'Pairs of ids that came into identity_edges in the last two days (a queue: one row per pair and insert)';

CREATE MATERIALIZED VIEW touched_edges_mv TO touched_edges
(
    `at` DateTime64(3, 'UTC') COMMENT 'When the row was written, UTC',
    `distinct_id` String COMMENT 'The id that was seen with user_id',
    `user_id` String COMMENT 'The user',
    `first_at` DateTime64(3, 'UTC') COMMENT 'First evidence among the rows that came, UTC'
)
COMMENT 'Feeds touched_edges from inserts into identity_edges'
AS SELECT
    nowInBlock64(3, 'UTC') AS at,
    distinct_id,
    user_id,
    first_at
FROM identity_edges;

CREATE TABLE touched_ids
(
    `at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the news came, UTC: the start of the insert' CODEC(Delta(8), ZSTD(1)),
    `distinct_id` String COMMENT 'Id with new events, or whose person has changed' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY at
TTL toDateTime(at) + toIntervalDay(2)
SETTINGS enable_block_number_column = 1, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 0, replicated_deduplication_window = 0, index_granularity = 8192
COMMENT 'Ids with news of the last two days: the queue of the tiers\' evaluation (one row per id and insert)';

CREATE MATERIALIZED VIEW touched_ids_mv TO touched_ids
(
    `distinct_id` String COMMENT 'Id with new events'
)
COMMENT 'Feeds touched_ids from inserts into events'
AS SELECT DISTINCT distinct_id
FROM events
WHERE (machine = '') AND (distinct_id != '');

CREATE TABLE verifications
(
    `at` DateTime64(3, 'UTC') COMMENT 'When it ended, UTC',
    `from_day` Date COMMENT 'First day that was compared, UTC',
    `to_day` Date COMMENT 'The day after the last one, UTC',
    `days` UInt32 COMMENT 'Days with events or receipts in between',
    `events` UInt64 COMMENT 'Events stored for these days, each once',
    `sums` UInt64 COMMENT 'Numbers that were compared',
    `differences` UInt32 COMMENT 'Numbers that were not what they should be',
    `details` String COMMENT 'The first of them, a line each; empty when there are none',
    `took` Float64 COMMENT 'Seconds it took',
    `whole` UInt8 COMMENT '1 when it compared every month there is'
)
ENGINE = MergeTree
ORDER BY at
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'What livello verify found (one row per run)';

CREATE TABLE visit_day
(
    `distinct_id` String COMMENT 'User id, or anonymous id of a visitor who is not logged in' CODEC(ZSTD(1)),
    `day` Date COMMENT 'Day of the hits, UTC' CODEC(Delta(2), ZSTD(1)),
    `hits` SimpleAggregateFunction(groupArrayArray, Array(Tuple(
        at DateTime64(3, 'UTC'),
        page String,
        utm_source String,
        utm_medium String,
        utm_campaign String,
        referrer String))) COMMENT 'Human events on channels web and app, in no order: when, path of a page view, campaign parameters, address of another site that led here' CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (day, distinct_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Hits on web and app per id and day, from which sessions are cut (one row per distinct_id and day, once merged)';

CREATE MATERIALIZED VIEW visit_day_mv TO visit_day
(
    `distinct_id` String COMMENT 'User id, or anonymous id of a visitor who is not logged in',
    `day` Date COMMENT 'Day of the hits, UTC',
    `hits` SimpleAggregateFunction(groupArrayArray, Array(Tuple(
        at DateTime64(3, 'UTC'),
        page String,
        utm_source String,
        utm_medium String,
        utm_campaign String,
        referrer String))) COMMENT 'Human events on channels web and app, in no order: when, path of a page view, campaign parameters, address of another site that led here'
)
COMMENT 'Feeds visit_day from inserts into events'
AS SELECT
    distinct_id,
    toDate(ts) AS day,
    groupArray((ts, if(kind = 'page_view', multiIf(path != '', path, name != '', toString(name), '/'), ''), toString(utm_source), toString(utm_medium), toString(utm_campaign), if((referrer = '') OR (domain(referrer) = domain(url)), '', referrer))) AS hits
FROM events
WHERE (machine = '') AND (channel IN ('web', 'app')) AND (kind NOT IN ('identify', 'group', 'alias'))
GROUP BY
    distinct_id,
    day;

CREATE VIEW visit_terms_between
COMMENT 'Visits by day (one row per day and term; parameters from and to)'
AS SELECT
    toDate(start) AS day,
    'web' AS channel,
    tupleElement(item, 1) AS term,
    toFloat64(sum(tupleElement(item, 2))) AS amount,
    '' AS problem
FROM sessions_between(`from` = toDateTime64({from:Date}, 3, 'UTC'), to = toDateTime64({to:Date}, 3, 'UTC'), person = '')
ARRAY JOIN [('session:count', toUInt64(1)), ('session:seconds', toUInt64(seconds)), ('session:pages', toUInt64(pages)), ('session:converted', toUInt64(converted))] AS item
GROUP BY
    day,
    term
HAVING amount > 0;

