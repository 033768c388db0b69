-- What happened on each channel in each hour: reach, visits, opens, money, with and without machines.
--
-- How rows merge: rows of one key add up when parts merge. A reader groups and says sum, and uniqCombined64Merge(12) for
-- people: an estimate, exact for small numbers, off by about 1.6 % for large ones.
-- ORDER BY (hour, ...): every question here has a period, dashboards read all channels of it. The table is small (rows grow
-- with hours times combinations, not with events), so the order is chosen for the period alone.
-- PARTITION BY month, as events, so that a month can be recomputed and swapped in.
CREATE TABLE IF NOT EXISTS channel_hour /*ON CLUSTER*/
(
    hour         DateTime('UTC')                               COMMENT 'Start of the hour, UTC' CODEC(Delta(4), ZSTD(1)),
    channel      LowCardinality(String)                        COMMENT 'Where it happened: web, app, email, ...',
    kind         LowCardinality(String)                        COMMENT 'What happened: page_view, purchase, ... (never identify, group, alias)',
    source       LowCardinality(String)                        COMMENT 'Which write key or file mapping the events came with',
    campaign     LowCardinality(String)                        COMMENT 'utm_campaign of the events; empty when there is none',
    currency     LowCardinality(String)                        COMMENT 'Currency of value, ISO 4217; empty when there is none',
    events       SimpleAggregateFunction(sum, UInt64)          COMMENT 'Events, machines included' CODEC(T64, ZSTD(1)),
    human_events SimpleAggregateFunction(sum, UInt64)          COMMENT 'Events of humans' CODEC(T64, ZSTD(1)),
    people       AggregateFunction(uniqCombined64(12), String) COMMENT 'State of the number of different distinct_ids, humans only; read with uniqCombined64Merge(12)' CODEC(ZSTD(1)),
    value        SimpleAggregateFunction(sum, Decimal(38, 4))  COMMENT 'Sum of value of human events, in units of currency; of kind refund it is what was given back' CODEC(ZSTD(1))
)
ENGINE = /*Replicated*/AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, channel, kind, source, campaign, currency)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Sums per hour, channel, kind, source, campaign and currency (one row per combination, once merged)'
