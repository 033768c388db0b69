-- Which rejected records were sent again and taken: `livello quarantine replay` leaves them out from then on.
--
-- How rows merge: of one id one row stays; a reader says id NOT IN (SELECT id ...), so FINAL is not needed.
-- ORDER BY id: it is looked up by nothing else. PARTITION BY month of the replay: few rows, dropped whole.
-- TTL: 62 days, longer than the record itself can still be in quarantine.
CREATE TABLE IF NOT EXISTS quarantine_replays /*ON CLUSTER*/
(
    id      UUID                   COMMENT 'The rejected record: quarantine.id' CODEC(NONE),
    at      DateTime64(3, 'UTC')   COMMENT 'When it was sent again; UTC' CODEC(Delta(8), ZSTD(1)),
    request UUID                   COMMENT 'The request it had been a part of: quarantine.request' CODEC(ZSTD(1))
)
ENGINE = /*Replicated*/ReplacingMergeTree(at)
PARTITION BY toYYYYMM(at)
ORDER BY id
TTL toDateTime(at, 'UTC') + INTERVAL 62 DAY
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Rejected records that were sent again and taken (one row per record)'
