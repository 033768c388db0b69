-- Totals: what is in the warehouse, in one row.
--
-- People are persons: all ids of one person count once. People, purchases and revenue leave machine events out and come from
-- whole UTC days, those that the range touches.
--
-- param  from         DateTime64(3) = 1970-01-01  start, inclusive, UTC; the default is everything
-- param  to           DateTime64(3) = 2100-01-01  end, exclusive, UTC
-- column events       UInt64                      all events, without identify, group and alias messages
-- column human_events UInt64                      events without those of machines
-- column people       UInt64                      persons with at least one event
-- column purchases    UInt64                      purchase events
-- column revenue      Map(String, Decimal(38, 4)) purchases minus refunds, by currency
WITH
    counted AS
    (
        SELECT
            sum(events) AS events,
            sum(human_events) AS human_events
        FROM channel_hour
        WHERE hour >= {from:DateTime64(3)}
          AND hour < {to:DateTime64(3)}
    ),
    bought AS
    (
        SELECT
            uniqExact(if(ids.person_id = '', day.distinct_id, ids.person_id)) AS people,
            sum(day.purchases) AS purchases,
            sumMap(day.revenue) AS revenue
        FROM person_day AS day
        LEFT JOIN person_ids AS ids ON ids.distinct_id = day.distinct_id
        WHERE day.day >= toDate({from:DateTime64(3)}, 'UTC')
          AND day.day <= toDate({to:DateTime64(3)} - INTERVAL 1 MILLISECOND, 'UTC')
          AND day.events > 0
    )
SELECT
    counted.events AS events,
    counted.human_events AS human_events,
    bought.people AS people,
    bought.purchases AS purchases,
    bought.revenue AS revenue
FROM counted
CROSS JOIN bought
