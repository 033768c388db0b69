-- What people bought and what it was worth, of everybody or, with person, of one person (any other id of theirs will not do: person_ids has
-- the person of an id). person_value adds how they compare.
--
-- An order is a purchase or a won deal; refunds lower the revenue and are no order. Money is in the base currency: one amount without a rate
-- and the sums of that person are NULL, with the reason in problem, rather than too small.
CREATE OR REPLACE VIEW person_orders /*ON CLUSTER*/
(
    person_id      String                         COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    orders         UInt64                         COMMENT 'Purchases and won deals',
    refunds        UInt64                         COMMENT 'Refunds',
    gross          Nullable(Decimal(38, 4))       COMMENT 'Worth of the orders, in units of the base currency; NULL when a rate is missing',
    refunded       Nullable(Decimal(38, 4))       COMMENT 'Worth of the refunds, in units of the base currency',
    revenue        Nullable(Decimal(38, 4))       COMMENT 'gross less refunded',
    average_order  Nullable(Float64)              COMMENT 'gross / orders; NULL without orders',
    first_order_at Nullable(DateTime64(3, 'UTC')) COMMENT 'First order, UTC; NULL when there was none, only a refund',
    last_order_at  Nullable(DateTime64(3, 'UTC')) COMMENT 'Last order, UTC',
    cohort         Nullable(Date)                 COMMENT 'First day of the month of the first order, UTC',
    problem        String                         COMMENT 'Why money is NULL: a rate that is missing; empty when none is'
)
AS
WITH
    (SELECT base_currency FROM definition) AS base_now,
    pairs AS
    (
        SELECT distinct_id, person_id
        FROM person_ids
        WHERE {person:String} = '' OR distinct_id IN (SELECT distinct_id FROM person_pairs WHERE person_id = {person:String})
    ),
    money AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person,
            m.ts AS at,
            m.kind != 'refund' AS ordered,
            m.value != 0 AND r.rate = 0 AS missing,
            toDecimal128(round(m.value * r.rate, 4), 4) AS worth,
            if(m.currency = '', concat('money without a currency on ', toString(toDate(m.ts))), concat('no rate from ', m.currency, ' to ', coalesce(base_now, ''), ' for ', toString(toDate(m.ts)))) AS trouble
        FROM milestones AS m FINAL
        LEFT JOIN pairs AS p ON p.distinct_id = m.distinct_id
        LEFT JOIN daily_rates AS r ON r.day = toDate(m.ts) AND r.currency = toString(m.currency)
        WHERE m.kind IN ('purchase', 'opportunity_won', 'refund')
          AND ({person:String} = '' OR m.distinct_id IN
              (
                  SELECT distinct_id
                  FROM pairs
                  WHERE person_id = {person:String}
                  UNION ALL
                  SELECT {person:String}
              ))
    )
SELECT
    person AS person_id,
    countIf(ordered) AS orders,
    countIf(NOT ordered) AS refunds,
    if(max(missing), NULL, sumIf(worth, ordered)) AS gross,
    if(max(missing), NULL, sumIf(worth, NOT ordered)) AS refunded,
    gross - refunded AS revenue,
    toFloat64(gross) / nullIf(orders, 0) AS average_order,
    minOrNullIf(at, ordered) AS first_order_at,
    maxOrNullIf(at, ordered) AS last_order_at,
    toStartOfMonth(toDate(first_order_at)) AS cohort,
    minIf(trouble, missing) AS problem
FROM money
GROUP BY person
HAVING {person:String} = '' OR person = {person:String}
SETTINGS join_use_nulls = 0
COMMENT 'Orders and their worth: person_orders(person = ''''), or of one person (one row per person who bought or gave back)'
