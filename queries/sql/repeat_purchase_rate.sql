-- Repeat purchase rate: of the people who bought, how many bought again.
--
-- Counts purchase events per person in the whole UTC days that the range touches; two purchases on one day are two. Below 15 buyers
-- the note says "too few to tell".
--
-- param  from          DateTime64(3) = 1970-01-01  start, inclusive, UTC; the default is everything
-- param  to            DateTime64(3) = 2100-01-01  end, exclusive, UTC
-- column purchases     UInt64                      purchase events
-- column buyers        UInt64                      people with at least one purchase
-- column repeat_buyers UInt64                      people with at least two
-- column rate          Nullable(Float64)           repeat_buyers / buyers, 0..1; NULL without buyers
-- column rate_low      Nullable(Float64)           lower end of its Wilson 95 % interval
-- column rate_high     Nullable(Float64)           upper end
-- column note          String                      too few to tell, or nothing
WITH
    1.959963984540054 AS z,
    (k, n) -> (k + z * z / 2) / (n + z * z) AS wilson_centre,
    (k, n) -> z * sqrt(k * (n - k) / n + z * z / 4) / (n + z * z) AS wilson_reach,
    per_person AS
    (
        SELECT sum(bought.purchases) AS purchases
        FROM person_day AS bought
        LEFT JOIN person_ids AS ids ON ids.distinct_id = bought.distinct_id
        WHERE bought.day BETWEEN toDate({from:DateTime64(3)}, 'UTC') AND toDate({to:DateTime64(3)} - INTERVAL 1 MILLISECOND, 'UTC')
          AND bought.purchases > 0
        GROUP BY if(ids.person_id = '', bought.distinct_id, ids.person_id)
    )
SELECT
    sum(per_person.purchases) AS purchases,
    count() AS buyers,
    countIf(per_person.purchases >= 2) AS repeat_buyers,
    round(repeat_buyers / nullIf(buyers, 0), 6) AS rate,
    round(wilson_centre(repeat_buyers, nullIf(buyers, 0)) - wilson_reach(repeat_buyers, nullIf(buyers, 0)), 6) AS rate_low,
    round(wilson_centre(repeat_buyers, nullIf(buyers, 0)) + wilson_reach(repeat_buyers, nullIf(buyers, 0)), 6) AS rate_high,
    if(buyers < 15, 'too few to tell', '') AS note
FROM per_person
