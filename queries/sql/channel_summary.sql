-- Channel summary: what each channel brought, busiest first.
--
-- Read from the hourly rollup, so the range is taken in whole UTC hours: those that begin within it.
--
-- param  from         DateTime64(3) = now-30d  start, inclusive, UTC
-- param  to           DateTime64(3) = now      end, exclusive, UTC
-- column channel      LowCardinality(String)   web, app, email, chat, ...
-- column events       UInt64                   all events
-- column human_events UInt64                   events without those of machines
-- column people       UInt64                   ids without those of machines, estimated (large numbers are about 1.6 % off); someone known by two ids counts twice
-- column purchases    UInt64                   purchase events of humans
-- column revenue      Map(String, Decimal(38, 4)) purchases minus refunds, by currency
SELECT
    channel,
    sum(events) AS events,
    sum(human_events) AS human_events,
    uniqCombined64Merge(12)(people) AS people,
    sumIf(channel_hour.human_events, kind = 'purchase') AS purchases,
    sumMapIf(map(currency, if(kind = 'refund', -value, value)), kind IN ('purchase', 'refund')) AS revenue
FROM channel_hour
WHERE hour >= {from:DateTime64(3)}
  AND hour < {to:DateTime64(3)}
GROUP BY channel
ORDER BY events DESC, channel
