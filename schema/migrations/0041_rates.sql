-- What a unit of a currency was worth in the currency that money is added up in, by day. Kept from measurements of the kind
-- exchange_rate.
--
-- How rows merge: of rows with the same currency, base and day the one received last stays; a reader says FINAL.
-- ORDER BY (currency, base, day): the question is the last rate of a currency at or before a day. PARTITION BY nothing: a few
-- rows a day.
CREATE TABLE IF NOT EXISTS rates /*ON CLUSTER*/
(
    day         Date                   COMMENT 'Day from which on the rate holds, UTC; it counts for seven days, or until the next one' CODEC(Delta(2), ZSTD(1)),
    currency    LowCardinality(String) COMMENT 'Currency that is converted, ISO 4217',
    base        LowCardinality(String) COMMENT 'Currency that it is converted to, ISO 4217',
    rate        Decimal(38, 12)        COMMENT 'Units of base for one unit of currency' CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC')   COMMENT 'When the service received it, UTC; the latest of a day counts' CODEC(Delta(8), ZSTD(1))
)
ENGINE = /*Replicated*/ReplacingMergeTree(received_at)
ORDER BY (currency, base, day)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Exchange rates (one row per day, currency and base, once merged)'
