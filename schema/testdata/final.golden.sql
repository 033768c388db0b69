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

CREATE TABLE events
(
    `event_id` UUID COMMENT 'Identity of the event: messageId when that is a UUID, else UUIDv5 of source and messageId, else of source and content' CODEC(NONE),
    `message_id` String COMMENT 'messageId as sent; empty when it was itself the UUID in event_id' CODEC(ZSTD(1)),
    `type` LowCardinality(String) COMMENT 'Message type of the wire format: track, identify, page, screen, group, alias',
    `kind` LowCardinality(String) COMMENT 'What happened, from our own fixed list (page_view, purchase, ...); identify, group and alias are not engagement',
    `name` LowCardinality(String) COMMENT 'What the sender called the event',
    `ts` DateTime64(3, 'UTC') COMMENT 'When it happened, corrected by the difference of the clocks; UTC, milliseconds' CODEC(Delta(8), ZSTD(1)),
    `received_at` DateTime64(3, 'UTC') COMMENT 'When the service received it; UTC, milliseconds' CODEC(Delta(8), ZSTD(1)),
    `source` LowCardinality(String) COMMENT 'Which write key or file mapping it came with',
    `channel` LowCardinality(String) COMMENT 'Where it happened: web, app, email, chat, phone, store, survey, support, ads, crm, social.facebook, ...',
    `distinct_id` String COMMENT 'The id rollups are kept by: user_id, or anonymous_id when nobody is logged in' CODEC(ZSTD(1)),
    `anonymous_id` String COMMENT 'Device or browser id; empty when the sender gave none' CODEC(ZSTD(1)),
    `user_id` String COMMENT 'Id of the logged-in user; empty when nobody is logged in' CODEC(ZSTD(1)),
    `previous_id` String COMMENT 'alias only: the id that is now user_id' CODEC(ZSTD(1)),
    `account_id` String COMMENT 'Company or group the person acts for; empty when unknown' CODEC(ZSTD(1)),
    `session_id` String COMMENT 'Session as the sender cut it; ours are cut from ts on reading' CODEC(ZSTD(1)),
    `url` String COMMENT 'Full address of the page' CODEC(ZSTD(1)),
    `path` String COMMENT 'Path of the page without host and query' CODEC(ZSTD(1)),
    `referrer` String COMMENT 'Address of the page that led here' CODEC(ZSTD(1)),
    `utm_source` LowCardinality(String) COMMENT 'Campaign parameter: who sent the visitor',
    `utm_medium` LowCardinality(String) COMMENT 'Campaign parameter: by which medium',
    `utm_campaign` LowCardinality(String) COMMENT 'Campaign parameter: which campaign',
    `utm_term` LowCardinality(String) COMMENT 'Campaign parameter: search term',
    `utm_content` LowCardinality(String) COMMENT 'Campaign parameter: which variant',
    `content_id` String COMMENT 'Which whitepaper, video, product, mail or post it was about' CODEC(ZSTD(1)),
    `order_id` String COMMENT 'Order or deal it belongs to' CODEC(ZSTD(1)),
    `value` Decimal(18, 4) COMMENT 'Money, in units of currency; positive for a purchase and for a refund' CODEC(ZSTD(1)),
    `currency` LowCardinality(String) COMMENT 'Currency of value, ISO 4217; empty when there is none',
    `score` Nullable(Float32) COMMENT 'Survey answer or rating, in the scale of the survey; NULL when there is none' CODEC(ZSTD(1)),
    `text` String COMMENT 'What the person wrote: review, comment, chat message, search' CODEC(ZSTD(1)),
    `sentiment` Nullable(Float32) COMMENT 'Sentiment of text, -1 to 1; NULL when nobody rated it' CODEC(ZSTD(1)),
    `user_agent` LowCardinality(String) COMMENT 'User agent as sent',
    `ip` String COMMENT 'Address of the client, IPv4 or IPv6 as text' CODEC(ZSTD(1)),
    `country` LowCardinality(String) COMMENT 'Country, ISO 3166 two letters; empty when unknown',
    `locale` LowCardinality(String) COMMENT 'Language and region of the client, such as it-IT',
    `machine` LowCardinality(String) COMMENT 'Why this is not a human; empty for a human',
    `properties` Map(LowCardinality(String), String) COMMENT 'All other fields of the message, nested keys joined by dots, values as text' CODEC(ZSTD(1)),
    INDEX by_account account_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (distinct_id, ts, event_id)
SETTINGS index_granularity = 2048, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Every accepted event, once, as it came (one row per event)';

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
AS WITH
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
        UNION ALL
        SELECT
            distinct_id,
            first_at,
            last_at,
            first_at,
            last_at,
            false
        FROM account_members
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
        WHERE id != ''
        GROUP BY id
    ),
    accounts AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person,
            argMax(m.account_id, (m.last_at, m.account_id)) AS account
        FROM account_members AS m
        LEFT JOIN person_ids AS p ON p.distinct_id = m.distinct_id
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
        LEFT JOIN person_ids AS p ON p.distinct_id = t.distinct_id
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
        LEFT JOIN person_ids AS p ON p.distinct_id = ids.id
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
    `visits_7d` UInt64 COMMENT 'Visits that started in the last 7 days (30 minutes of inactivity end a visit)',
    `visits_7d_weighted` Float64 COMMENT 'visits_7d, each weighted by 2^(-age in days / 3)',
    `page_views_7d` UInt64 COMMENT 'Page views in the last 7 days',
    `page_views_7d_weighted` Float64 COMMENT 'page_views_7d, each weighted by 2^(-age in days / 3)',
    `downloads_7d` UInt64 COMMENT 'Content downloads in the last 7 days',
    `downloads_7d_weighted` Float64 COMMENT 'downloads_7d, each weighted by 2^(-age in days / 3)',
    `email_opens_7d` UInt64 COMMENT 'Emails opened in the last 7 days (opens, not different mails)',
    `email_opens_7d_weighted` Float64 COMMENT 'email_opens_7d, each weighted by 2^(-age in days / 3)',
    `email_clicks_7d` UInt64 COMMENT 'Clicks in emails in the last 7 days',
    `email_clicks_7d_weighted` Float64 COMMENT 'email_clicks_7d, each weighted by 2^(-age in days / 3)',
    `chats_7d` UInt64 COMMENT 'Chat messages in the last 7 days',
    `chats_7d_weighted` Float64 COMMENT 'chats_7d, each weighted by 2^(-age in days / 3)',
    `forms_7d` UInt64 COMMENT 'Forms submitted in the last 7 days',
    `forms_7d_weighted` Float64 COMMENT 'forms_7d, each weighted by 2^(-age in days / 3)',
    `advanced_interactions_7d` UInt64 COMMENT 'chats_7d + forms_7d',
    `advanced_interactions_7d_weighted` Float64 COMMENT 'chats_7d_weighted + forms_7d_weighted',
    `active_days_30d` UInt8 COMMENT 'Days of the last 30 on which the person did something (not merely was sent or shown something)',
    `carts_30d` UInt64 COMMENT 'Things put into a cart in the last 30 days',
    `purchases_365d` UInt64 COMMENT 'Purchases in the last 365 days',
    `revenue_365d` Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of the last 365 days, by currency, in its units',
    `days_since_last_event` Nullable(Int32) COMMENT 'Days since the person last did something; NULL when never',
    `days_since_last_purchase` Nullable(Int32) COMMENT 'Days since the last purchase; NULL when never',
    `trend` Int64 COMMENT 'Events the person did in the last 7 days less those in the 7 days before',
    `first_seen` DateTime64(3, 'UTC') COMMENT 'First human event of engagement, of all history, UTC',
    `last_seen` DateTime64(3, 'UTC') COMMENT 'Last human event of engagement, UTC'
)
COMMENT 'Rolling features, recent first (one row per person with an event in the last 365 days)'
AS WITH
    toDate(now('UTC')) AS today_utc,
    week AS
    (
        SELECT
            distinct_id AS id,
            groupArrayArray(visit_times) AS times,
            sumIf(page_views, in_7) AS page_views_7,
            sumIf(page_views * weight, in_7) AS page_views_7w,
            sumIf(downloads, in_7) AS downloads_7,
            sumIf(downloads * weight, in_7) AS downloads_7w,
            sumIf(email_opens, in_7) AS email_opens_7,
            sumIf(email_opens * weight, in_7) AS email_opens_7w,
            sumIf(email_clicks, in_7) AS email_clicks_7,
            sumIf(email_clicks * weight, in_7) AS email_clicks_7w,
            sumIf(chats, in_7) AS chats_7,
            sumIf(chats * weight, in_7) AS chats_7w,
            sumIf(forms, in_7) AS forms_7,
            sumIf(forms * weight, in_7) AS forms_7w
        FROM
        (
            SELECT
                *,
                dateDiff('day', day, today_utc) AS age,
                age < 7 AS in_7,
                exp2((-age) / 3) AS weight
            FROM person_day
            WHERE (day >= (today_utc - 7)) AND (day <= today_utc)
        )
        GROUP BY id
    ),
    month AS
    (
        SELECT
            distinct_id AS id,
            groupBitOrIf(bitShiftLeft(toUInt32(1), age), actions > 0) AS active_days,
            sum(carts) AS carts_30,
            toInt64(sumIf(actions, age < 7)) - toInt64(sumIf(actions, (age >= 7) AND (age <= 13))) AS actions_trend
        FROM
        (
            SELECT
                *,
                dateDiff('day', day, today_utc) AS age
            FROM person_day
            WHERE (day >= (today_utc - 29)) AND (day <= today_utc)
        )
        GROUP BY id
    ),
    money AS
    (
        SELECT
            distinct_id AS id,
            sum(purchases) AS purchases_365,
            sumMap(revenue) AS revenue_365
        FROM person_day
        WHERE ((day >= (today_utc - 364)) AND (day <= today_utc)) AND ((purchases > 0) OR notEmpty(revenue))
        GROUP BY id
    ),
    life AS
    (
        SELECT
            distinct_id AS id,
            min(first_at) AS first_event,
            max(last_at) AS last_event,
            max(last_action_at) AS last_action,
            max(last_purchase_at) AS last_purchase
        FROM person_day
        WHERE day <= today_utc
        GROUP BY id
    ),
    persons AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), life.id) AS person,
            arraySort(groupArrayArray(week.times)) AS all_times,
            arrayFilter((at, gap, n) -> (((n = 1) OR (gap > 1800)) AND (toDate(at, 'UTC') > (today_utc - 7))), all_times, arrayDifference(all_times), arrayEnumerate(all_times)) AS visits,
            sum(week.page_views_7) AS page_views_7,
            sum(week.page_views_7w) AS page_views_7w,
            sum(week.downloads_7) AS downloads_7,
            sum(week.downloads_7w) AS downloads_7w,
            sum(week.email_opens_7) AS email_opens_7,
            sum(week.email_opens_7w) AS email_opens_7w,
            sum(week.email_clicks_7) AS email_clicks_7,
            sum(week.email_clicks_7w) AS email_clicks_7w,
            sum(week.chats_7) AS chats_7,
            sum(week.chats_7w) AS chats_7w,
            sum(week.forms_7) AS forms_7,
            sum(week.forms_7w) AS forms_7w,
            bitCount(groupBitOr(month.active_days)) AS active_days_30,
            sum(month.carts_30) AS carts_30,
            sum(month.actions_trend) AS actions_trend,
            sum(money.purchases_365) AS purchases_365,
            sumMap(money.revenue_365) AS revenue_365,
            min(life.first_event) AS first_event,
            max(life.last_event) AS last_event,
            max(life.last_action) AS last_action,
            max(life.last_purchase) AS last_purchase
        FROM life
        LEFT JOIN week ON week.id = life.id
        LEFT JOIN month ON month.id = life.id
        LEFT JOIN money ON money.id = life.id
        LEFT JOIN person_ids AS p ON p.distinct_id = life.id
        GROUP BY person
        HAVING toDate(last_event) > (today_utc - 365)
    )
