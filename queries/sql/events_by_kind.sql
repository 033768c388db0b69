-- Events by kind and day: how much of what happened when.
--
-- Counts come from the hourly rollup, so a range is taken in whole UTC hours: those that begin within it. Machine events (bots, mail
-- scanners) are in events and not in human_events. identify, group and alias messages are no engagement and are left out.
--
-- param  from         DateTime64(3) = now-30d  start, inclusive, UTC
-- param  to           DateTime64(3) = now      end, exclusive, UTC
-- column day          Date                     UTC
-- column kind         LowCardinality(String)   what it was: page_view, purchase, ...
-- column events       UInt64                   all events
-- column human_events UInt64                   events without those of machines
SELECT
    toDate(hour, 'UTC') AS day,
    kind,
    sum(events) AS events,
    sum(human_events) AS human_events
FROM channel_hour
WHERE hour >= {from:DateTime64(3)}
  AND hour < {to:DateTime64(3)}
GROUP BY day, kind
ORDER BY day, kind
