-- What rollups lack of the time before they were there: a rollup that a migration adds counts what comes from then on, and the months that
-- were there before are filled in by the service (trust: Backfiller), one after the other.
--
-- How rows merge: of a rollup and month the row that says it is done stays; a reader says FINAL. The row of month 1970-01-01 says that
-- somebody looked what the rollup lacks, once and for all: a rollup without one came with the last migration.
-- ORDER BY (rollup, month): that is what a row is. No PARTITION BY: a few rows a month of history, written with all of a rollup in one INSERT,
-- so that nothing is half noted.
CREATE TABLE IF NOT EXISTS backfills /*ON CLUSTER*/
(
    rollup LowCardinality(String) COMMENT 'Table that a materialized view feeds from events',
    month  Date                   COMMENT 'First day of the month that it lacks, UTC; 1970-01-01 is the note that its months were looked for',
    done   UInt8                  COMMENT '1 when the month was filled in, and on the note; 0 while it is to be done',
    at     DateTime64(3, 'UTC')   COMMENT 'When this was written, UTC'
)
ENGINE = /*Replicated*/ReplacingMergeTree(done)
ORDER BY (rollup, month)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Months of history that rollups lack, which came later than the events (one row per rollup and month, once merged)'
