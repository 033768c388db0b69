-- survey_day adds up to what events say, per day and under the right keys.
--
-- by_key weighs each answer with its channel, source, campaign and survey: one counted under another key leaves the plain sums as
-- they were, and changes this one. Which survey it was and what counts is said as in survey_day_mv.
WITH
    raw AS
    (
        SELECT
            toDate(ts) AS day,
            channel,
            source,
            utm_campaign AS campaign,
            lower(concat(toString(name), ' ', content_id, ' ', properties['survey_id'], ' ', properties['survey'], ' ', properties['survey_type'])) AS asked,
            multiIf(
                kind = 'review', 'review',
                position(asked, 'nps') > 0 OR position(asked, 'promoter') > 0, 'nps',
                position(asked, 'csat') > 0 OR position(asked, 'satisf') > 0, 'csat',
                'other') AS survey,
            toFloat64(assumeNotNull(score)) AS points,
            toFloat64OrZero(properties['scale']) AS stated,
            multiIf(survey = 'nps', 10, stated > 0 AND isFinite(stated), stated, 5) AS scale
        FROM events FINAL
        WHERE ts >= toDateTime64({from:Date}, 3, 'UTC') AND ts < toDateTime64({to:Date}, 3, 'UTC')
          AND kind IN ('survey_response', 'review') AND machine = '' AND isNotNull(score) AND points >= 0 AND points <= scale
    ),
    expected AS
    (
        SELECT
            day,
            [
                ('responses', toDecimal128(count(), 4)),
                ('promoters', toDecimal128(sum(survey = 'nps' AND points >= 9), 4)),
                ('passives', toDecimal128(sum(survey = 'nps' AND points > 6 AND points < 9), 4)),
                ('detractors', toDecimal128(sum(survey = 'nps' AND points <= 6), 4)),
                ('satisfied', toDecimal128(sum(survey IN ('csat', 'review') AND points / scale >= 0.8), 4)),
                ('score_sum', toDecimal128(round(least(sum(points), 1e30), 3), 4)),
                ('by_key', toDecimal128(sum(cityHash64(channel, source, campaign, survey)), 4))
            ] AS measures
        FROM raw
        GROUP BY day
    ),
    found AS
    (
        SELECT
            survey_day.day AS day,
            [
                ('responses', toDecimal128(sum(responses), 4)),
                ('promoters', toDecimal128(sum(promoters), 4)),
                ('passives', toDecimal128(sum(passives), 4)),
                ('detractors', toDecimal128(sum(detractors), 4)),
                ('satisfied', toDecimal128(sum(satisfied), 4)),
                ('score_sum', toDecimal128(round(least(sum(score_sum), 1e30), 3), 4)),
                ('by_key', toDecimal128(sum(cityHash64(channel, source, campaign, survey) * responses), 4))
            ] AS measures
        FROM survey_day
        WHERE survey_day.day >= {from:Date} AND survey_day.day < {to:Date}
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
