-- How far the resolver is: one row, so ORDER BY a constant and no PARTITION BY. Without it, or when what it did not see yet has left touched_edges, it begins anew.
CREATE TABLE IF NOT EXISTS identity_progress /*ON CLUSTER*/
(
    one       UInt8                COMMENT 'Always 1: there is one row',
    at        DateTime64(3, 'UTC') COMMENT 'When it was written; no row of person_map has a greater at; UTC',
    block     UInt64               COMMENT 'Every row of touched_edges up to this block number was seen',
    guards    String               COMMENT 'The limits that person_map was decided by; others mean all of it is decided again',
    decisions UInt64               COMMENT 'Rows of identity_decisions that were seen'
)
ENGINE = /*Replicated*/ReplacingMergeTree(at)
ORDER BY one
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'How far person_map follows identity_edges (one row, with FINAL)'
