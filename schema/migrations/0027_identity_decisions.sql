-- What people decided about who is who, with `livello identity merge` and `split`. Never rewritten: a split after a merge undoes it,
-- and all of it stays readable. The resolver reads this beside identity_edges, so decisions survive a rebuild.
--
-- ORDER BY (at, decision): they are read in the order they were made. No PARTITION BY: there are few.
CREATE TABLE IF NOT EXISTS identity_decisions /*ON CLUSTER*/
(
    at          DateTime64(3, 'UTC')   COMMENT 'When it was decided, UTC',
    decision    UUID                   COMMENT 'Identity of the decision',
    action      LowCardinality(String) COMMENT 'merge: distinct_id belongs to user_id from at on; split: distinct_id belongs to nobody else, whatever was known at that time',
    distinct_id String                 COMMENT 'The id that is joined or taken out',
    user_id     String                 COMMENT 'merge: the person it is joined to; split: empty',
    named       Array(String)          COMMENT 'The ids as they were given, when those were other ids of the same people',
    reason      String                 COMMENT 'Why, in the words of who decided',
    decided_by  String                 COMMENT 'Who decided'
)
ENGINE = /*Replicated*/MergeTree
ORDER BY (at, decision)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Merges and splits that people decided (one row per decision)'
