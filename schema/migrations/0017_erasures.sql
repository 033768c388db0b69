-- Who was erased, when, by whom, and how much of them there was: the certificate of each erasure, and while one is going on
-- how far it is. It holds no id, only salted hashes whose salt is in the data folder.
--
-- How rows merge: of one request the row with the greatest step stays (a reader says FINAL). State begun is an erasure that is
-- going on, or was cut off and goes on at the next start of the service.
-- ORDER BY request: it is looked up by nothing else. PARTITION BY nothing: there are few. No TTL: it is the proof.
CREATE TABLE IF NOT EXISTS erasures /*ON CLUSTER*/
(
    request     UUID                                COMMENT 'Identity of the erasure',
    state       LowCardinality(String)              COMMENT 'begun or done',
    step        UInt32                              COMMENT 'Grows with every step that is done',
    begun_at    DateTime64(3, 'UTC')                COMMENT 'When it was asked for, UTC',
    at          DateTime64(3, 'UTC')                COMMENT 'When this state was reached, UTC',
    person_hash String                              COMMENT 'SHA-256 of the salt and the id that was asked for, hexadecimal',
    id_hashes   Array(String)                       COMMENT 'The same of every id of the person',
    removed     Map(LowCardinality(String), UInt64) COMMENT 'Rows removed, per table',
    changed     Map(LowCardinality(String), UInt64) COMMENT 'Rows that stay without the id: of others in events, sums in channel_hour',
    remaining   Array(String)                       COMMENT 'Files that may still hold the id, and need a decision of the operator',
    requested_by String                             COMMENT 'Who asked: over HTTP with the admin key, or the user of the command line'
)
ENGINE = /*Replicated*/ReplacingMergeTree(step)
ORDER BY request
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Certificates of erased people (one row per erasure with FINAL)'
