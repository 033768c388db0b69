-- Feeds rates from measurements of the kind exchange_rate. The pair of currencies is in campaign, because it is part of what a
-- measurement is recognized by.
CREATE MATERIALIZED VIEW IF NOT EXISTS rates_mv /*ON CLUSTER*/ TO rates
(
    day         Date                   COMMENT 'Day from which on the rate holds, UTC; it counts for seven days, or until the next one',
    currency    LowCardinality(String) COMMENT 'Currency that is converted, ISO 4217',
    base        LowCardinality(String) COMMENT 'Currency that it is converted to, ISO 4217',
    rate        Decimal(38, 12)        COMMENT 'Units of base for one unit of currency',
    received_at DateTime64(3, 'UTC')   COMMENT 'When the service received it, UTC; the latest of a day counts'
)
AS
SELECT
    toDate(ts) AS day,
    currency,
    splitByChar('/', campaign)[2] AS base,
    value AS rate,
    received_at
FROM measurements
WHERE kind = 'exchange_rate'
COMMENT 'Feeds rates from inserts into measurements'
