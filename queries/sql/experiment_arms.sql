-- Experiment arms: what people did after they were shown a variant, arm by arm.
--
-- Who was in which arm comes from experiment_exposure events: the properties `experiment` (or experiment_name, experiment_id) and `arm` (or
-- variation_name, variation_id, variant). The first exposure within the range decides, so nobody is in two arms of one experiment. Visits
-- (page_view) and purchases count from that exposure on, for `days` days. Low and high are Wilson 95 % intervals: arms whose intervals
-- do not overlap differ. Below 15 people the note says "too few to tell".
--
-- param  experiment       String = ''                 only this one; empty is all
-- param  from             DateTime64(3) = 1970-01-01  exposures from, inclusive, UTC; the default is everything
-- param  to               DateTime64(3) = 2100-01-01  exposures to, exclusive, UTC
-- param  days             UInt16 1..3650 = 30         days to watch a person after the exposure
-- column experiment       String
-- column arm              String
-- column people           UInt64                      people in the arm: the denominator of the rates
-- column visitors         UInt64                      of them, people with a page_view
-- column visit_rate       Float64                     visitors / people, 0..1
-- column visit_low        Float64                     lower end of its interval
-- column visit_high       Float64                     upper end
-- column buyers           UInt64                      of them, people with a purchase
-- column conversion_rate  Float64                     buyers / people, 0..1
-- column conversion_low   Float64                     lower end of its interval
-- column conversion_high  Float64                     upper end
-- column spend            Map(String, Decimal(38, 4)) value of the purchases, by currency
-- column spend_per_person Map(String, Float64)        spend / people, by currency
-- column note             String                      too few to tell, or nothing
WITH
    1.959963984540054 AS z,
    (k, n) -> (k + z * z / 2) / (n + z * z) AS wilson_centre,
    (k, n) -> z * sqrt(k * (n - k) / n + z * z / 4) / (n + z * z) AS wilson_reach,
    exposed AS
    (
        SELECT
            person_id,
            arrayFirst(v -> v != '', [properties['experiment'], properties['experiment_name'], properties['experiment_id']]) AS experiment,
            argMin(arrayFirst(v -> v != '', [properties['arm'], properties['variation_name'], properties['variation_id'], properties['variant']]), (ts, event_id)) AS arm,
            min(ts) AS exposed_at
        FROM engagement_history
        WHERE kind = 'experiment_exposure'
          AND machine = ''
          AND ts >= {from:DateTime64(3)}
          AND ts < {to:DateTime64(3)}
        GROUP BY person_id, experiment
        HAVING {experiment:String} IN ('', experiment)
    ),
    outcomes AS
    (
        SELECT
            person_id,
            kind,
            ts,
            value,
            toString(currency) AS currency
        FROM engagement_history
        WHERE kind IN ('page_view', 'purchase')
          AND machine = ''
          AND ts >= {from:DateTime64(3)}
          AND ts < {to:DateTime64(3)} + toIntervalDay({days:UInt16})
          AND person_id IN (SELECT person_id FROM exposed)
    ),
    watched AS
    (
        SELECT
            exposed.experiment AS experiment,
            exposed.arm AS arm,
            exposed.person_id AS person_id,
            if(outcomes.ts >= exposed.exposed_at AND outcomes.ts < exposed.exposed_at + toIntervalDay({days:UInt16}), outcomes.kind, '') AS did,
            outcomes.value AS value,
            outcomes.currency AS currency
        FROM exposed
        LEFT JOIN outcomes ON outcomes.person_id = exposed.person_id
    ),
    per_person AS
    (
        SELECT
            experiment,
            arm,
            countIf(did = 'page_view') > 0 AS visited,
            countIf(did = 'purchase') > 0 AS bought,
            sumMapIf(map(currency, toDecimal128(value, 4)), did = 'purchase') AS spend
        FROM watched
        GROUP BY experiment, arm, person_id
    )
SELECT
    experiment,
    arm,
    count() AS people,
    countIf(visited) AS visitors,
    round(visitors / people, 6) AS visit_rate,
    round(wilson_centre(visitors, people) - wilson_reach(visitors, people), 6) AS visit_low,
    round(wilson_centre(visitors, people) + wilson_reach(visitors, people), 6) AS visit_high,
    countIf(bought) AS buyers,
    round(buyers / people, 6) AS conversion_rate,
    round(wilson_centre(buyers, people) - wilson_reach(buyers, people), 6) AS conversion_low,
    round(wilson_centre(buyers, people) + wilson_reach(buyers, people), 6) AS conversion_high,
    sumMap(per_person.spend) AS spend,
    mapApply((currency, total) -> (currency, round(toFloat64(total) / people, 6)), spend) AS spend_per_person,
    if(people < 15, 'too few to tell', '') AS note
FROM per_person
GROUP BY experiment, arm
ORDER BY experiment, arm
