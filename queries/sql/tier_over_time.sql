-- Tiers over time: how many people were in each tier and micro-segment at the end of each day.
--
-- Added up from the changes in tier_history, of which later events change none; the first and the last day are those of the range, the last
-- one as of its end. People who never were in a tier are not counted: not known is where everybody begins.
--
-- param  from          DateTime64(3) = now-90d  start, inclusive, UTC
-- param  to            DateTime64(3) = now      end, exclusive, UTC
-- column day           Date                     UTC
-- column tier          UInt8                    2: behaves like a buyer; 1: known, below that
-- column micro_segment String                   empty when the tier has none
-- column people        UInt64                   there at the end of the day
WITH
    toDate({from:DateTime64(3)}, 'UTC') AS first_day,
    toDate({to:DateTime64(3)} - toIntervalMillisecond(1), 'UTC') AS last_day,
    moves AS
    (
        SELECT
            place.1 AS tier,
            place.2 AS micro_segment,
            greatest(toDate(at), first_day) AS moved_on,
            sum(place.3) AS change
        FROM
        (
            SELECT
                at,
                arrayJoin([(tier, micro_segment, 1), (from_tier, from_segment, -1)]) AS place
            FROM tier_history
            WHERE at < {to:DateTime64(3)}
        )
        WHERE place.1 > 0 OR place.2 != ''
        GROUP BY tier, micro_segment, moved_on
    ),
    places AS
    (
        SELECT
            tier,
            micro_segment,
            groupArray((moved_on, change)) AS changes
        FROM moves
        GROUP BY tier, micro_segment
    )
SELECT
    arrayJoin(arrayMap(n -> first_day + n, range(toUInt32(greatest(0, dateDiff('day', first_day, last_day) + 1))))) AS day,
    tier,
    micro_segment,
    toUInt64(arraySum(c -> if(c.1 <= day, c.2, 0), changes)) AS people
FROM places
ORDER BY day, tier DESC, micro_segment
