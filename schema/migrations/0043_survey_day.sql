-- What people answered in surveys and reviews, by day: NPS, CSAT and the like are ratios of these sums.
--
-- How rows merge: rows of one key add up when parts merge. A reader groups and says sum.
-- ORDER BY (day, ...): every question here has a period. PARTITION BY month, as events, so that a month can be recomputed and
-- swapped in.
CREATE TABLE IF NOT EXISTS survey_day /*ON CLUSTER*/
(
    day        Date                                      COMMENT 'Day of the answers, UTC' CODEC(Delta(2), ZSTD(1)),
    channel    LowCardinality(String)                    COMMENT 'Where it was asked: survey, email, web, support, ...',
    source     LowCardinality(String)                    COMMENT 'Which write key or file mapping the answers came with',
    campaign   LowCardinality(String)                    COMMENT 'utm_campaign of the events; empty when there is none',
    survey     LowCardinality(String)                    COMMENT 'What was asked: nps, csat, review, or other',
    responses  SimpleAggregateFunction(sum, UInt64)      COMMENT 'Answers with a score that is on the scale, of humans' CODEC(T64, ZSTD(1)),
    promoters  SimpleAggregateFunction(sum, UInt64)      COMMENT 'nps: scores of 9 and 10' CODEC(T64, ZSTD(1)),
    passives   SimpleAggregateFunction(sum, UInt64)      COMMENT 'nps: scores over 6 and under 9' CODEC(T64, ZSTD(1)),
    detractors SimpleAggregateFunction(sum, UInt64)      COMMENT 'nps: scores up to 6' CODEC(T64, ZSTD(1)),
    satisfied  SimpleAggregateFunction(sum, UInt64)      COMMENT 'csat and review: the upper two of five steps (4 and 5 of 5; scores of 0.8 of the scale and more)' CODEC(T64, ZSTD(1)),
    score_sum  SimpleAggregateFunction(sum, Float64)     COMMENT 'Sum of the scores, in the scale they came in' CODEC(ZSTD(1))
)
ENGINE = /*Replicated*/AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (day, channel, survey, source, campaign)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Sums of survey answers and reviews (one row per day, channel, survey, source and campaign, once merged)'
