-- Evidence that two ids are one person, as events brought it. Nothing is decided here: person_ids decides on reading, so a
-- wrong join is undone by changing what is read, never by rewriting history.
--
-- How rows merge: evidence adds up, first_at takes the least, last_at the greatest, per key. A reader groups.
-- ORDER BY (distinct_id, user_id, kind, month): the question is "whose is this id".
-- PARTITION BY month, which is in the key for that: edges are recomputed for the same months as the other rollups.
CREATE TABLE IF NOT EXISTS identity_edges /*ON CLUSTER*/
(
    distinct_id String                                             COMMENT 'The id that was joined: an anonymous id, or the previous id of an alias' CODEC(ZSTD(1)),
    user_id     String                                             COMMENT 'The user it was seen with' CODEC(ZSTD(1)),
    kind        LowCardinality(String)                             COMMENT 'What the evidence is: identify (an event carried both ids) or alias (a message said so)',
    month       Date                                               COMMENT 'First day of the month of the evidence, UTC' CODEC(ZSTD(1)),
    first_at    SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'First evidence in the month, UTC' CODEC(Delta(8), ZSTD(1)),
    last_at     SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last evidence in the month, UTC' CODEC(Delta(8), ZSTD(1)),
    evidence    SimpleAggregateFunction(sum, UInt64)               COMMENT 'Events that say so' CODEC(T64, ZSTD(1))
)
ENGINE = /*Replicated*/AggregatingMergeTree
PARTITION BY toYYYYMM(month)
ORDER BY (distinct_id, user_id, kind, month)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Evidence that two ids are one person (one row per pair, kind of evidence and month, once merged)'
