-- What each id did on each day that the definitions ask for: signals, key pages, times of downloads, survey answers, sentiment. Its view
-- person_signals_mv is written by the program from the definitions (livello definitions show), not by a migration; when signals
-- or key pages change, its query is replaced and this table is made again from events.
--
-- How rows merge: as in person_day, rows of one (distinct_id, day) add up when parts merge, and not before. A reader groups and says
-- sumMap (signals), groupArrayArray (key_pages, download_times), max (nps, csat), sum (sentiment_*).
-- ORDER BY (distinct_id, day), PARTITION BY month, index_granularity 1024: as person_day, beside which it is read.
-- There is a row only for a day on which something of this happened.
CREATE TABLE IF NOT EXISTS person_signals /*ON CLUSTER*/
(
    distinct_id     String                                                              COMMENT 'User id, or anonymous id of a visitor who is not logged in' CODEC(ZSTD(1)),
    day             Date                                                                COMMENT 'Day of the events, UTC' CODEC(Delta(2), ZSTD(1)),
    signals         SimpleAggregateFunction(sumMap, Map(String, UInt64))                COMMENT 'Human events by signal; a signal that did not happen is not there' CODEC(ZSTD(1)),
    key_pages       SimpleAggregateFunction(groupArrayArray, Array(Tuple(UInt32, String))) COMMENT 'Views of key pages: unix seconds and the name of the key page, in no order' CODEC(ZSTD(1)),
    download_times  SimpleAggregateFunction(groupArrayArray, Array(UInt32))             COMMENT 'Times of content downloads, unix seconds, in no order' CODEC(Delta(4), ZSTD(1)),
    nps             SimpleAggregateFunction(max, Tuple(DateTime64(3, 'UTC'), Float32))  COMMENT 'Last answer of the day to an NPS survey: time and score (0 to 10); 1970 when there is none' CODEC(ZSTD(1)),
    csat            SimpleAggregateFunction(max, Tuple(DateTime64(3, 'UTC'), Float32))  COMMENT 'Last answer of the day to a satisfaction survey: time and score, in the scale of the survey; 1970 when there is none' CODEC(ZSTD(1)),
    sentiment_sum   SimpleAggregateFunction(sum, Float64)                               COMMENT 'Sum of the sentiment (-1 to 1) of what the person wrote' CODEC(ZSTD(1)),
    sentiment_count SimpleAggregateFunction(sum, UInt64)                                COMMENT 'How many texts that is' CODEC(T64, ZSTD(1))
)
ENGINE = /*Replicated*/AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (distinct_id, day)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'What the definitions count, per id and day (one row per distinct_id and day with any of it, once merged)'
