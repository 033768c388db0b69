-- Metrics by channel: the funnel of a period, channel by channel.
--
-- A channel is where something happened, so a metric whose parts happen on different channels (money on the web, spending on ads) is told
-- by all alone; attribution says which channel brought what. all adds up numerators and denominators of every channel: cac of all is what was
-- spent anywhere over all new customers. Where no cost was measured, cac and the like are NULL, because nobody knows that it was free.
--
-- param  from        DateTime64(3) = now-30d       start, inclusive, UTC; whole days
-- param  to          DateTime64(3) = now           end, exclusive, UTC; the day it falls into counts
-- param  metrics     Array(String) 0..50 = ''      names of metrics; nothing is all
-- column level       String                        counting, foundational, outcome or business
-- column metric      String
-- column channel     String                        all, or where it happened; empty when on no single channel
-- column value       Nullable(Float64)             numerator / denominator, or numerator where there is none; in unit
-- column numerator   Nullable(Float64)             NULL when it cannot be told
-- column denominator Nullable(Float64)             NULL where the metric is a plain sum, or when it cannot be told
-- column unit        String                        share is 0..1; money in the base currency, which is named
-- column problem     String                        why value is NULL
WITH
    totals AS
    (
        SELECT
            arrayJoin(['all', concat('at ', funnel.channel)]) AS place,
            level,
            metric,
            unit,
            sum(funnel.numerator) AS over_line,
            sum(funnel.denominator) AS under_line,
            max(funnel.measured) AS is_measured,
            arraySort(groupUniqArrayIf(funnel.problem, funnel.problem NOT IN ('', 'not measured', 'nothing to divide by'))) AS missing
        FROM metric_funnel AS funnel
        WHERE day >= toDate({from:DateTime64(3)}, 'UTC')
          AND day <= toDate({to:DateTime64(3)} - INTERVAL 1 MILLISECOND, 'UTC')
          AND (empty({metrics:Array(String)}) OR has({metrics:Array(String)}, metric))
        GROUP BY place, level, metric, unit
    )
SELECT
    level,
    metric,
    if(place = 'all', 'all', substring(place, 4)) AS channel,
    if(notEmpty(missing) OR is_measured = 0 OR under_line = 0, NULL, over_line / ifNull(under_line, 1)) AS value,
    if(isNaN(over_line) OR is_measured = 0, NULL, over_line) AS numerator,
    if(isNaN(under_line), NULL, under_line) AS denominator,
    unit,
    multiIf(notEmpty(missing), arrayStringConcat(missing, '; '), is_measured = 0, 'not measured', under_line = 0, 'nothing to divide by', '') AS problem
FROM totals
ORDER BY indexOf(['counting', 'foundational', 'outcome', 'business'], level), metric, place != 'all', channel
