-- Every metric of the definitions, per day and channel: counts, then interaction and advocacy, then outcomes, then money.
--
-- To add up days and channels, add up the two columns and divide again:
--   if(max(measured) = 0, NULL, sum(numerator) / nullIf(ifNull(sum(denominator), 1), 0))
-- A metric that is a plain sum has no denominator (NULL). A numerator of measurements only, such as cost, is not known where nobody measured:
-- a channel without costs is not free. Over several days and channels, one measurement is enough: what all cost is divided by what all brought. What cannot be told, because a rate is missing, is NaN in numerator or
-- denominator, so a sum that holds it is NaN too, and problem says why.
CREATE OR REPLACE VIEW metric_funnel /*ON CLUSTER*/
(
    day         Date              COMMENT 'Day, UTC',
    level       String            COMMENT 'counting, foundational, outcome or business',
    metric      String            COMMENT 'Name of the metric, from the definitions',
    channel     String            COMMENT 'Where it happened; empty when it belongs to no single channel',
    value       Nullable(Float64) COMMENT 'numerator / denominator, or numerator where the metric is a plain sum; in unit; NULL when it cannot be told, see problem',
    numerator   Float64           COMMENT 'Adds up over days and channels; NaN when an amount in it cannot be told',
    denominator Nullable(Float64) COMMENT 'Adds up over days and channels; NULL when the metric is a plain sum; NaN when an amount in it cannot be told',
    measured    Nullable(UInt8)   COMMENT 'NULL when the numerator counts what happened; when it is made of measurements only, 1 if there is one and 0 if there is none, so that value cannot be told; over days and channels the greatest counts',
    unit        String            COMMENT 'events, people, share (0..1, of nps -1..1), ratio, seconds, or the base currency',
    problem     String            COMMENT 'Why value is NULL: a missing rate, not measured, or nothing to divide by; empty when it is not'
)
AS
WITH
    (SELECT toString(base_currency) FROM definition) AS base_code,
    wanted AS
    (
        SELECT
            tupleElement(m, 'level') AS metric_level,
            tupleElement(m, 'metric') AS metric_name,
            if(tupleElement(m, 'unit') = 'money', base_code, tupleElement(m, 'unit')) AS metric_unit,
            notEmpty(tupleElement(m, 'denominator')) AS is_ratio,
            arrayAll(t -> startsWith(t, 'measurement:') OR startsWith(t, '-measurement:'), tupleElement(m, 'numerator')) AS only_measured,
            tupleElement(part, 1) AS above,
            if(startsWith(tupleElement(part, 2), '-'), substring(tupleElement(part, 2), 2), tupleElement(part, 2)) AS wanted_term,
            if(startsWith(tupleElement(part, 2), '-'), -1, 1) AS sign
        FROM (SELECT arrayJoin(metrics) AS m FROM definition)
        ARRAY JOIN arrayConcat(
            arrayMap(t -> (1, t), tupleElement(m, 'numerator')),
            arrayMap(t -> (0, t), tupleElement(m, 'denominator'))) AS part
    ),
    summed AS
    (
        SELECT
            terms.day AS sum_day,
            terms.channel AS sum_channel,
            wanted.metric_level AS metric_level,
            wanted.metric_name AS metric_name,
            wanted.metric_unit AS metric_unit,
            sumIf(terms.amount * wanted.sign, wanted.above = 1) AS over_line,
            if(any(wanted.is_ratio), sumIf(terms.amount * wanted.sign, wanted.above = 0), NULL) AS under_line,
            if(any(wanted.only_measured), toUInt8(countIf(wanted.above = 1) > 0), NULL) AS is_measured,
            arrayStringConcat(arraySort(groupUniqArrayIf(terms.problem, terms.problem != '')), '; ') AS why
        FROM funnel_terms AS terms
        INNER JOIN wanted ON wanted.wanted_term = terms.term
        GROUP BY sum_day, sum_channel, metric_level, metric_name, metric_unit
    )
SELECT
    sum_day AS day,
    metric_level AS level,
    metric_name AS metric,
    sum_channel AS channel,
    if(why != '' OR is_measured = 0 OR under_line = 0, NULL, over_line / ifNull(under_line, 1)) AS value,
    over_line AS numerator,
    under_line AS denominator,
    is_measured AS measured,
    metric_unit AS unit,
    multiIf(why != '', why, is_measured = 0, 'not measured', under_line = 0, 'nothing to divide by', '') AS problem
FROM summed
SETTINGS join_use_nulls = 0
COMMENT 'Metrics by level, per day and channel (one row per day, level, metric and channel)'
