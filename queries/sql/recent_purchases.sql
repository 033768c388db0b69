-- Recent purchases: the latest orders, and whose they are.
--
-- param  from      DateTime64(3) = now-90d  start, inclusive, UTC
-- param  to        DateTime64(3) = now      end, exclusive, UTC
-- param  limit     UInt32 1..10000 = 20     rows at most
-- column ts        DateTime64(3, 'UTC')     when
-- column person_id String                   who
-- column order_id  String                   as the shop calls it; empty when it gave none
-- column value     Decimal(18, 4)           money, in units of currency
-- column currency  LowCardinality(String)   ISO 4217
-- column channel   LowCardinality(String)   where
-- column source    LowCardinality(String)   which tool told us
-- column event_id  UUID
SELECT
    ts,
    person_id,
    order_id,
    value,
    currency,
    channel,
    source,
    event_id
FROM engagement_history
WHERE ts >= {from:DateTime64(3)}
  AND ts < {to:DateTime64(3)}
  AND kind = 'purchase'
  AND machine = ''
ORDER BY ts DESC, event_id
LIMIT {limit:UInt32}
