-- The latest value of each trait of each id, from identify messages.
--
-- How rows merge: of one (distinct_id, trait) the row with the latest "at" stays, of equal ones the one that arrived last. A
-- reader says FINAL. (A late identify with an old timestamp does not overwrite a newer value.)
-- ORDER BY (distinct_id, trait): traits are read per person. PARTITION BY the month they were told, as the other rollups
-- FINAL looks across partitions.
CREATE TABLE IF NOT EXISTS person_traits /*ON CLUSTER*/
(
    distinct_id String                 COMMENT 'User id, or anonymous id when identify came without one' CODEC(ZSTD(1)),
    trait       LowCardinality(String) COMMENT 'Name of the trait, nested names joined by dots: email, name, company.size, ...',
    value       String                 COMMENT 'Its value as text' CODEC(ZSTD(1)),
    at          DateTime64(3, 'UTC')   COMMENT 'When it was told, UTC' CODEC(Delta(8), ZSTD(1))
)
ENGINE = /*Replicated*/ReplacingMergeTree(at)
PARTITION BY toYYYYMM(at)
ORDER BY (distinct_id, trait)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Latest traits per id (one row per distinct_id and trait with FINAL)'