SELECT
    person AS person_id,
    length(visits) AS visits_7d,
    arraySum(at -> exp2((-dateDiff('day', toDate(at, 'UTC'), today_utc)) / 3), visits) AS visits_7d_weighted,
    page_views_7 AS page_views_7d,
    page_views_7w AS page_views_7d_weighted,
    downloads_7 AS downloads_7d,
    downloads_7w AS downloads_7d_weighted,
    email_opens_7 AS email_opens_7d,
    email_opens_7w AS email_opens_7d_weighted,
    email_clicks_7 AS email_clicks_7d,
    email_clicks_7w AS email_clicks_7d_weighted,
    chats_7 AS chats_7d,
    chats_7w AS chats_7d_weighted,
    forms_7 AS forms_7d,
    forms_7w AS forms_7d_weighted,
    chats_7 + forms_7 AS advanced_interactions_7d,
    chats_7w + forms_7w AS advanced_interactions_7d_weighted,
    active_days_30 AS active_days_30d,
    carts_30 AS carts_30d,
    purchases_365 AS purchases_365d,
    revenue_365 AS revenue_365d,
    if(last_action = 0, NULL, dateDiff('day', toDate(last_action), today_utc)) AS days_since_last_event,
    if(last_purchase = 0, NULL, dateDiff('day', toDate(last_purchase), today_utc)) AS days_since_last_purchase,
    actions_trend AS trend,
    first_event AS first_seen,
    last_event AS last_seen
FROM persons
SETTINGS join_use_nulls = 0;

CREATE VIEW person_ids
(
    `distinct_id` String COMMENT 'An id that belongs to somebody else than itself',
    `person_id` String COMMENT 'The person it belongs to: a user id'
)
COMMENT 'Which person an id belongs to, for ids that are not their own person (one row per such id)'
AS WITH
    earliest AS
    (
        SELECT
            distinct_id AS id,
            argMin(user_id, (first_at, user_id)) AS user
        FROM identity_edges
        GROUP BY id
    ),
    renamed AS
    (
        SELECT
            distinct_id AS old,
            argMin(user_id, (first_at, user_id)) AS new
        FROM identity_edges
        WHERE kind = 'alias'
        GROUP BY old
    )
SELECT
    earliest.id AS distinct_id,
    coalesce(nullIf(renamed.new, ''), earliest.user) AS person_id
FROM earliest
LEFT JOIN renamed ON renamed.old = earliest.user
WHERE person_id != distinct_id
SETTINGS join_use_nulls = 0;

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
    `took` Float64 COMMENT 'Seconds it took'
)
ENGINE = MergeTree
ORDER BY at
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'What livello verify found (one row per run)';

