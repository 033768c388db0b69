-- LTV by cohort: what the customers who first ordered in a month have brought so far, month after month.
--
-- A triangle: one row per cohort and month since, as far as `to` has come. Month 0 is the calendar month (UTC) of the first order; revenue is orders
-- less refunds, in the base currency. A rate that is missing makes the money of that month and of the later ones NULL.
--
-- param  from       DateTime64(3) = now-365d   start of the first orders, inclusive, UTC
-- param  to         DateTime64(3) = now        their end, exclusive, UTC; nothing that happened later is counted
-- param  months     UInt16 1..240 = 12         months to show, month 0 included
-- column cohort     Date                       first day of the month of the first order
-- column month      UInt16                     months since then; 0 is that month
-- column customers  UInt64                     people of the cohort
-- column buyers     UInt64                     of these, people with an order in the month
-- column orders     UInt64                     their orders in the month
-- column revenue    Nullable(Decimal(38, 4))   orders less refunds in the month
-- column cumulative Nullable(Decimal(38, 4))   revenue from month 0 to this one
-- column ltv        Nullable(Float64)          cumulative / customers: historic LTV after so many months
-- column complete   Bool                       whether the month is over
-- column problem    String                     a rate that is missing; empty when none is
WITH
    toDateTime64({to:DateTime64(3)}, 3, 'UTC') AS present,
    moved AS
    (
        SELECT
            person_id,
            ts,
            ordered,
            amount,
            problem,
            minIf(ts, ordered) OVER (PARTITION BY person_id) AS first_at,
            max(ordered) OVER (PARTITION BY person_id) AS customer
        FROM outcomes
        WHERE kind IN ('purchase', 'opportunity_won', 'refund') AND ts < present
    ),
    cohorts AS
    (
        SELECT toStartOfMonth(toDate(first_at)) AS cohort, uniqExact(person_id) AS customers
        FROM moved
        WHERE customer AND first_at >= {from:DateTime64(3)} AND first_at < {to:DateTime64(3)}
        GROUP BY cohort
    ),
    monthly AS
    (
        SELECT
            toStartOfMonth(toDate(first_at)) AS cohort,
            toUInt16(dateDiff('month', toDate(first_at), toDate(ts))) AS month,
            uniqExactIf(person_id, ordered) AS buyers,
            countIf(ordered) AS orders,
            sum(coalesce(amount, toDecimal128(0, 4))) AS revenue,
            max(problem) AS problem
        FROM moved
        WHERE customer AND first_at >= {from:DateTime64(3)} AND first_at < {to:DateTime64(3)} AND ts >= first_at
        GROUP BY cohort, month
    ),
    cells AS
    (
        SELECT
            cohort,
            customers,
            toUInt16(arrayJoin(range(least({months:UInt16}, toUInt16(dateDiff('month', cohort, toDate(present - INTERVAL 1 MILLISECOND)) + 1))))) AS month
        FROM cohorts
    ),
    summed AS
    (
        SELECT
            cells.cohort AS cohort,
            cells.month AS month,
            cells.customers AS customers,
            monthly.buyers AS buyers,
            monthly.orders AS orders,
            monthly.revenue AS revenue_known,
            sum(monthly.revenue) OVER so_far AS cumulative_known,
            max(monthly.problem) OVER so_far AS problem
        FROM cells
        LEFT JOIN monthly ON monthly.cohort = cells.cohort AND monthly.month = cells.month
        WINDOW so_far AS (PARTITION BY cells.cohort ORDER BY cells.month)
    )
SELECT
    cohort,
    month,
    customers,
    buyers,
    orders,
    if(problem = '', toNullable(revenue_known), NULL) AS revenue,
    if(problem = '', toNullable(cumulative_known), NULL) AS cumulative,
    round(toFloat64(cumulative) / customers, 4) AS ltv,
    toBool(toDateTime64(addMonths(cohort, month + 1), 3, 'UTC') <= present) AS complete,
    problem
FROM summed
ORDER BY cohort, month
