-- Who to talk to first, and why: the people with the highest scores.
--
-- Reasons are points of the score, which they add up to; what speaks against a lead takes points off.
--
-- param  tier          UInt8 0..2 = 2          people of this tier
-- param  limit         UInt32 1..10000 = 20    at most so many
-- column person_id     String
-- column micro_segment String                  empty when the tier has none
-- column score         Float64                 0..100
-- column reasons       String                  as content 20, email 15, opens_without_clicks -10
-- column lifecycle     String                  lifecycle segments
-- column since         DateTime64(3, 'UTC')    when they came there, UTC
-- column last_seen     DateTime64(3, 'UTC')    last event of engagement, UTC
-- column action        String                  what should happen next
SELECT
    person_id,
    micro_segment,
    now.score AS score,
    arrayStringConcat(arrayMap(r -> concat(r.name, ' ', toString(r.points)), now.reasons), ', ') AS reasons,
    arrayStringConcat(now.lifecycle, ', ') AS lifecycle,
    since,
    last_seen,
    action_required AS action
FROM person_tiers AS now
WHERE tier = {tier:UInt8}
ORDER BY score DESC, since DESC, person_id
LIMIT {limit:UInt32}
