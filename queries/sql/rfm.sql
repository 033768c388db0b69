-- RFM: customers by how recently and how often they ordered, and what they brought.
--
-- Scores are fifths of all customers as of now, 5 the best; equal customers get equal scores, so a score may be empty (view person_value). Money is
-- in the base currency, and NULL where a rate is missing for somebody of the row.
--
-- column recency       UInt8                      5: the fifth that ordered last
-- column frequency     UInt8                      5: the fifth with most orders
-- column customers     UInt64                     people
-- column orders        UInt64                     their orders
-- column revenue       Nullable(Decimal(38, 4))   what they brought so far
-- column per_customer  Nullable(Float64)          revenue / customers
-- column monetary      Nullable(Float64)          their monetary scores on average
-- column last_order_at DateTime64(3, 'UTC')       last order of any of them
-- column problem       String                     a rate that is missing; empty when none is
SELECT
    assumeNotNull(value.recency) AS recency,
    assumeNotNull(value.frequency) AS frequency,
    count() AS customers,
    sum(value.orders) AS orders,
    if(max(value.problem) = '', toNullable(sum(assumeNotNull(value.revenue))), NULL) AS revenue,
    round(toFloat64(revenue) / customers, 4) AS per_customer,
    round(avg(value.monetary), 4) AS monetary,
    max(assumeNotNull(value.last_order_at)) AS last_order_at,
    minIf(value.problem, value.problem != '') AS problem
FROM person_value AS value
WHERE value.orders > 0
GROUP BY recency, frequency
ORDER BY recency DESC, frequency DESC
