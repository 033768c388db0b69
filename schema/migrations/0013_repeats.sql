-- Events that were accepted more than once: sent again after the deduplication window. Each copy that was seen is a row.
--
-- events keeps one copy of an event and receipts count every one, so without this table nobody could tell a repetition from a
-- loss once the copies have merged. livello verify writes it while they still lie side by side.
-- How rows merge: the same copy noted twice is one row (a reader says FINAL). ORDER BY (day, event_id, received_at): the
-- question is a range of days. PARTITION BY nothing: there are few.
CREATE TABLE IF NOT EXISTS repeats /*ON CLUSTER*/
(
    day         Date                COMMENT 'Day of the event, UTC',
    event_id    UUID                COMMENT 'The event',
    received_at DateTime64(3, 'UTC') COMMENT 'When this copy of it was received, UTC'
)
ENGINE = /*Replicated*/ReplacingMergeTree
ORDER BY (day, event_id, received_at)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Copies of events that were accepted more than once (one row per copy with FINAL)'
