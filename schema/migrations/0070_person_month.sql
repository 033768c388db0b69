-- What each id ever did, in a row a month: features of all history (first and last time, orders, money) add up these rather than
-- every day there ever was, and who is known is told here, of people who did nothing but say who they are, too.
--
-- How rows merge: rows of one (distinct_id, month) add up when parts merge, and not before. A reader groups and says sum (counts),
-- groupArrayArray (orders), min (first_at, named_at: NULL where there is none), max (last_*).
-- As of a day within a month, a reader takes counts and last times of the months before from here and of the month's days from
-- person_day; orders have their times, and a least time that lies before the day holds as it is.
-- ORDER BY (distinct_id, month): features read whole people. PARTITION BY month, as events, so that a month can be recomputed.
-- index_granularity 256: a batch of people reads some thousand ids among millions, and each costs a granule in every month.
CREATE TABLE IF NOT EXISTS person_month /*ON CLUSTER*/
(
    distinct_id       String                                                       COMMENT 'User id, or anonymous id of a visitor who is not logged in' CODEC(ZSTD(1)),
    month             Date                                                         COMMENT 'First day of the month of the events, UTC' CODEC(ZSTD(1)),
    carts             SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Human events of kind cart_add' CODEC(T64, ZSTD(1)),
    checkouts         SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Human events of kind checkout_start' CODEC(T64, ZSTD(1)),
    orders            SimpleAggregateFunction(groupArrayArray, Array(Tuple(at DateTime64(3, 'UTC'), purchase UInt8, currency String, value Decimal(18, 4)))) COMMENT 'Human events of kind purchase (1) and refund (0), in no order: when, which, currency, money in its units, of a refund negative' CODEC(ZSTD(1)),
    first_at          SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'First human event of engagement in the month, UTC; NULL when there is none' CODEC(Delta(8), ZSTD(1)),
    last_at           SimpleAggregateFunction(max, DateTime64(3, 'UTC'))           COMMENT 'Last human event of engagement in the month, UTC; 1970 when there is none' CODEC(Delta(8), ZSTD(1)),
    last_action_at    SimpleAggregateFunction(max, DateTime64(3, 'UTC'))           COMMENT 'Last thing the person did in the month (person_day.actions), UTC; 1970 when there is none' CODEC(Delta(8), ZSTD(1)),
    named_at          SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'When the id was first told apart from an anonymous one in the month: a user id or traits, UTC; NULL when it was not' CODEC(Delta(8), ZSTD(1))
)
ENGINE = /*Replicated*/AggregatingMergeTree
PARTITION BY toYYYYMM(month)
ORDER BY (distinct_id, month)
SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'First and last times, orders and money per id and month (one row per distinct_id and month, once merged)'
