-- Funnel: how many people reach each step, in order.
--
-- A person counts for a step when they did it after the steps before it, all within window seconds of their first step; steps at the
-- very same time are taken in the funnel's order. Events of all ids of a person count together, machine events do not. People who
-- entered shortly before the end of the range had less time than the others.
--
-- param  steps         Array(String) 2..10      kinds of event, in order, each once: page_view,cart_add,purchase
-- param  from          DateTime64(3) = now-90d  start, inclusive, UTC
-- param  to            DateTime64(3) = now      end, exclusive, UTC
-- param  window        UInt32 1..315360000 = 604800  seconds from the first step to the last
-- column step          UInt8                    1 is the first step
-- column kind          String                   kind of event
-- column people        UInt64                   people who reached the step
-- column rate          Nullable(Float64)        share of step 1, 0..1; NULL when nobody entered
-- column previous_rate Nullable(Float64)        share of the step before, 0..1; NULL for step 1 and when nobody reached that
WITH
    {steps:Array(String)} AS steps,
    levels AS
    (
        SELECT windowFunnel({window:UInt32} * 1000)(
            toUInt64(toUnixTimestamp64Milli(ts)),
            kind = steps[1], kind = steps[2], kind = steps[3], kind = steps[4], kind = steps[5],
            kind = steps[6], kind = steps[7], kind = steps[8], kind = steps[9], kind = steps[10]) AS level
        FROM engagement_history
        WHERE ts >= {from:DateTime64(3)}
          AND ts < {to:DateTime64(3)}
          AND kind IN steps
          AND machine = ''
        GROUP BY person_id
    ),
    (SELECT sumForEach(arrayMap(n -> toUInt64(level >= n), arrayEnumerate(steps))) FROM levels) AS reached
SELECT
    toUInt8(number + 1) AS step,
    steps[step] AS kind,
    reached[step] AS people,
    round(people / nullIf(reached[1], 0), 6) AS rate,
    if(step = 1, NULL, round(people / nullIf(reached[number], 0), 6)) AS previous_rate
FROM numbers(length(steps))
WHERE throwIf(length(arrayDistinct(steps)) < length(steps), 'refused: steps: a kind is named twice; name each kind once') = 0
ORDER BY step
