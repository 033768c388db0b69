-- Win rate: of the opportunities that were closed, how many were won, by the quarter they closed in.
--
-- Counts opportunity_won and opportunity_lost events; the last row, all, is the whole range. Read from the hourly rollup, so the range
-- is taken in whole UTC hours: those that begin within it. Below 15 closed opportunities the note says "too few to tell".
--
-- param  from      DateTime64(3) = 1970-01-01  start, inclusive, UTC; the default is everything
-- param  to        DateTime64(3) = 2100-01-01  end, exclusive, UTC
-- column quarter   String                      as 2017-Q1, or all
-- column won       UInt64
-- column lost      UInt64
-- column closed    UInt64                      won + lost
-- column rate      Float64                     won / closed, 0..1
-- column rate_low  Float64                     lower end of its Wilson 95 % interval
-- column rate_high Float64                     upper end
-- column won_value Map(String, Decimal(38, 4)) value of the won ones, by currency
-- column note      String                      too few to tell, or nothing
WITH
    1.959963984540054 AS z,
    (k, n) -> (k + z * z / 2) / (n + z * z) AS wilson_centre,
    (k, n) -> z * sqrt(k * (n - k) / n + z * z / 4) / (n + z * z) AS wilson_reach
SELECT
    arrayJoin([formatDateTime(hour, '%Y-Q%Q', 'UTC'), 'all']) AS quarter,
    sumIf(human_events, kind = 'opportunity_won') AS won,
    sumIf(human_events, kind = 'opportunity_lost') AS lost,
    won + lost AS closed,
    round(won / closed, 6) AS rate,
    round(wilson_centre(won, closed) - wilson_reach(won, closed), 6) AS rate_low,
    round(wilson_centre(won, closed) + wilson_reach(won, closed), 6) AS rate_high,
    sumMapIf(map(toString(currency), value), kind = 'opportunity_won') AS won_value,
    if(closed < 15, 'too few to tell', '') AS note
FROM channel_hour
WHERE kind IN ('opportunity_won', 'opportunity_lost')
  AND hour >= {from:DateTime64(3)}
  AND hour < {to:DateTime64(3)}
GROUP BY quarter
HAVING closed > 0
ORDER BY quarter
