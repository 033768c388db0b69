-- Feeds channel_hour from every insert into events.
CREATE MATERIALIZED VIEW IF NOT EXISTS channel_hour_mv /*ON CLUSTER*/ TO channel_hour
AS
SELECT
    toStartOfHour(toDateTime(ts, 'UTC')) AS hour,
    channel,
    kind,
    source,
    utm_campaign AS campaign,
    currency,
    count() AS events,
    countIf(machine = '') AS human_events,
    uniqCombined64IfState(12)(distinct_id, machine = '') AS people,
    sumIf(toDecimal128(value, 4), machine = '') AS value
FROM events
WHERE kind NOT IN ('identify', 'group', 'alias')
GROUP BY hour, channel, kind, source, campaign, currency
COMMENT 'Feeds channel_hour from inserts into events'
