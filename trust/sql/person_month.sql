-- person_month holds what each id did in the month (its day is the first of the month).
--
-- by_order weighs each purchase and refund with everything it is made of; by_person each id with its counts and the ends of its month. The
-- sums per id come one id after the other, in the order that both tables are kept in: nothing of the size of the month is in memory.
WITH
    people AS
    (
        SELECT
            distinct_id,
            toStartOfMonth(toDate(ts)) AS day,
            sum(kind = 'cart_add') AS carts,
            sum(kind = 'checkout_start') AS checkouts,
            countIf(kind IN ('purchase', 'refund')) AS orders,
            sumIf(cityHash64(distinct_id, toUnixTimestamp64Milli(ts), toUInt8(kind = 'purchase'), toString(currency), if(kind = 'refund', -value, value)), kind IN ('purchase', 'refund')) AS by_order,
            toUnixTimestamp64Milli(ifNull(minOrNullIf(ts, kind NOT IN ('identify', 'group', 'alias')), toDateTime64(0, 3, 'UTC'))) AS first_ms,
            toUnixTimestamp64Milli(maxIf(ts, kind NOT IN ('identify', 'group', 'alias'))) AS last_ms,
            toUnixTimestamp64Milli(maxIf(ts, kind NOT IN ('identify', 'group', 'alias', 'email_sent', 'email_delivered', 'email_bounce', 'ad_impression', 'social_impression', 'experiment_exposure'))) AS last_action_ms,
            toUnixTimestamp64Milli(ifNull(minOrNullIf(ts, user_id != '' OR kind = 'identify'), toDateTime64(0, 3, 'UTC'))) AS named_ms
        FROM events FINAL
        WHERE ts >= toDateTime64(toStartOfMonth({from:Date}), 3, 'UTC') AND ts < toDateTime64(addMonths(toStartOfMonth({to:Date} - 1), 1), 3, 'UTC')
          AND machine = '' AND distinct_id != ''
        GROUP BY distinct_id, day
        SETTINGS optimize_aggregation_in_order = 1
    ),
    merged AS
    (
        SELECT
            distinct_id,
            person_month.month AS day,
            sum(person_month.carts) AS carts,
            sum(person_month.checkouts) AS checkouts,
            sum(length(person_month.orders)) AS orders,
            sum(arraySum(o -> cityHash64(distinct_id, toUnixTimestamp64Milli(o.1), o.2, o.3, o.4), person_month.orders)) AS by_order,
            toUnixTimestamp64Milli(ifNull(min(person_month.first_at), toDateTime64(0, 3, 'UTC'))) AS first_ms,
            toUnixTimestamp64Milli(max(person_month.last_at)) AS last_ms,
            toUnixTimestamp64Milli(max(person_month.last_action_at)) AS last_action_ms,
            toUnixTimestamp64Milli(ifNull(min(person_month.named_at), toDateTime64(0, 3, 'UTC'))) AS named_ms
        FROM person_month
        WHERE person_month.month >= toStartOfMonth({from:Date}) AND person_month.month < {to:Date}
        GROUP BY distinct_id, day
        SETTINGS optimize_aggregation_in_order = 1
    ),
    both AS
    (
        SELECT 'expected' AS side, day, distinct_id, carts, checkouts, orders, by_order, first_ms, last_ms, last_action_ms, named_ms FROM people
        UNION ALL
        SELECT 'found' AS side, day, distinct_id, carts, checkouts, orders, by_order, first_ms, last_ms, last_action_ms, named_ms FROM merged
    ),
    months AS
    (
        SELECT
            side,
            day,
            [
                ('people', toDecimal128(count(), 4)),
                ('carts', toDecimal128(sum(carts), 4)),
                ('checkouts', toDecimal128(sum(checkouts), 4)),
                ('orders', toDecimal128(sum(orders), 4)),
                ('by_order', toDecimal128(sum(by_order), 4)),
                ('first_at', toDecimal128(sum(first_ms), 4)),
                ('last_at', toDecimal128(sum(last_ms), 4)),
                ('last_action_at', toDecimal128(sum(last_action_ms), 4)),
                ('named_at', toDecimal128(sum(named_ms), 4)),
                ('by_person', toDecimal128(sum(cityHash64(distinct_id, carts, checkouts, orders, first_ms, last_ms, last_action_ms, named_ms)), 4))
            ] AS measures
        FROM both
        GROUP BY side, day
    )
SELECT day, sums.1 AS measure, toString(sumIf(sums.2, side = 'expected')) AS expected, toString(sumIf(sums.2, side = 'found')) AS found
FROM months
ARRAY JOIN measures AS sums
GROUP BY day, measure
ORDER BY day, measure
