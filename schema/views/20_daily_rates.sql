-- What a unit of each currency was worth in the base currency of the definitions, day by day: the one definition of how money is converted.
--
-- A rate holds from its day until the next one, at most seven days: an old rate is no rate. The base currency is worth 1 on any day.
-- To convert, join by day and currency and multiply; where nothing is found there is no rate, and the reader has to say so:
--     LEFT JOIN daily_rates AS r ON r.day = x.day AND r.currency = x.currency ... if(r.rate = 0, 'no rate for ...', '') AS problem
CREATE OR REPLACE VIEW daily_rates /*ON CLUSTER*/
(
    day      Date            COMMENT 'Day the rate holds on, UTC',
    currency String          COMMENT 'Currency that is converted, ISO 4217',
    rate     Decimal(38, 12) COMMENT 'Units of the base currency for one unit of currency; never 0'
)
AS
WITH
    (SELECT base_currency FROM definition) AS base_now,
    given AS
    (
        SELECT
            toString(currency) AS code,
            day AS since,
            rate AS worth,
            leadInFrame(toNullable(day)) OVER (PARTITION BY currency ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS next_day
        FROM rates FINAL
        WHERE base = base_now AND rate > 0 AND currency != base_now
    )
SELECT since + number_of_days AS day, code AS currency, worth AS rate
FROM given
ARRAY JOIN range(least(7, toUInt16(coalesce(next_day, since + 7) - since))) AS number_of_days
UNION ALL
SELECT toDate(number) AS day, base_now AS currency, toDecimal128(1, 12) AS rate
FROM numbers(65536)
COMMENT 'Exchange rates day by day (one row per day and currency with a rate)'
