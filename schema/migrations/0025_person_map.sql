-- Whose an id is: what the resolver (package identity) decided from identity_edges and identity_decisions. A merge of two people
-- writes a few rows here and touches nothing else: rollups stay per distinct id, readers map the id through person_ids.
--
-- How rows merge: the row with the greatest at counts. A reader says FINAL, and keeps the id where it finds nothing; an id that
-- belonged to somebody and no longer does has a row that says it is its own person.
-- ORDER BY distinct_id: the question is "whose is this id". "Which ids has this person" is asked of person_pairs.
-- No PARTITION BY: two rows of an id have to meet. Nothing here is kept from events by a view: the resolver makes it again.
CREATE TABLE IF NOT EXISTS person_map /*ON CLUSTER*/
(
    distinct_id String                                                  COMMENT 'An id: user id, or anonymous id' CODEC(ZSTD(1)),
    person_id   String                                                  COMMENT 'The person it belongs to; distinct_id itself when it belongs to nobody else any more' CODEC(ZSTD(1)),
    since       DateTime64(3, 'UTC')                                    COMMENT 'From when on the id belongs to this person: time of the evidence that joined them, UTC' CODEC(Delta(8), ZSTD(1)),
    earlier     Array(Tuple(since DateTime64(3, 'UTC'), person_id String)) COMMENT 'Whose it was before since, oldest first, when it was somebody else''s: a user that was renamed later; mostly empty' CODEC(ZSTD(1)),
    at          DateTime64(3, 'UTC')                                    COMMENT 'When this was decided; the greatest counts; UTC' CODEC(Delta(8), ZSTD(1))
)
ENGINE = /*Replicated*/ReplacingMergeTree(at)
ORDER BY distinct_id
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Which person an id belongs to, as the resolver decided last (one row per id that ever belonged to somebody else, with FINAL)'
