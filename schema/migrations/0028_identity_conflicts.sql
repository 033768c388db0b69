-- Evidence that two ids are one person, and why it was not followed. FINAL shows those that stand now; evidence and times of the
-- pair are in identity_edges.
--
-- How rows merge: the row with the greatest at counts, and with FINAL one that says resolved is none.
-- ORDER BY (distinct_id, user_id): the resolver asks per id what it had refused. No PARTITION BY: rows of a pair have to meet.
CREATE TABLE IF NOT EXISTS identity_conflicts /*ON CLUSTER*/
(
    distinct_id String                 COMMENT 'The id that was not joined' CODEC(ZSTD(1)),
    user_id     String                 COMMENT 'The user it was seen with; empty when it is about all of them (too_many_users)' CODEC(ZSTD(1)),
    reason      LowCardinality(String) COMMENT 'another_user: the id belongs to a user it was seen with earlier, as on a shared device; too_many_users: seen with so many that it is nobody''s; role_address: an id such as info@ that many share; too_large: the person would have too many ids; split: taken out by hand',
    first_at    DateTime64(3, 'UTC')   COMMENT 'First evidence, UTC' CODEC(Delta(8), ZSTD(1)),
    at          DateTime64(3, 'UTC')   COMMENT 'When this was found; the greatest counts; UTC' CODEC(Delta(8), ZSTD(1)),
    resolved    UInt8                  COMMENT '1: it is no conflict any more; FINAL leaves the row out' CODEC(ZSTD(1))
)
ENGINE = /*Replicated*/ReplacingMergeTree(at, resolved)
ORDER BY (distinct_id, user_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Evidence of identity that was not followed, and why (one row per pair of ids, with FINAL)'
