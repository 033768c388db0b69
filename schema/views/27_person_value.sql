-- What each customer is worth, and where they stand among the customers.
--
-- historic_ltv is what the customer brought so far: the part of the lifetime value that has happened, which is the revenue.
-- RFM: recency (day of the last order), frequency (orders), monetary (revenue), each from 1 to 5: 1 + floor(5 x share of the customers who are
-- strictly worse). Equal customers get the same score whatever their order, so a score may be missing when many are equal: where half bought
-- once, nobody has a frequency of 2. Recency looks at days, not times. Who has no order has no score; whose money is NULL has no monetary
-- score and is not counted in that of others.
CREATE OR REPLACE VIEW person_value /*ON CLUSTER*/
(
    person_id      String                         COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    orders         UInt64                         COMMENT 'Purchases and won deals',
    refunds        UInt64                         COMMENT 'Refunds',
    gross          Nullable(Decimal(38, 4))       COMMENT 'Worth of the orders, in units of the base currency; NULL when a rate is missing',
    refunded       Nullable(Decimal(38, 4))       COMMENT 'Worth of the refunds, in units of the base currency',
    revenue        Nullable(Decimal(38, 4))       COMMENT 'gross less refunded',
    average_order  Nullable(Float64)              COMMENT 'gross / orders; NULL without orders',
    historic_ltv   Nullable(Decimal(38, 4))       COMMENT 'What the customer brought so far, in units of the base currency: revenue',
    predicted_ltv  Nullable(Float64)              COMMENT 'What the customer is expected to bring; NULL until a model says so',
    first_order_at Nullable(DateTime64(3, 'UTC')) COMMENT 'First order, UTC; NULL when there was none, only a refund',
    last_order_at  Nullable(DateTime64(3, 'UTC')) COMMENT 'Last order, UTC',
    cohort         Nullable(Date)                 COMMENT 'First day of the month of the first order, UTC',
    recency        Nullable(UInt8)                COMMENT '1 to 5; 5: among the fifth that bought last',
    frequency      Nullable(UInt8)                COMMENT '1 to 5; 5: among the fifth that bought most often',
    monetary       Nullable(UInt8)                COMMENT '1 to 5; 5: among the fifth that brought most',
    rfm            String                         COMMENT 'recency, frequency and monetary in one text, such as 543; - for one that is missing; empty without orders',
    problem        String                         COMMENT 'Why money is NULL: a rate that is missing; empty when none is'
)
AS
WITH ranked AS
    (
        SELECT
            *,
            orders > 0 AS bought,
            bought AND isNotNull(revenue) AS valued,
            toUInt64(countIf(bought) OVER ()) AS buyers,
            toUInt64(countIf(valued) OVER ()) AS valued_buyers,
            rank() OVER (PARTITION BY bought ORDER BY toDate(last_order_at)) - 1 AS staler,
            rank() OVER (PARTITION BY bought ORDER BY orders) - 1 AS rarer,
            rank() OVER (PARTITION BY valued ORDER BY revenue) - 1 AS poorer
        FROM person_orders(person = '')
    )
SELECT
    person_id,
    orders,
    refunds,
    gross,
    refunded,
    revenue,
    average_order,
    revenue AS historic_ltv,
    NULL AS predicted_ltv,
    first_order_at,
    last_order_at,
    cohort,
    if(bought, toUInt8(1 + intDiv(5 * staler, greatest(buyers, 1))), NULL) AS recency,
    if(bought, toUInt8(1 + intDiv(5 * rarer, greatest(buyers, 1))), NULL) AS frequency,
    if(valued, toUInt8(1 + intDiv(5 * poorer, greatest(valued_buyers, 1))), NULL) AS monetary,
    if(bought, concat(toString(assumeNotNull(recency)), toString(assumeNotNull(frequency)), if(valued, toString(assumeNotNull(monetary)), '-')), '') AS rfm,
    problem
FROM ranked
COMMENT 'Value of customers, in the base currency (one row per person who bought or gave back)'
