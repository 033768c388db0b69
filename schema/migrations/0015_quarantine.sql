-- Records that were rejected on arrival, with the reason and the record as it came, for people to look at and to send again
-- (`livello quarantine`). Events never come from here by themselves.
--
-- How rows merge: they do not; a row is one rejected record, or (records > 1, no payload) those of a request past the number
-- that is kept in full. A reader sums "records". What was sent again stands in quarantine_replays.
-- ORDER BY (source, code, field, at): the question is "which reasons lately, and an example"; equal reasons lie together, and so
-- do their payloads, which are alike and compress well.
-- PARTITION BY day of arrival: "the last days" reads these days only, and after 30 days a partition is dropped whole.
-- TTL: 30 days. A payload is personal data that nobody asked to keep; that is long enough to notice, mend and replay.
CREATE TABLE IF NOT EXISTS quarantine /*ON CLUSTER*/
(
    id            UUID                   COMMENT 'Identity of the rejected record' CODEC(NONE),
    at            DateTime64(3, 'UTC')   COMMENT 'When it arrived; UTC, milliseconds' CODEC(Delta(8), ZSTD(1)),
    source        LowCardinality(String) COMMENT 'Which write key or file mapping it came with',
    route         LowCardinality(String) COMMENT 'Route it came in by: /v1/events, /v1/batch, /v1/track, ...',
    request       UUID                   COMMENT 'The request it was a part of' CODEC(ZSTD(1)),
    record_index  UInt32                 COMMENT 'Its place among the records of the request, from 0' CODEC(ZSTD(1)),
    records       UInt32                 COMMENT 'Records this row stands for: 1; more in a row that only counts those past what is kept of one request' CODEC(ZSTD(1)),
    code          LowCardinality(String) COMMENT 'Kind of the reason: missing, type, value, too_long, too_many, time, utf8, syntax',
    field         String                 COMMENT 'Field at fault as the sender calls it; empty when the record as a whole is' CODEC(ZSTD(1)),
    reason        String                 COMMENT 'What is wrong and what would be right' CODEC(ZSTD(1)),
    message_id    String                 COMMENT 'messageId as sent, at most 60 bytes of it; empty when there was none' CODEC(ZSTD(1)),
    ids           Array(String)          COMMENT 'userId, anonymousId and previousId as far as they could be read: whose record it may be' CODEC(ZSTD(1)),
    payload       String                 COMMENT 'The record as it came, write keys replaced; at most 64 KiB of it; not always JSON, nor UTF-8' CODEC(ZSTD(3)),
    payload_bytes UInt32                 COMMENT 'Size of the record as it came, bytes' CODEC(ZSTD(1)),
    payload_cut   Bool                   COMMENT 'payload or envelope is not whole, so it cannot be sent again' CODEC(ZSTD(1)),
    envelope      String                 COMMENT 'What its batch said for all of its records, as JSON: sentAt, context; empty when nothing' CODEC(ZSTD(3)),
    ip            String                 COMMENT 'Address of the connection' CODEC(ZSTD(1)),
    user_agent    LowCardinality(String) COMMENT 'User agent of the request'
)
ENGINE = /*Replicated*/MergeTree
PARTITION BY toYYYYMMDD(at)
ORDER BY (source, code, field, at)
TTL toDateTime(at, 'UTC') + INTERVAL 30 DAY
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Rejected records of the last 30 days with reason and payload (one row per record)'
