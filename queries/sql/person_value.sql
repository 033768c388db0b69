-- Value of customers: orders, what they brought so far, and where they stand among all customers; those who brought most first.
--
-- Any id a person is known by finds them. No row means neither order nor refund. What each number means stands with the view person_value, where
-- it is defined; money is in the base currency.
--
-- param  person         String = ''                     any id of a person; empty: everybody
-- param  limit          UInt32 1..100000 = 100          most people
-- column person_id      String                          the person: a user id, or an anonymous id nobody has claimed
-- column orders         UInt64                          purchases and won deals
-- column refunds        UInt64                          refunds
-- column gross          Nullable(Decimal(38, 4))        worth of the orders
-- column refunded       Nullable(Decimal(38, 4))        worth of the refunds
-- column revenue        Nullable(Decimal(38, 4))        gross less refunded
-- column average_order  Nullable(Float64)               gross / orders
-- column historic_ltv   Nullable(Decimal(38, 4))        what they brought so far: revenue
-- column predicted_ltv  Nullable(Float64)               NULL until a model says so
-- column first_order_at Nullable(DateTime64(3, 'UTC'))  first order
-- column last_order_at  Nullable(DateTime64(3, 'UTC'))  last order
-- column cohort         Nullable(Date)                  first day of the month of the first order
-- column rfm            String                          recency, frequency and monetary, each 1 to 5
-- column problem        String                          a rate that is missing; empty when none is
SELECT
    person_id,
    orders,
    refunds,
    gross,
    refunded,
    revenue,
    average_order,
    historic_ltv,
    predicted_ltv,
    first_order_at,
    last_order_at,
    cohort,
    rfm,
    problem
FROM person_value
WHERE {person:String} = ''
   OR person_id = (SELECT coalesce(nullIf(max(person_id), ''), {person:String}) FROM person_ids WHERE distinct_id = {person:String})
ORDER BY revenue DESC NULLS LAST, person_id
LIMIT {limit:UInt32}
