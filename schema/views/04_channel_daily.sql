-- channel_hour, by day.
CREATE OR REPLACE VIEW channel_daily /*ON CLUSTER*/
(
    day          Date                   COMMENT 'Day of the events, UTC',
    channel      LowCardinality(String) COMMENT 'Where it happened: web, app, email, ...',
    kind         LowCardinality(String) COMMENT 'What happened: page_view, purchase, ... (never identify, group, alias)',
    source       LowCardinality(String) COMMENT 'Which write key or file mapping the events came with',
    campaign     LowCardinality(String) COMMENT 'utm_campaign of the events; empty when there is none',
    currency     LowCardinality(String) COMMENT 'Currency of value, ISO 4217; empty when there is none',
    events       UInt64                 COMMENT 'Events, machines included',
    human_events UInt64                 COMMENT 'Events of humans',
    people       UInt64                 COMMENT 'Different distinct_ids, humans only; an estimate, exact for small numbers, off by about 1.6 % for large ones. Do not add up over rows',
    value        Decimal(38, 4)         COMMENT 'Sum of value of human events, in units of currency; of kind refund it is what was given back'
)
AS
SELECT
    toDate(hour) AS day,
    channel,
    kind,
    source,
    campaign,
    currency,
    sum(channel_hour.events) AS events,
    sum(channel_hour.human_events) AS human_events,
    uniqCombined64Merge(12)(channel_hour.people) AS people,
    sum(channel_hour.value) AS value
FROM channel_hour
GROUP BY day, channel, kind, source, campaign, currency
COMMENT 'Sums per day, channel, kind, source, campaign and currency (one row per combination)'
