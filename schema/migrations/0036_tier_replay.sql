-- States while the past is replayed, which goes through days as the live evaluation goes through time. Emptied when a replay begins and when it ends.
--
-- How rows merge, ORDER BY and PARTITION BY: as in person_states.
CREATE TABLE IF NOT EXISTS tier_replay /*ON CLUSTER*/ AS person_states
ENGINE = /*Replicated*/ReplacingMergeTree(version, is_deleted)
ORDER BY person_id
SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'States while the past is replayed (one row per person, once merged)'
