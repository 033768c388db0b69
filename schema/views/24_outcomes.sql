-- What people did that the definitions call a conversion, or that moved money: each with its person and its worth in the base currency.
--
-- An order is a purchase or a won deal. amount is NULL where a value has no rate (see daily_rates), and problem says which is missing: a sum
-- over amounts has to be NULL, too, when one of them is. A filter on ts or person reads what it names of milestones.
CREATE OR REPLACE VIEW outcomes /*ON CLUSTER*/
(
    person_id  String                   COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    event_id   UUID                     COMMENT 'The event',
    ts         DateTime64(3, 'UTC')     COMMENT 'When it happened, UTC',
    kind       LowCardinality(String)   COMMENT 'What happened',
    channel    LowCardinality(String)   COMMENT 'Where it happened: web, store, crm, ...',
    order_id   String                   COMMENT 'Order or deal it belongs to; empty when the sender gave none',
    conversion Bool                     COMMENT 'Whether the definitions call its kind a conversion',
    ordered    Bool                     COMMENT 'Whether it is an order: a purchase or a won deal',
    value      Decimal(18, 4)           COMMENT 'Money as it came, in units of currency',
    currency   LowCardinality(String)   COMMENT 'Currency of value, ISO 4217; empty when there is none',
    amount     Nullable(Decimal(38, 4)) COMMENT 'value in units of the base currency at the rate of the day, negative for a refund; NULL when there is no rate',
    problem    String                   COMMENT 'Why amount is NULL; empty when it is not'
)
AS
WITH
    (SELECT conversion_kinds FROM definition) AS wanted,
    (SELECT base_currency FROM definition) AS base_now
SELECT
    coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person_id,
    m.event_id AS event_id,
    m.ts AS ts,
    m.kind AS kind,
    m.channel AS channel,
    m.order_id AS order_id,
    m.kind IN wanted AS conversion,
    m.kind IN ('purchase', 'opportunity_won') AS ordered,
    m.value AS value,
    m.currency AS currency,
    multiIf(
        m.value = 0, toNullable(toDecimal128(0, 4)),
        r.rate = 0, NULL,
        toDecimal128(round(if(m.kind = 'refund', -m.value, m.value) * r.rate, 4), 4)) AS amount,
    multiIf(
        isNotNull(amount), '',
        m.currency = '', concat('money without a currency on ', toString(toDate(m.ts))),
        concat('no rate from ', m.currency, ' to ', coalesce(base_now, ''), ' for ', toString(toDate(m.ts)))) AS problem
FROM milestones AS m FINAL
LEFT JOIN person_ids AS p ON p.distinct_id = m.distinct_id
LEFT JOIN daily_rates AS r ON r.day = toDate(m.ts) AND r.currency = toString(m.currency)
WHERE m.kind IN ('purchase', 'opportunity_won', 'refund') OR m.kind IN wanted
SETTINGS join_use_nulls = 0
COMMENT 'Conversions, orders and refunds with person and worth (one row per event)'
