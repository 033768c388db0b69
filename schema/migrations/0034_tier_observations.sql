-- What tier_history is made of: states that were written down because they differed from the last one written. tier_history leaves out the
-- rows that say the same as the row before them, so a row that is written twice, or one that a replay of the past puts a better row before, does no harm.
-- Features and reasons are those of the moment: what comes later never changes a row.
--
-- How rows merge: the greatest version of one (person_id, at) stays.
-- ORDER BY (person_id, at): a person's last row is what each evaluation asks for. PARTITION BY month: questions about entering have a period.
CREATE TABLE IF NOT EXISTS tier_observations /*ON CLUSTER*/
(
    person_id     String                                                 COMMENT 'The person, as known then' CODEC(ZSTD(1)),
    at            DateTime64(3, 'UTC')                                   COMMENT 'When it was seen, UTC; of one person later rows have later times' CODEC(Delta(8), ZSTD(1)),
    version       UInt64                                                 COMMENT 'Number of the evaluation' CODEC(Delta(8), ZSTD(1)),
    tier          UInt8                                                  COMMENT '2, 1, or 0: not known, or no longer a person of its own' CODEC(ZSTD(1)),
    micro_segment LowCardinality(String)                                 COMMENT 'Which part of the tier; empty when it has none',
    score         Float64                                                COMMENT 'Score then, 0..100' CODEC(ZSTD(1)),
    criteria_met  Array(String)                                          COMMENT 'Names of the criteria met then' CODEC(ZSTD(1)),
    lifecycle     Array(String)                                          COMMENT 'Lifecycle segments then' CODEC(ZSTD(1)),
    reasons       Array(Tuple(name String, points Float64, text String)) COMMENT 'What the score was made of' CODEC(ZSTD(1)),
    features      Array(Float64)                                         COMMENT 'The features that were judged, in the order of feature_names of those definitions; nan is unknown' CODEC(ZSTD(1)),
    definitions   UInt32                                                 COMMENT 'Version of the definitions that decided' CODEC(ZSTD(1)),
    replayed      Bool                                                   COMMENT 'Computed later, as of the end of that day' CODEC(ZSTD(1))
)
ENGINE = /*Replicated*/ReplacingMergeTree(version)
PARTITION BY toYYYYMM(at)
ORDER BY (person_id, at)
SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'States written down because they differed from the last one (one row per person and moment); tier_history reads it'
