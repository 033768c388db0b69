-- Machine traffic: events that no human made, by reason, channel and source, with their share.
--
-- Such events are kept and count nowhere else. What each reason means stands in docs/machine-traffic.md. identify, group and
-- alias messages are no engagement and are left out.
--
-- param  from       DateTime64(3) = now-30d  start, inclusive, UTC
-- param  to         DateTime64(3) = now      end, exclusive, UTC
-- column reason     LowCardinality(String)   why they are not a human's
-- column channel    LowCardinality(String)   where they happened
-- column source     LowCardinality(String)   which write key or file they came with
-- column events     UInt64                   events with this reason
-- column ids        UInt64                   different ids behind them
-- column all_events UInt64                   all events of the channel and source, of humans too
-- column share      Float64                  events / all_events, 0..1
-- column last_at    DateTime64(3, 'UTC')     the last of them
WITH
    counted AS
    (
        SELECT
            machine,
            channel,
            source,
            count() AS events,
            uniqExactIf(distinct_id, machine != '') AS ids,
            max(ts) AS last_at
        FROM events
        WHERE ts >= {from:DateTime64(3)}
          AND ts < {to:DateTime64(3)}
          AND kind NOT IN ('identify', 'group', 'alias')
        GROUP BY machine, channel, source
    ),
    shared AS
    (
        SELECT
            *,
            sum(events) OVER (PARTITION BY channel, source) AS all_events
        FROM counted
    )
SELECT
    machine AS reason,
    channel,
    source,
    events,
    ids,
    all_events,
    events / all_events AS share,
    last_at
FROM shared
WHERE machine != ''
ORDER BY events DESC, reason, channel, source
