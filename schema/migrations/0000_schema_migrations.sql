-- The migrator's own book: what was started, what was finished, with which text, by which binary.
--
-- How rows merge: a run of a file is one key; the row that says how it ended replaces the row that says it began (a reader
-- says FINAL). A row that stays "started" is a run that was cut off.
-- ORDER BY: the few rows there are, in the order of the files. No partitions, no codecs: it holds tens of rows.
CREATE TABLE IF NOT EXISTS schema_migrations /*ON CLUSTER*/
(
    kind       LowCardinality(String) COMMENT 'migration or view',
    version    UInt32                 COMMENT 'Number of the file: of a migration its version, of a view its place in the order of creation',
    name       String                 COMMENT 'Name of the file without number and ending; of a view its name',
    checksum   String                 COMMENT 'SHA-256 of the file, hexadecimal',
    state      LowCardinality(String) COMMENT 'started, applied, failed or dropped (a view that is no longer part of livello)',
    started_at DateTime64(3, 'UTC')   COMMENT 'When the statement was begun, UTC',
    applied_at DateTime64(3, 'UTC')   COMMENT 'When it was done, UTC; 1970 while it is not',
    error      String                 COMMENT 'What ClickHouse said, when the state is failed',
    binary     String                 COMMENT 'Version of the program that did it'
)
ENGINE = /*Replicated*/ReplacingMergeTree
ORDER BY (kind, version, name, started_at)
COMMENT 'What the migrator did (one row per run of a file, with FINAL)'
