-- origins holds every way in of the month once (its day is the first of the month), and no other.
WITH
    raw AS
    (
        SELECT
            toStartOfMonth(toDate(ts)) AS day,
            channel NOT IN ('web', 'app') AS elsewhere,
            lowerUTF8(toString(utm_source)) AS source,
            multiIf(NOT elsewhere OR utm_medium != '', lowerUTF8(toString(utm_medium)), kind = 'email_click', 'email', 'cpc') AS medium,
            if(elsewhere OR events.referrer = '' OR domain(events.referrer) = domain(url), '', lowerUTF8(cutQueryStringAndFragment(events.referrer))) AS site
        FROM events FINAL
        WHERE ts >= toDateTime64(toStartOfMonth({from:Date}), 3, 'UTC') AND ts < toDateTime64(addMonths(toStartOfMonth({to:Date} - 1), 1), 3, 'UTC')
          AND machine = ''
          AND if(elsewhere, kind IN ('email_click', 'ad_click'), kind NOT IN ('identify', 'group', 'alias') AND (utm_source != '' OR utm_medium != '' OR events.referrer != ''))
    ),
    ways AS
    (
        SELECT DISTINCT 'expected' AS side, day, source, medium, site FROM raw
        UNION ALL
        SELECT DISTINCT 'found' AS side, origins.month AS day, origins.source, origins.medium, origins.referrer AS site
        FROM origins
        WHERE origins.month >= toStartOfMonth({from:Date}) AND origins.month < {to:Date}
    ),
    months AS
    (
        SELECT
            side,
            day,
            [
                ('origins', toDecimal128(count(), 4)),
                ('by_origin', toDecimal128(sum(cityHash64(source, medium, site)), 4))
            ] AS measures
        FROM ways
        GROUP BY side, day
    )
SELECT day, sums.1 AS measure, toString(sumIf(sums.2, side = 'expected')) AS expected, toString(sumIf(sums.2, side = 'found')) AS found
FROM months
ARRAY JOIN measures AS sums
GROUP BY day, measure
ORDER BY day, measure
