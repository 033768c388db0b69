-- Revenue by month and currency: purchases, refunds and what is left.
--
-- Read from the hourly rollup of human events, so the range is taken in whole UTC hours: those that begin within it. Money of
-- different currencies is never added up.
--
-- param  from          DateTime64(3) = 1970-01-01  start, inclusive, UTC; the default is everything
-- param  to            DateTime64(3) = 2100-01-01  end, exclusive, UTC
-- column month         Date                        first day of the month, UTC
-- column currency      LowCardinality(String)      ISO 4217; empty when the sender gave none
-- column purchases     UInt64                      purchase events
-- column gross         Decimal(38, 4)              value of the purchases, in units of the currency
-- column refunded      Decimal(38, 4)              value of the refunds
-- column revenue       Decimal(38, 4)              gross less refunded
-- column average_order Nullable(Float64)           gross / purchases; NULL without purchases
SELECT
    toStartOfMonth(hour, 'UTC') AS month,
    currency,
    sumIf(human_events, kind = 'purchase') AS purchases,
    sumIf(value, kind = 'purchase') AS gross,
    sumIf(value, kind = 'refund') AS refunded,
    gross - refunded AS revenue,
    round(toFloat64(gross) / nullIf(purchases, 0), 4) AS average_order
FROM channel_hour
WHERE kind IN ('purchase', 'refund')
  AND hour >= {from:DateTime64(3)}
  AND hour < {to:DateTime64(3)}
GROUP BY month, currency
ORDER BY month, currency
