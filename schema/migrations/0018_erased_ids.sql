-- The ids of people who are being erased, for as long as that takes: statements say "IN (SELECT id ...)", so that an id stands in
-- no statement, and so in no log and in no mutation's text. Emptied when the erasure is done.
--
-- How rows merge: the same id noted twice is one row. ORDER BY (request, id): read per erasure. PARTITION BY request: dropped
-- whole when it is done. old_parts_lifetime: what is emptied is gone from the disk at once, not after 8 minutes.
CREATE TABLE IF NOT EXISTS erased_ids /*ON CLUSTER*/
(
    request UUID   COMMENT 'The erasure: erasures.request',
    id      String COMMENT 'An id of the person'
)
ENGINE = /*Replicated*/ReplacingMergeTree
PARTITION BY request
ORDER BY (request, id)
SETTINGS index_granularity = 1024, old_parts_lifetime = 1, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Ids of people who are being erased now; otherwise empty'
