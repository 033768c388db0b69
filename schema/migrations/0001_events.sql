-- The raw history: every accepted message, as it came. Nothing ever rewrites it; all other tables can be made again from it.
--
-- ORDER BY (distinct_id, ts, event_id): the questions are one person's history, and per-person sequences over a period
-- (funnels, retention, cohorts). With this key the first reads a few granules per part, and the second finds each person's
-- events together and in order. "A kind over a period" is what channel_hour answers; from raw it scans the few small
-- columns of the months asked for, because kinds are mixed in every granule under any key that starts with a person.
-- PARTITION BY month: a period reads only its months, and a rollup is recomputed month by month. An insert that spans more
-- than 100 months (a historic load) needs max_partitions_per_insert_block = 0, which the loader sets.
-- ReplacingMergeTree: the same event sent again after the deduplication window has the same key and collapses when parts
-- merge. Until then a reader that must not see it twice says FINAL, or counts with uniqExact(event_id).
-- index_granularity 1024: a person's history is a few rows, and 8192 would read eight times as many to find them.
-- min_compress_block_size 8192, of the columns that a person's last events are read from: a block is a granule or a few, not the 64 KiB of
-- them that would be unpacked for a handful of rows. Only where it costs a scan nothing: not with ZSTD over ts.
-- fsync_*: a spool segment is deleted once its insert succeeded, so from then on the row must survive a power cut here.
-- Codecs: measured, see docs/schema.md. event_id is random, so nothing shrinks it; ts is sorted per person only. ts and distinct_id are
-- read by nearly every question, so they have the codecs that unpack fast.
-- Index by_account: an account's people are spread over the key; its bloom filter skips the granules without them.
CREATE TABLE IF NOT EXISTS events /*ON CLUSTER*/
(
    event_id     UUID                                COMMENT 'Identity of the event: messageId when that is a UUID, else UUIDv5 of source and messageId, else of source and content' CODEC(NONE) SETTINGS (min_compress_block_size = 8192),
    message_id   String                              COMMENT 'messageId as sent; empty when it was itself the UUID in event_id' CODEC(ZSTD(1)),
    type         LowCardinality(String)              COMMENT 'Message type of the wire format: track, identify, page, screen, group, alias',
    kind         LowCardinality(String)              COMMENT 'What happened, from our own fixed list (page_view, purchase, ...); identify, group and alias are not engagement' SETTINGS (min_compress_block_size = 8192),
    name         LowCardinality(String)              COMMENT 'What the sender called the event' SETTINGS (min_compress_block_size = 8192),
    ts           DateTime64(3, 'UTC')                COMMENT 'When it happened, corrected by the difference of the clocks; UTC, milliseconds' CODEC(T64, LZ4) SETTINGS (min_compress_block_size = 8192),
    received_at  DateTime64(3, 'UTC')                COMMENT 'When the service received it; UTC, milliseconds' CODEC(Delta(8), ZSTD(1)),
    source       LowCardinality(String)              COMMENT 'Which write key or file mapping it came with',
    channel      LowCardinality(String)              COMMENT 'Where it happened: web, app, email, chat, phone, store, survey, support, ads, crm, social.facebook, ...' SETTINGS (min_compress_block_size = 8192),
    distinct_id  String                              COMMENT 'The id rollups are kept by: user_id, or anonymous_id when nobody is logged in' CODEC(LZ4) SETTINGS (min_compress_block_size = 8192),
    anonymous_id String                              COMMENT 'Device or browser id; empty when the sender gave none' CODEC(ZSTD(1)),
    user_id      String                              COMMENT 'Id of the logged-in user; empty when nobody is logged in' CODEC(ZSTD(1)),
    previous_id  String                              COMMENT 'alias only: the id that is now user_id' CODEC(ZSTD(1)),
    account_id   String                              COMMENT 'Company or group the person acts for; empty when unknown' CODEC(ZSTD(1)),
    session_id   String                              COMMENT 'Session as the sender cut it; ours are cut from ts on reading' CODEC(ZSTD(1)),
    url          String                              COMMENT 'Full address of the page' CODEC(ZSTD(1)),
    path         String                              COMMENT 'Path of the page without host and query' CODEC(ZSTD(1)) SETTINGS (min_compress_block_size = 8192),
    referrer     String                              COMMENT 'Address of the page that led here' CODEC(ZSTD(1)),
    utm_source   LowCardinality(String)              COMMENT 'Campaign parameter: who sent the visitor',
    utm_medium   LowCardinality(String)              COMMENT 'Campaign parameter: by which medium',
    utm_campaign LowCardinality(String)              COMMENT 'Campaign parameter: which campaign',
    utm_term     LowCardinality(String)              COMMENT 'Campaign parameter: search term',
    utm_content  LowCardinality(String)              COMMENT 'Campaign parameter: which variant',
    content_id   String                              COMMENT 'Which whitepaper, video, product, mail or post it was about' CODEC(ZSTD(1)) SETTINGS (min_compress_block_size = 8192),
    order_id     String                              COMMENT 'Order or deal it belongs to' CODEC(ZSTD(1)),
    value        Decimal(18, 4)                      COMMENT 'Money, in units of currency; positive for a purchase and for a refund' CODEC(ZSTD(1)) SETTINGS (min_compress_block_size = 8192),
    currency     LowCardinality(String)              COMMENT 'Currency of value, ISO 4217; empty when there is none' SETTINGS (min_compress_block_size = 8192),
    score        Nullable(Float32)                   COMMENT 'Survey answer or rating, in the scale of the survey; NULL when there is none' CODEC(ZSTD(1)),
    text         String                              COMMENT 'What the person wrote: review, comment, chat message, search' CODEC(ZSTD(1)),
    sentiment    Nullable(Float32)                   COMMENT 'Sentiment of text, -1 to 1; NULL when nobody rated it' CODEC(ZSTD(1)),
    user_agent   LowCardinality(String)              COMMENT 'User agent as sent',
    ip           String                              COMMENT 'Address of the client, IPv4 or IPv6 as text' CODEC(ZSTD(1)),
    country      LowCardinality(String)              COMMENT 'Country, ISO 3166 two letters; empty when unknown',
    locale       LowCardinality(String)              COMMENT 'Language and region of the client, such as it-IT',
    machine      LowCardinality(String)              COMMENT 'Why this is not a human; empty for a human' SETTINGS (min_compress_block_size = 8192),
    properties   Map(LowCardinality(String), String) COMMENT 'All other fields of the message, nested keys joined by dots, values as text' CODEC(ZSTD(1)),
    INDEX by_account account_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = /*Replicated*/ReplacingMergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (distinct_id, ts, event_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Every accepted event, once, as it came (one row per event)'
