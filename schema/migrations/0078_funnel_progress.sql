-- How far the computation of person_term_days is with everything that no day says: one row, so ORDER BY a constant and no PARTITION BY. Without
-- it all days are computed. It is written when the days that follow from it are asked for in recomputations, so a crash loses nothing.
CREATE TABLE IF NOT EXISTS funnel_progress /*ON CLUSTER*/
(
    one           UInt8                COMMENT 'Always 1: there is one row',
    at            DateTime64(3, 'UTC') COMMENT 'When it was written, UTC; the greatest counts',
    until         Date                 COMMENT 'Last day that was computed or asked for, UTC: on the next one fewer people were there within a month, even when nothing happens',
    definitions   UInt32               COMMENT 'Version of the definitions that the days know or were asked for again with',
    identities_at DateTime64(3, 'UTC') COMMENT 'Greatest at of person_map that was seen, UTC',
    identities    UInt64               COMMENT 'Rows of person_map of the ten seconds up to that at: one INSERT may become visible in parts, and of two resolvers one may be a little behind',
    rates         UInt64               COMMENT 'Sum of hashes of the rates that were seen, modulo 2^64'
)
ENGINE = /*Replicated*/ReplacingMergeTree(at)
ORDER BY one
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'How far person_term_days follows identities, definitions and rates (one row, with FINAL)'
