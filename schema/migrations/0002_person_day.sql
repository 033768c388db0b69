-- What each id did on each day: the sums that features are added up from. A view adds rows; it never looks back.
--
-- How rows merge: rows of one (distinct_id, day) add up when parts merge, and not before. A reader always groups and says
-- sum (counts), sumMap (revenue), groupArrayArray (visit_times), min (first_at), max (the other times).
-- Kept per distinct_id, not per person: when two ids turn out to be one person nothing is rewritten, readers map the id
-- through person_ids and add up.
-- ORDER BY (distinct_id, day): features read whole people over up to a year, one person reads one run of rows, and a period
-- is cut by the month's partition. PARTITION BY month, as events, so that a month can be recomputed and swapped in.
-- index_granularity 1024: rows are narrow, and one person's features should not read 8192 of them per part.
CREATE TABLE IF NOT EXISTS person_day /*ON CLUSTER*/
(
    distinct_id      String                                                       COMMENT 'User id, or anonymous id of a visitor who is not logged in' CODEC(ZSTD(1)),
    day              Date                                                         COMMENT 'Day of the events, UTC' CODEC(Delta(2), ZSTD(1)),
    events           SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Human events of engagement: all but identify, group and alias' CODEC(T64, ZSTD(1)),
    actions          SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Events the person did, not what merely reached them: events without email_sent, email_delivered, email_bounce, ad_impression, social_impression, experiment_exposure' CODEC(T64, ZSTD(1)),
    page_views       SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Events of kind page_view' CODEC(T64, ZSTD(1)),
    downloads        SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Events of kind content_download' CODEC(T64, ZSTD(1)),
    email_opens      SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Events of kind email_open' CODEC(T64, ZSTD(1)),
    email_clicks     SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Events of kind email_click' CODEC(T64, ZSTD(1)),
    chats            SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Events of kind chat_message' CODEC(T64, ZSTD(1)),
    forms            SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Events of kind form_submission' CODEC(T64, ZSTD(1)),
    carts            SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Events of kind cart_add' CODEC(T64, ZSTD(1)),
    checkouts        SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Events of kind checkout_start' CODEC(T64, ZSTD(1)),
    purchases        SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Events of kind purchase' CODEC(T64, ZSTD(1)),
    revenue          SimpleAggregateFunction(sumMap, Map(String, Decimal(38, 4))) COMMENT 'Money by currency: value of purchases less value of refunds, in units of the currency' CODEC(ZSTD(1)),
    visit_times      SimpleAggregateFunction(groupArrayArray, Array(UInt32))      COMMENT 'Times of the events on channels web and app, unix seconds, in no order; visits are cut from them on reading' CODEC(Delta(4), ZSTD(1)),
    first_at         SimpleAggregateFunction(min, DateTime64(3, 'UTC'))           COMMENT 'First event of the day, UTC' CODEC(Delta(8), ZSTD(1)),
    last_at          SimpleAggregateFunction(max, DateTime64(3, 'UTC'))           COMMENT 'Last event of the day, UTC' CODEC(Delta(8), ZSTD(1)),
    last_action_at   SimpleAggregateFunction(max, DateTime64(3, 'UTC'))           COMMENT 'Last event of the day that counts in actions, UTC; 1970 when there is none' CODEC(Delta(8), ZSTD(1)),
    last_purchase_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))           COMMENT 'Last purchase of the day, UTC; 1970 when there is none' CODEC(Delta(8), ZSTD(1))
)
ENGINE = /*Replicated*/AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (distinct_id, day)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Sums per id and day of human engagement (one row per distinct_id and day, once merged)'
