-- Metrics over time: the funnel by day, week or month, channels added up.
--
-- Numerators and denominators are added up before they are divided, so a week is a week and not the mean of its days. What cannot be
-- told, because a rate is missing, a cost was not measured or there is nothing to divide by, is NULL, and problem says why. The first and last period may be cut.
--
-- param  from        DateTime64(3) = now-90d       start, inclusive, UTC; whole days
-- param  to          DateTime64(3) = now           end, exclusive, UTC; the day it falls into counts
-- param  metrics     Array(String) 0..50 = ''      names of metrics; nothing is all
-- param  channels    Array(String) 0..50 = ''      channels to add up; nothing is all
-- param  step        String = day                  day, week (Monday first) or month; anything else gives nothing
-- column period      Date                          its first day, UTC
-- column level       String                        counting, foundational, outcome or business
-- column metric      String
-- column value       Nullable(Float64)             numerator / denominator, or numerator where there is none; in unit
-- column numerator   Nullable(Float64)             NULL when it cannot be told
-- column denominator Nullable(Float64)             NULL where the metric is a plain sum, or when it cannot be told
-- column unit        String                        share is 0..1; money in the base currency, which is named
-- column problem     String                        why value is NULL
WITH
    totals AS
    (
        SELECT
            multiIf({step:String} = 'month', toStartOfMonth(day), {step:String} = 'week', toMonday(day), day) AS period,
            level,
            metric,
            unit,
            sum(numerator) AS over_line,
            sum(denominator) AS under_line,
            max(measured) AS is_measured,
            arraySort(groupUniqArrayIf(problem, problem NOT IN ('', 'not measured', 'nothing to divide by'))) AS missing
        FROM metric_funnel
        WHERE day >= toDate({from:DateTime64(3)}, 'UTC')
          AND day <= toDate({to:DateTime64(3)} - INTERVAL 1 MILLISECOND, 'UTC')
          AND {step:String} IN ('day', 'week', 'month')
          AND (empty({metrics:Array(String)}) OR has({metrics:Array(String)}, metric))
          AND (empty({channels:Array(String)}) OR has({channels:Array(String)}, channel))
        GROUP BY period, level, metric, unit
    )
SELECT
    period,
    level,
    metric,
    if(notEmpty(missing) OR is_measured = 0 OR under_line = 0, NULL, over_line / ifNull(under_line, 1)) AS value,
    if(isNaN(over_line) OR is_measured = 0, NULL, over_line) AS numerator,
    if(isNaN(under_line), NULL, under_line) AS denominator,
    unit,
    multiIf(notEmpty(missing), arrayStringConcat(missing, '; '), is_measured = 0, 'not measured', under_line = 0, 'nothing to divide by', '') AS problem
FROM totals
ORDER BY period, indexOf(['counting', 'foundational', 'outcome', 'business'], level), metric
