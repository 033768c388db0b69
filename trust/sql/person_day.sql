-- person_day adds up to what events say, per day and for the right people.
--
-- by_person weighs each event with its person: two mistakes that cancel out in a plain sum, such as one person's event lost and
-- another one's counted twice, do not cancel out there. Times are milliseconds since 1970.
WITH
    raw AS
    (
        SELECT
            toDate(ts) AS day,
            distinct_id,
            ts,
            kind,
            value,
            currency,
            kind NOT IN ('email_sent', 'email_delivered', 'email_bounce', 'ad_impression', 'social_impression', 'experiment_exposure') AS acted,
            channel IN ('web', 'app') AS visit
        FROM events FINAL
        WHERE ts >= toDateTime64({from:Date}, 3, 'UTC') AND ts < toDateTime64({to:Date}, 3, 'UTC')
          AND machine = '' AND kind NOT IN ('identify', 'group', 'alias')
    ),
    expected AS
    (
        SELECT
            day,
            [
                ('events', toDecimal128(count(), 4)),
                ('actions', toDecimal128(sum(acted), 4)),
                ('page_views', toDecimal128(sum(kind = 'page_view'), 4)),
                ('downloads', toDecimal128(sum(kind = 'content_download'), 4)),
                ('email_opens', toDecimal128(sum(kind = 'email_open'), 4)),
                ('email_clicks', toDecimal128(sum(kind = 'email_click'), 4)),
                ('chats', toDecimal128(sum(kind = 'chat_message'), 4)),
                ('forms', toDecimal128(sum(kind = 'form_submission'), 4)),
                ('carts', toDecimal128(sum(kind = 'cart_add'), 4)),
                ('checkouts', toDecimal128(sum(kind = 'checkout_start'), 4)),
                ('purchases', toDecimal128(sum(kind = 'purchase'), 4)),
                ('visit_times', toDecimal128(sum(visit), 4)),
                ('visit_seconds', toDecimal128(sum(if(visit, toUInt64(toUInt32(intDiv(toUnixTimestamp64Milli(ts), 1000))), 0)), 4)),
                ('first_at', toDecimal128(toUnixTimestamp64Milli(min(ts)), 4)),
                ('last_at', toDecimal128(toUnixTimestamp64Milli(max(ts)), 4)),
                ('last_action_at', toDecimal128(toUnixTimestamp64Milli(maxIf(ts, acted)), 4)),
                ('last_purchase_at', toDecimal128(toUnixTimestamp64Milli(maxIf(ts, kind = 'purchase')), 4)),
                ('by_person', toDecimal128(sum(cityHash64(distinct_id) * toUInt64(1 + 2 * acted + 4 * visit
                    + transform(kind, ['page_view', 'content_download', 'email_open', 'email_click', 'chat_message', 'form_submission', 'cart_add', 'checkout_start', 'purchase'],
                                      [8, 16, 32, 64, 128, 256, 512, 1024, 2048], 0))), 4))
            ] AS plain,
            sumMapIf(map(toString(currency), toDecimal128(if(kind = 'refund', -value, value), 4)), kind IN ('purchase', 'refund')) AS money
        FROM raw
        GROUP BY day
    ),
    found AS
    (
        SELECT
            person_day.day AS day,
            [
                ('events', toDecimal128(sum(events), 4)),
                ('actions', toDecimal128(sum(actions), 4)),
                ('page_views', toDecimal128(sum(page_views), 4)),
                ('downloads', toDecimal128(sum(downloads), 4)),
                ('email_opens', toDecimal128(sum(email_opens), 4)),
                ('email_clicks', toDecimal128(sum(email_clicks), 4)),
                ('chats', toDecimal128(sum(chats), 4)),
                ('forms', toDecimal128(sum(forms), 4)),
                ('carts', toDecimal128(sum(carts), 4)),
                ('checkouts', toDecimal128(sum(checkouts), 4)),
                ('purchases', toDecimal128(sum(purchases), 4)),
                ('visit_times', toDecimal128(sum(length(visit_times)), 4)),
                ('visit_seconds', toDecimal128(sum(arraySum(visit_times)), 4)),
                ('first_at', toDecimal128(toUnixTimestamp64Milli(min(first_at)), 4)),
                ('last_at', toDecimal128(toUnixTimestamp64Milli(max(last_at)), 4)),
                ('last_action_at', toDecimal128(toUnixTimestamp64Milli(max(last_action_at)), 4)),
                ('last_purchase_at', toDecimal128(toUnixTimestamp64Milli(max(last_purchase_at)), 4)),
                ('by_person', toDecimal128(sum(cityHash64(distinct_id) * (events + 2 * actions + 4 * length(visit_times)
                    + 8 * page_views + 16 * downloads + 32 * email_opens + 64 * email_clicks + 128 * chats + 256 * forms
                    + 512 * carts + 1024 * checkouts + 2048 * purchases)), 4))
            ] AS plain,
            sumMap(revenue) AS money
        FROM person_day
        WHERE person_day.day >= {from:Date} AND person_day.day < {to:Date}
        GROUP BY day
    )
SELECT day, sums.1 AS measure, toString(sumIf(sums.2, side = 'expected')) AS expected, toString(sumIf(sums.2, side = 'found')) AS found
FROM
(
    SELECT 'expected' AS side, * FROM expected
    UNION ALL
    SELECT 'found' AS side, * FROM found
)
ARRAY JOIN arrayConcat(plain, arrayMap((code, sum) -> (concat('revenue ', code), sum), mapKeys(money), mapValues(money))) AS sums
GROUP BY day, measure
ORDER BY day, measure
