-- Feeds survey_day from every insert into events. Which survey it was is told by the event's name, content_id, and by survey_id,
-- survey and survey_type, as the default definitions say it: nps or promoter, csat or satisfaction. A score that is not on the scale (nps 0 to 10; others 0 to
-- the property scale, 5 when there is none) says nothing and is left out. Nothing here may throw, whatever the event holds.
CREATE MATERIALIZED VIEW IF NOT EXISTS survey_day_mv /*ON CLUSTER*/ TO survey_day
(
    day        Date                                      COMMENT 'Day of the answers, UTC',
    channel    LowCardinality(String)                    COMMENT 'Where it was asked: survey, email, web, support, ...',
    source     LowCardinality(String)                    COMMENT 'Which write key or file mapping the answers came with',
    campaign   LowCardinality(String)                    COMMENT 'utm_campaign of the events; empty when there is none',
    survey     LowCardinality(String)                    COMMENT 'What was asked: nps, csat, review, or other',
    responses  SimpleAggregateFunction(sum, UInt64)      COMMENT 'Answers with a score that is on the scale, of humans',
    promoters  SimpleAggregateFunction(sum, UInt64)      COMMENT 'nps: scores of 9 and 10',
    passives   SimpleAggregateFunction(sum, UInt64)      COMMENT 'nps: scores over 6 and under 9',
    detractors SimpleAggregateFunction(sum, UInt64)      COMMENT 'nps: scores up to 6',
    satisfied  SimpleAggregateFunction(sum, UInt64)      COMMENT 'csat and review: the upper two of five steps (4 and 5 of 5; scores of 0.8 of the scale and more)',
    score_sum  SimpleAggregateFunction(sum, Float64)     COMMENT 'Sum of the scores, in the scale they came in'
)
AS
WITH
    lower(concat(toString(name), ' ', content_id, ' ', properties['survey_id'], ' ', properties['survey'], ' ', properties['survey_type'])) AS asked,
    multiIf(
        kind = 'review', 'review',
        position(asked, 'nps') > 0 OR position(asked, 'promoter') > 0, 'nps',
        position(asked, 'csat') > 0 OR position(asked, 'satisf') > 0, 'csat',
        'other') AS which,
    toFloat64(assumeNotNull(score)) AS points,
    toFloat64OrZero(properties['scale']) AS stated,
    multiIf(which = 'nps', 10, stated > 0 AND isFinite(stated), stated, 5) AS scale
SELECT
    toDate(ts) AS day,
    channel,
    source,
    utm_campaign AS campaign,
    which AS survey,
    count() AS responses,
    sum(which = 'nps' AND points >= 9) AS promoters,
    sum(which = 'nps' AND points > 6 AND points < 9) AS passives,
    sum(which = 'nps' AND points <= 6) AS detractors,
    sum(which IN ('csat', 'review') AND points / scale >= 0.8) AS satisfied,
    sum(points) AS score_sum
FROM events
WHERE kind IN ('survey_response', 'review') AND machine = '' AND isNotNull(score) AND points >= 0 AND points <= scale
GROUP BY day, channel, source, campaign, survey
COMMENT 'Feeds survey_day from inserts into events'
