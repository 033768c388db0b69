-- Channel activity: how much happened on each channel, hour by hour.
--
-- Read from the hourly rollup, so the range is taken in whole UTC hours: those that begin within it.
--
-- param  from         DateTime64(3) = now-30d  start, inclusive, UTC
-- param  to           DateTime64(3) = now      end, exclusive, UTC
-- column hour         DateTime('UTC')          start of the hour
-- column channel      LowCardinality(String)   web, app, email, chat, ...
-- column events       UInt64                   all events
-- column human_events UInt64                   events without those of machines
SELECT
    hour,
    channel,
    sum(events) AS events,
    sum(human_events) AS human_events
FROM channel_hour
WHERE hour >= {from:DateTime64(3)}
  AND hour < {to:DateTime64(3)}
GROUP BY hour, channel
ORDER BY hour, channel
