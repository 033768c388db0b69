-- The loop of metrics: what a period was worth, and what fed it, against the period before, per channel.
--
-- From business down: revenue, cost and what they make of each other, then the outcomes, then interaction and advocacy, then the
-- counts. Each with the same number of days before. all adds up every channel; a channel is where something happened, so money on the web
-- and spending on ads meet only in all. What is made of measurements only, such as cost and cac, is NULL where none was measured.
--
-- param  from     DateTime64(3) = now-30d       start, inclusive, UTC; whole days
-- param  to       DateTime64(3) = now           end, exclusive, UTC; the day it falls into counts
-- param  channels Array(String) 0..50 = ''      channels to show beside all; nothing is every one
-- column level    String                        business, outcome, foundational or counting
-- column metric   String
-- column channel  String                        all, or where it happened; empty when on no single channel
-- column value    Nullable(Float64)             of the period, in unit; NULL when it cannot be told, see problem
-- column before   Nullable(Float64)             of the period before
-- column change   Nullable(Float64)             value / before - 1; NULL when one of them is NULL or before is 0
-- column unit     String                        share is 0..1; money in the base currency, which is named
-- column problem  String                        why value or before is NULL
WITH
    toDate({from:DateTime64(3)}, 'UTC') AS first_day,
    toDate({to:DateTime64(3)} - INTERVAL 1 MILLISECOND, 'UTC') AS last_day,
    toDate(greatest(0, toInt32(first_day) - (toInt32(last_day) - toInt32(first_day) + 1))) AS first_before,
    ['business', 'outcome', 'foundational', 'counting'] AS levels,
    totals AS
    (
        SELECT
            arrayJoin(['all', concat('at ', funnel.channel)]) AS place,
            level,
            metric,
            unit,
            sumIf(funnel.numerator, funnel.day >= first_day) AS over_now,
            sumIf(funnel.denominator, funnel.day >= first_day) AS under_now,
            countIf(funnel.day >= first_day) AS rows_now,
            sumIf(funnel.numerator, funnel.day < first_day) AS over_then,
            sumIf(funnel.denominator, funnel.day < first_day) AS under_then,
            count() - rows_now AS rows_then,
            count(funnel.denominator) > 0 AS is_ratio,
            count(funnel.measured) > 0 AND countIf(funnel.measured = 1 AND funnel.day >= first_day) = 0 AS unmeasured_now,
            count(funnel.measured) > 0 AND countIf(funnel.measured = 1 AND funnel.day < first_day) = 0 AS unmeasured_then,
            arraySort(groupUniqArrayIf(funnel.problem, funnel.day >= first_day AND funnel.problem NOT IN ('', 'not measured', 'nothing to divide by'))) AS missing_now,
            arraySort(groupUniqArrayIf(funnel.problem, funnel.day < first_day AND funnel.problem NOT IN ('', 'not measured', 'nothing to divide by'))) AS missing_then
        FROM metric_funnel AS funnel
        WHERE funnel.day BETWEEN first_before AND last_day
        GROUP BY place, level, metric, unit
    )
SELECT
    level,
    metric,
    if(place = 'all', 'all', substring(place, 4)) AS channel,
    if(notEmpty(missing_now) OR unmeasured_now OR is_ratio AND ifNull(under_now, 0) = 0, NULL, over_now / if(is_ratio, under_now, 1)) AS value,
    if(notEmpty(missing_then) OR unmeasured_then OR is_ratio AND ifNull(under_then, 0) = 0, NULL, over_then / if(is_ratio, under_then, 1)) AS before,
    value / nullIf(before, 0) - 1 AS change,
    unit,
    arrayStringConcat(arrayDistinct(arrayConcat(
        missing_now, missing_then,
        if(unmeasured_now OR unmeasured_then, ['not measured'], []),
        if(is_ratio AND isNull(value) AND NOT unmeasured_now AND empty(missing_now), ['nothing to divide by'], []))), '; ') AS problem
FROM totals
WHERE place = 'all' OR empty({channels:Array(String)}) OR has({channels:Array(String)}, substring(place, 4))
ORDER BY indexOf(levels, level), metric, place != 'all', channel
