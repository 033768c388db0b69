-- Who moved: people who came into each tier and micro-segment, and who left it, in the last day and the last seven.
--
-- A person who came and left within the time counts in both.
--
-- param  to            DateTime64(3) = now  end of the day and of the seven, exclusive, UTC
-- column tier          UInt8
-- column micro_segment String               empty when the tier has none
-- column came_24h      UInt64               people
-- column left_24h      UInt64               people
-- column came_7d       UInt64               people
-- column left_7d       UInt64               people
WITH
    {to:DateTime64(3)} AS until,
    moves AS
    (
        SELECT
            person_id,
            at,
            arrayJoin([(tier, micro_segment, 1), (from_tier, from_segment, 0)]) AS place
        FROM tier_history
        WHERE at >= until - INTERVAL 7 DAY
          AND at < until
    )
SELECT
    place.1 AS tier,
    place.2 AS micro_segment,
    uniqExactIf(person_id, place.3 = 1 AND at >= until - INTERVAL 1 DAY) AS came_24h,
    uniqExactIf(person_id, place.3 = 0 AND at >= until - INTERVAL 1 DAY) AS left_24h,
    uniqExactIf(person_id, place.3 = 1) AS came_7d,
    uniqExactIf(person_id, place.3 = 0) AS left_7d
FROM moves
GROUP BY tier, micro_segment
ORDER BY tier DESC, micro_segment
