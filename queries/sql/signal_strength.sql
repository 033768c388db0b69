-- Signal strength: how often do two signals mislead, how often three?
--
-- Takes the people who met at least two criteria of tier 2 within the range, and those who met at least three, and looks for a conversion within so many
-- days after they first did. Who did not convert in that time is a false positive. Only outcomes whose days are over count.
--
-- param  from          DateTime64(3) = now-90d   from, inclusive, UTC
-- param  to            DateTime64(3) = now       to, exclusive, UTC
-- param  days          UInt16 0..3650 = 0        days to wait for a conversion; 0: conversion_days of the definitions
-- param  as_of         DateTime64(3) = now       nothing later than this is known, UTC
-- column signals       String                    at least 2, at least 3
-- column people        UInt64                    who met so many criteria
-- column known         UInt64                    of them, with a known outcome
-- column conversions   UInt64                    of those, who converted in time
-- column false_positives UInt64                  of those, who did not
-- column rate          Nullable(Float64)         false_positives / known, 0..1
-- column rate_low      Nullable(Float64)         lower end of its Wilson 95 % interval
-- column rate_high     Nullable(Float64)         upper end
-- column note          String                    too few to tell, or nothing
WITH
    1.959963984540054 AS z,
    (k, n) -> if(n = 0, NULL, (k + z * z / 2) / (n + z * z)) AS wilson_centre,
    (k, n) -> if(n = 0, NULL, z * sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)) AS wilson_reach,
    (SELECT tuple(conversion_kinds, conversion_days, gold_people) FROM definition) AS defined,
    if({days:UInt16} = 0, defined.2, {days:UInt16}) AS wait,
    met AS
    (
        SELECT
            if(ids.person_id = '', o.person_id, ids.person_id) AS person,
            arrayJoin(arrayFilter(n -> n <= o.signals, [2, 3])) AS level,
            min(o.at) AS met_at
        FROM
        (
            SELECT person_id, at, length(criteria_met) AS signals
            FROM tier_observations FINAL
            WHERE at >= {from:DateTime64(3)}
              AND at < {to:DateTime64(3)}
              AND at < {as_of:DateTime64(3)}
              AND signals >= 2
        ) AS o
        LEFT JOIN person_ids AS ids ON ids.distinct_id = o.person_id
        GROUP BY person, level
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
    )
SELECT
    concat('at least ', toString(met.level)) AS signals,
    count() AS people,
    countIf(met.met_at + toIntervalDay(wait) <= {as_of:DateTime64(3)}) AS known,
    countIf(met.met_at + toIntervalDay(wait) <= {as_of:DateTime64(3)}
        AND arrayExists(at -> at >= met.met_at AND at < met.met_at + toIntervalDay(wait), conversions.times)) AS conversions,
    toUInt64(known - conversions) AS false_positives,
    if(known = 0, NULL, round(false_positives / known, 6)) AS rate,
    round(wilson_centre(false_positives, known) - wilson_reach(false_positives, known), 6) AS rate_low,
    round(wilson_centre(false_positives, known) + wilson_reach(false_positives, known), 6) AS rate_high,
    if(known < defined.3, 'too few to tell', '') AS note
FROM met
LEFT JOIN conversions ON conversions.person = met.person
GROUP BY signals
ORDER BY signals
