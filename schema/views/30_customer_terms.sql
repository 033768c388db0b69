-- The terms of metrics that ask for customers: an order is a purchase or a won deal, a customer a person with one. Ids are put
-- together to people as of now. The service keeps the answer in person_term_days; read funnel_terms, not this.
--
--   person:first_purchases   customers whose first order was that day
--   person:second_purchases  customers whose second order was that day
--   person:repeat_purchases  orders that were not a customer's first
--   person:acquired_revenue  of those with their first order that day: all they paid so far, less refunds, in the base currency
--   person:seconds_to_first_purchase  of those with their first order that day: seconds from their first event to it
--
-- All of a customer's terms stand at the channel of their first order, so that "of those won there, how many bought again" has
-- both numbers in one place. An amount that cannot be converted makes its sum NaN, never smaller: NaN stays NaN when added up.
CREATE OR REPLACE VIEW customer_terms /*ON CLUSTER*/
(
    day     Date    COMMENT 'Day of the order that counts, UTC',
    channel String  COMMENT 'Channel of the first order',
    term    String  COMMENT 'person:first_purchases, person:second_purchases, person:repeat_purchases, person:acquired_revenue or person:seconds_to_first_purchase',
    amount  Float64 COMMENT 'How many, how many seconds, or how much in the base currency; NaN when it cannot be told, see problem',
    problem String  COMMENT 'Why amount is NaN: which rate is missing for which day; empty when it is not'
)
AS
WITH
    orders AS
    (
        SELECT
            person_id AS person,
            ts AS ordered_at,
            ordered,
            toString(channel) AS order_channel,
            ifNull(toFloat64(amount), nan) AS worth,
            problem AS why
        FROM outcomes
        WHERE kind IN ('purchase', 'opportunity_won', 'refund')
    ),
    customers AS
    (
        SELECT
            person,
            arraySort(groupArrayIf((ordered_at, order_channel), ordered)) AS bought,
            tupleElement(bought[1], 1) AS first_at,
            tupleElement(bought[1], 2) AS first_channel,
            toDate(tupleElement(bought[1], 1)) AS first_day,
            arrayMap(one -> toDate(tupleElement(one, 1)), arrayPopFront(bought)) AS later_days,
            sum(worth) AS brought,
            groupUniqArrayIf(why, why != '') AS problems
        FROM orders
        GROUP BY person
        HAVING notEmpty(bought)
    ),
    met AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person,
            min(m.first_at) AS first_event
        FROM person_month AS m
        LEFT JOIN person_ids AS p ON p.distinct_id = m.distinct_id
        WHERE isNotNull(m.first_at)
        GROUP BY person
    )
SELECT
    tupleElement(item, 1) AS day,
    first_channel AS channel,
    tupleElement(item, 2) AS term,
    sum(tupleElement(item, 3)) AS amount,
    arrayStringConcat(arraySort(groupUniqArrayArray(tupleElement(item, 4))), '; ') AS problem
FROM
(
    SELECT
        customers.first_channel AS first_channel,
        arrayJoin(arrayConcat(
            [(first_day, 'person:first_purchases', toFloat64(1), emptyArrayString())],
            [(first_day, 'person:acquired_revenue', brought, problems)],
            [(first_day, 'person:seconds_to_first_purchase', (toUnixTimestamp64Milli(first_at) - toUnixTimestamp64Milli(least(first_at, coalesce(met.first_event, first_at)))) / 1000, emptyArrayString())],
            arrayMap(later -> (later, 'person:second_purchases', toFloat64(1), emptyArrayString()), arraySlice(later_days, 1, 1)),
            arrayMap(later -> (later, 'person:repeat_purchases', toFloat64(1), emptyArrayString()), later_days))) AS item
    FROM met
    RIGHT JOIN customers ON customers.person = met.person
)
GROUP BY day, channel, term
SETTINGS join_use_nulls = 0
COMMENT 'Customers and what they brought, by day and channel of their first order (one row per day, channel and term)'
