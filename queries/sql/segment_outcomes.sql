-- Segment outcomes: do the people who come into a tier or micro-segment convert, and more than the others?
--
-- Takes the people who came into a tier, and into each micro-segment, within the range, and looks for a conversion within so many days after: of
-- whichever kinds the definitions call one. An outcome is known when these days are over; earlier conversions do not count before that, or rates
-- would begin too high. What a person was like when they came stands in tier_history and never changes later. A segment is gold when enough outcomes are
-- known and enough of them are conversions (gold_people and gold_rate of the definitions); below that number it is too few to tell.
--
-- param  from          DateTime64(3) = now-90d   came from, inclusive, UTC
-- param  to            DateTime64(3) = now       came to, exclusive, UTC
-- param  days          UInt16 0..3650 = 0        days to wait for a conversion; 0: conversion_days of the definitions
-- param  as_of         DateTime64(3) = now       nothing later than this is known, UTC
-- column segment       String                    tier 2, or tier 2 high
-- column people        UInt64                    who came
-- column known         UInt64                    of them, with a known outcome
-- column conversions   UInt64                    of those, who converted in time
-- column rate          Nullable(Float64)         conversions / known, 0..1
-- column rate_low      Nullable(Float64)         lower end of its Wilson 95 % interval
-- column rate_high     Nullable(Float64)         upper end
-- column lift          Nullable(Float64)         rate over that of the other tiers, or of the other micro-segments; NULL when they have none
-- column verdict       String                    gold, not gold, too few to tell
-- column warning       String                    more than six micro-segments are hard to act on; empty when all is well
WITH
    1.959963984540054 AS z,
    (k, n) -> if(n = 0, NULL, (k + z * z / 2) / (n + z * z)) AS wilson_centre,
    (k, n) -> if(n = 0, NULL, z * sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)) AS wilson_reach,
    (SELECT tuple(conversion_kinds, conversion_days, gold_people, gold_rate, length(arrayDistinct(arrayMap(s -> (s.tier, s.name), micro_segments)))) FROM definition) AS defined,
    if({days:UInt16} = 0, defined.2, {days:UInt16}) AS wait,
    came AS
    (
        SELECT
            if(ids.person_id = '', history.person_id, ids.person_id) AS person,
            arrayJoin(arrayFilter(s -> s.3, [
                (1, concat('tier ', toString(history.tier)), history.from_tier != history.tier),
                (2, concat('tier ', toString(history.tier), ' ', history.micro_segment), history.micro_segment != '')])) AS place,
            min(history.at) AS came_at
        FROM
        (
            SELECT person_id, at, from_tier, tier, micro_segment
            FROM tier_history
            WHERE at >= {from:DateTime64(3)}
              AND at < {to:DateTime64(3)}
              AND at < {as_of:DateTime64(3)}
              AND tier > 0
        ) AS history
        LEFT JOIN person_ids AS ids ON ids.distinct_id = history.person_id
        GROUP BY person, place
    ),
    conversions AS
    (
        SELECT
            if(ids.person_id = '', e.distinct_id, ids.person_id) AS person,
            groupArray(e.ts) AS times
        FROM
        (
            SELECT distinct_id, ts
            FROM events
            WHERE has(defined.1, kind)
              AND machine = ''
              AND ts >= {from:DateTime64(3)}
              AND ts < {to:DateTime64(3)} + toIntervalDay(wait)
              AND ts < {as_of:DateTime64(3)}
        ) AS e
        LEFT JOIN person_ids AS ids ON ids.distinct_id = e.distinct_id
        GROUP BY person
    ),
    segments AS
    (
        SELECT
            came.place.1 AS level,
            came.place.2 AS segment,
            count() AS people,
            countIf(came.came_at + toIntervalDay(wait) <= {as_of:DateTime64(3)}) AS known,
            countIf(came.came_at + toIntervalDay(wait) <= {as_of:DateTime64(3)}
                AND arrayExists(at -> at >= came.came_at AND at < came.came_at + toIntervalDay(wait), conversions.times)) AS converted
        FROM came
        LEFT JOIN conversions ON conversions.person = came.person
        GROUP BY level, segment
    ),
    compared AS
    (
        SELECT
            *,
            sum(known) OVER (PARTITION BY level) - known AS known_rest,
            sum(converted) OVER (PARTITION BY level) - converted AS converted_rest
        FROM segments
    )
SELECT
    segment,
    people,
    known,
    converted AS conversions,
    if(known = 0, NULL, round(converted / known, 6)) AS rate,
    round(wilson_centre(converted, known) - wilson_reach(converted, known), 6) AS rate_low,
    round(wilson_centre(converted, known) + wilson_reach(converted, known), 6) AS rate_high,
    if(known = 0 OR converted_rest = 0, NULL, round(converted / known / (converted_rest / known_rest), 6)) AS lift,
    multiIf(known < defined.3, 'too few to tell', converted / known >= defined.4, 'gold', 'not gold') AS verdict,
    ifNull(if(defined.5 > 6, concat(toString(defined.5), ' micro-segments: more than six are hard to act on'), ''), '') AS warning
FROM compared
ORDER BY level, segment DESC
