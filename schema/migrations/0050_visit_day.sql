-- What each id did on web and app on each day, hit by hit: what sessions are cut from. person_day counts; this keeps the order.
--
-- Raw events hold the same, at ten times the bytes and sorted so that a period has to read every person of its months. With this
-- table the sessions of a period read the days of the period, and those of a person a few granules.
-- How rows merge: rows of one (day, distinct_id) put their hits into one array, in no order. A reader groups by the id, or the person,
-- with groupArrayArray(hits) and sorts.
-- ORDER BY (day, distinct_id): sessions are asked for by period; a person is found within each day.
-- PARTITION BY month, as events, so that a month can be recomputed and swapped in.
-- page is empty for a hit that is no page view; the origin columns are empty where a hit has none, which costs next to nothing
-- on disk. A referrer on the site's own host leads from page to page and is no origin: it is left out.
CREATE TABLE IF NOT EXISTS visit_day /*ON CLUSTER*/
(
    distinct_id String                                                  COMMENT 'User id, or anonymous id of a visitor who is not logged in' CODEC(ZSTD(1)),
    day         Date                                                    COMMENT 'Day of the hits, UTC' CODEC(Delta(2), ZSTD(1)),
    hits        SimpleAggregateFunction(groupArrayArray, Array(Tuple(at DateTime64(3, 'UTC'), page String, utm_source String, utm_medium String, utm_campaign String, referrer String)))
                                                                        COMMENT 'Human events on channels web and app, in no order: when, path of a page view, campaign parameters, address of another site that led here' CODEC(ZSTD(1))
)
ENGINE = /*Replicated*/AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (day, distinct_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Hits on web and app per id and day, from which sessions are cut (one row per distinct_id and day, once merged)'
