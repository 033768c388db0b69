-- Feeds channel_hour from every insert into events.
CREATE MATERIALIZED VIEW IF NOT EXISTS channel_hour_mv /*ON CLUSTER*/ TO channel_hour
(
    hour         DateTime('UTC')                               COMMENT 'Start of the hour, UTC',
    channel      LowCardinality(String)                        COMMENT 'Where it happened: web, app, email, ...',
    kind         LowCardinality(String)                        COMMENT 'What happened: page_view, purchase, ... (never identify, group, alias)',
    source       LowCardinality(String)                        COMMENT 'Which write key or file mapping the events came with',
    campaign     LowCardinality(String)                        COMMENT 'utm_campaign of the events; empty when there is none',
    currency     LowCardinality(String)                        COMMENT 'Currency of value, ISO 4217; empty when there is none',
    events       SimpleAggregateFunction(sum, UInt64)          COMMENT 'Events, machines included',
    human_events SimpleAggregateFunction(sum, UInt64)          COMMENT 'Events of humans',
    people       AggregateFunction(uniqCombined64(12), String) COMMENT 'State of the number of different distinct_ids, humans only; read with uniqCombined64Merge(12)',
    value        SimpleAggregateFunction(sum, Decimal(38, 4))  COMMENT 'Sum of value of human events, in units of currency; of kind refund it is what was given back'
)
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
