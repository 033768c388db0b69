-- Feeds person_month from every insert into events. Sums and ends only; nothing here may throw, whatever the event holds.
-- identify, group and alias are no engagement, but they say who somebody is.
CREATE MATERIALIZED VIEW IF NOT EXISTS person_month_mv /*ON CLUSTER*/ TO person_month
(
    distinct_id       String                                                       COMMENT 'User id, or anonymous id of a visitor who is not logged in',
    month             Date                                                         COMMENT 'First day of the month of the events, UTC',
    carts             SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Human events of kind cart_add',
    checkouts         SimpleAggregateFunction(sum, UInt64)                         COMMENT 'Human events of kind checkout_start',
    orders            SimpleAggregateFunction(groupArrayArray, Array(Tuple(at DateTime64(3, 'UTC'), purchase UInt8, currency String, value Decimal(18, 4)))) COMMENT 'Human events of kind purchase (1) and refund (0), in no order: when, which, currency, money in its units, of a refund negative',
    first_at          SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'First human event of engagement in the month, UTC; NULL when there is none',
    last_at           SimpleAggregateFunction(max, DateTime64(3, 'UTC'))           COMMENT 'Last human event of engagement in the month, UTC; 1970 when there is none',
    last_action_at    SimpleAggregateFunction(max, DateTime64(3, 'UTC'))           COMMENT 'Last thing the person did in the month (person_day.actions), UTC; 1970 when there is none',
    named_at          SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'When the id was first told apart from an anonymous one in the month: a user id or traits, UTC; NULL when it was not'
)
AS
WITH
    kind NOT IN ('identify', 'group', 'alias') AS engaged,
    kind NOT IN ('identify', 'group', 'alias', 'email_sent', 'email_delivered', 'email_bounce', 'ad_impression', 'social_impression', 'experiment_exposure') AS acted
SELECT
    distinct_id,
    toStartOfMonth(toDate(ts)) AS month,
    sum(kind = 'cart_add') AS carts,
    sum(kind = 'checkout_start') AS checkouts,
    groupArrayIf((ts, toUInt8(kind = 'purchase'), toString(currency), if(kind = 'refund', -value, value)), kind IN ('purchase', 'refund')) AS orders,
    minOrNullIf(ts, engaged) AS first_at,
    maxIf(ts, engaged) AS last_at,
    maxIf(ts, acted) AS last_action_at,
    minOrNullIf(ts, user_id != '' OR kind = 'identify') AS named_at
FROM events
WHERE machine = '' AND distinct_id != ''
GROUP BY distinct_id, month
COMMENT 'Feeds person_month from inserts into events'
