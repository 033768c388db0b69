-- visit_day holds the hits of its days, each of the right id, at the right time, with its page and origin.
--
-- by_hit weighs each hit with everything it is made of: hits that changed places do not cancel out there.
WITH
    expected AS
    (
        SELECT
            toDate(ts) AS day,
            [
                ('hits', toDecimal128(count(), 4)),
                ('by_hit', toDecimal128(sum(cityHash64(
                    distinct_id,
                    toUnixTimestamp64Milli(ts),
                    if(kind = 'page_view', multiIf(path != '', path, name != '', toString(name), '/'), ''),
                    toString(utm_source),
                    toString(utm_medium),
                    toString(utm_campaign),
                    if(referrer = '' OR domain(referrer) = domain(url), '', referrer))), 4))
            ] AS measures
        FROM events FINAL
        WHERE ts >= toDateTime64({from:Date}, 3, 'UTC') AND ts < toDateTime64({to:Date}, 3, 'UTC')
          AND machine = '' AND channel IN ('web', 'app') AND kind NOT IN ('identify', 'group', 'alias')
        GROUP BY day
    ),
    found AS
    (
        SELECT
            visit_day.day AS day,
            [
                ('hits', toDecimal128(count(), 4)),
                ('by_hit', toDecimal128(sum(cityHash64(
                    distinct_id, toUnixTimestamp64Milli(hit.at), hit.page, hit.utm_source, hit.utm_medium, hit.utm_campaign, hit.referrer)), 4))
            ] AS measures
        FROM visit_day
        ARRAY JOIN hits AS hit
        WHERE visit_day.day >= {from:Date} AND visit_day.day < {to:Date}
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
