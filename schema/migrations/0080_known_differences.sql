-- What is known to be wrong: the numbers that a verification found not to be what they should be and that no later one found right. A verification
-- looks at some days, so what another one found of other days stays as it is here until these are compared again.
--
-- How rows merge: of a table, day and service the row of the comparison that began last stays; a reader says FINAL and leaves out numbers = 0.
-- ORDER BY (table_name, day, service): that is what a row is. PARTITION BY nothing: a sound warehouse has none.
CREATE TABLE IF NOT EXISTS known_differences /*ON CLUSTER*/
(
    table_name LowCardinality(String) COMMENT 'Table that differs from what it is made from; spool: accepted events that are in no table',
    day        Date                   COMMENT 'Day of the events, UTC; of a table that is kept by month the first of it; of the spool the day of acceptance',
    service    String                 COMMENT 'Of the spool, with a ClickHouse server: service.id of the data folder that holds it; otherwise empty',
    numbers    UInt32                 COMMENT 'How many numbers differ; 0: compared again and found right',
    details    String                 COMMENT 'The first of them, with what was expected and found; empty when there are none',
    since      DateTime64(3, 'UTC')   COMMENT 'When the first verification that found it began, UTC',
    at         DateTime64(3, 'UTC')   COMMENT 'When the verification that wrote this began, UTC'
)
ENGINE = /*Replicated*/ReplacingMergeTree(at)
ORDER BY (table_name, day, service)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Numbers that are known to be wrong (one row per table, day and service with FINAL; 0 numbers: right again)'
