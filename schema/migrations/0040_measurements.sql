-- What is measured rather than done by somebody: ad spend of a campaign and day, followers of an account today, exchange rates.
--
-- How rows merge: of rows with the same kind, channel, campaign, ts and source the one received last stays, so that sending a
-- measurement again changes nothing and sending another value corrects it. A reader says FINAL.
-- ORDER BY (kind, channel, campaign, ts, source): that identity, the kind first, because readers ask for kinds over a period.
-- PARTITION BY month: a period reads its months. There are as many rows as days, campaigns and sources, not as events.
CREATE TABLE IF NOT EXISTS measurements /*ON CLUSTER*/
(
    kind        LowCardinality(String) COMMENT 'What was measured: ad_spend, cost, impressions, followers, ..., exchange_rate',
    channel     LowCardinality(String) COMMENT 'Where it belongs: ads, email, social.facebook, ...; empty when to no channel',
    campaign    LowCardinality(String) COMMENT 'Which campaign; empty when to none. Of exchange_rate the pair of currencies, such as USD/EUR',
    ts          DateTime64(3, 'UTC')   COMMENT 'What time it is about (not when it was sent): of daily figures the start of the day, UTC' CODEC(Delta(8), ZSTD(1)),
    value       Decimal(38, 12)        COMMENT 'How much: units of currency for money, else a number' CODEC(ZSTD(1)),
    currency    LowCardinality(String) COMMENT 'Currency of value, ISO 4217; empty when it is no money. Of exchange_rate the one that is converted',
    source      LowCardinality(String) COMMENT 'Which write key or file mapping it came with',
    received_at DateTime64(3, 'UTC')   COMMENT 'When the service received it, UTC; the latest of the same identity counts' CODEC(Delta(8), ZSTD(1))
)
ENGINE = /*Replicated*/ReplacingMergeTree(received_at)
PARTITION BY toYYYYMM(ts)
ORDER BY (kind, channel, campaign, ts, source)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'What was measured, the newest value of each (one row per kind, channel, campaign, ts and source, once merged)'
