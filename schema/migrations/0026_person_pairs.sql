-- Every pair of person and id that person_map ever held: the way from a person to their ids by key.
--
-- How rows merge: equal pairs become one row. A pair may be past: a reader checks it against person_map. The person's own id is not listed.
-- ORDER BY (person_id, distinct_id): the question is "which ids". No PARTITION BY: a pair has no time, and equal ones have to meet.
-- The resolver writes a pair before the row of person_map, so that no id of a person is missing here after a crash.
CREATE TABLE IF NOT EXISTS person_pairs /*ON CLUSTER*/
(
    person_id   String COMMENT 'A person' CODEC(ZSTD(1)),
    distinct_id String COMMENT 'An id that belongs to the person, or once did' CODEC(ZSTD(1))
)
ENGINE = /*Replicated*/ReplacingMergeTree
ORDER BY (person_id, distinct_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Ids that belong to a person or once did; check against person_map (one row per pair, once merged)'
