-- Terms of metrics that ask for whole people (customers, who came back, who was active in a month), by day: what person_terms_between
-- answers, kept, because it reads everybody who was there and a dashboard asks for it again and again. The service computes days
-- again when something came for them (package funnel).
--
-- How rows merge: of a day, channel and term the row computed last stays; a reader says FINAL. A term that is gone has amount 0.
-- ORDER BY (day, term, channel): every question has a period. PARTITION BY nothing: a few rows a day.
CREATE TABLE IF NOT EXISTS person_term_days /*ON CLUSTER*/
(
    day         Date                   COMMENT 'Day the amount belongs to, UTC; 1970-01-01 is the book of the computation itself' CODEC(Delta(2), ZSTD(1)),
    channel     LowCardinality(String) COMMENT 'Where it happened; of customers the channel of their first order; empty: people who are active are so on no single channel',
    term        LowCardinality(String) COMMENT 'Which term: person:first_purchases, person:active_days, ... (docs/metrics.md)',
    amount      Float64                COMMENT 'How much; NaN when it cannot be told, see problem' CODEC(ZSTD(1)),
    problem     String                 COMMENT 'Why amount is NaN; empty when it is not' CODEC(ZSTD(1)),
    computed_at DateTime64(3, 'UTC')   COMMENT 'When it was computed, UTC' CODEC(Delta(8), ZSTD(1))
)
ENGINE = /*Replicated*/ReplacingMergeTree(computed_at)
ORDER BY (day, term, channel)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Person-level terms of metrics, kept (one row per day, term and channel, once merged)'
