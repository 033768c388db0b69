-- Who is where: people in each tier and micro-segment, their scores, and how long they have been there.
--
-- As the running service last evaluated them: within two seconds of an event.
--
-- param  as_of         DateTime64(3) = now  until when days are counted, UTC
-- column tier          UInt8                2: behaves like a buyer; 1: known, below that; 0: not known yet
-- column micro_segment String               empty when the tier has none
-- column people        UInt64
-- column share         Float64              of all people, 0..1
-- column score         Float64              median, 0..100
-- column days          Float64              median of the days since they came there
-- column action        String               what should happen next
SELECT
    now.tier AS tier,
    now.micro_segment AS micro_segment,
    count() AS people,
    round(people / sum(count()) OVER (), 6) AS share,
    round(quantileExact(0.5)(now.score), 1) AS score,
    round(quantileExact(0.5)(dateDiff('second', now.since, {as_of:DateTime64(3)}) / 86400), 1) AS days,
    any(now.action_required) AS action
FROM person_tiers AS now
GROUP BY tier, micro_segment
ORDER BY tier DESC, score DESC, micro_segment
