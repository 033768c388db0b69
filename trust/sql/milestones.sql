-- milestones holds the events of its kinds, as they are.
WITH
    expected AS
    (
        SELECT
            toDate(ts) AS day,
            [
                ('milestones', toDecimal128(count(), 4)),
                ('value', toDecimal128(sum(toDecimal128(value, 4)), 4)),
                ('by_row', toDecimal128(sum(cityHash64(
                    distinct_id, toUnixTimestamp64Milli(ts), event_id, toString(kind), toString(channel), toString(utm_source), toString(utm_medium), toString(utm_campaign), order_id,
                    value, toString(currency))), 4))
            ] AS measures
        FROM events FINAL
        WHERE ts >= toDateTime64({from:Date}, 3, 'UTC') AND ts < toDateTime64({to:Date}, 3, 'UTC')
          AND machine = ''
          AND kind IN ('email_click', 'ad_click', 'content_download', 'form_submission', 'sign_up', 'cart_add', 'checkout_start', 'purchase', 'refund', 'call', 'meeting',
                       'review', 'referral', 'lead_created', 'lead_qualified', 'opportunity_open', 'opportunity_won', 'opportunity_lost')
        GROUP BY day
    ),
    found AS
    (
        SELECT
            toDate(ts) AS day,
            [
                ('milestones', toDecimal128(count(), 4)),
                ('value', toDecimal128(sum(toDecimal128(value, 4)), 4)),
                ('by_row', toDecimal128(sum(cityHash64(
                    distinct_id, toUnixTimestamp64Milli(ts), event_id, toString(kind), toString(channel), toString(utm_source), toString(utm_medium), toString(utm_campaign), order_id,
                    value, toString(currency))), 4))
            ] AS measures
        FROM milestones FINAL
        WHERE ts >= toDateTime64({from:Date}, 3, 'UTC') AND ts < toDateTime64({to:Date}, 3, 'UTC')
        GROUP BY day
    )
SELECT day, sums.1 AS measure, toString(sumIf(sums.2, side = 'expected')) AS expected, toString(sumIf(sums.2, side = 'found')) AS found
FROM
(
    SELECT 'expected' AS side, * FROM expected
    UNION ALL
    SELECT 'found' AS side, * FROM found
)
ARRAY JOIN measures AS sums
GROUP BY day, measure
ORDER BY day, measure
