-- The people of one account, the most interested first, with what should happen next.
--
-- param  account       String                  the account: id of the group, or a domain such as example.com
-- param  limit         UInt32 1..10000 = 100   at most so many
-- column person_id     String
-- column known_by      String                  how it is known that they belong to it: group, or email domain
-- column tier          UInt8                   0 as well for somebody who was never evaluated
-- column micro_segment String                  empty when the tier has none
-- column score         Float64                 0..100
-- column since         DateTime64(3, 'UTC')    when they came into the tier and micro-segment, UTC
-- column last_seen     DateTime64(3, 'UTC')    last event of engagement, UTC
-- column action        String                  what should happen next
SELECT
    member.person_id AS person_id,
    member.known_by AS known_by,
    now.tier AS tier,
    now.micro_segment AS micro_segment,
    now.score AS score,
    now.since AS since,
    now.last_seen AS last_seen,
    now.action_required AS action
FROM account_people AS member
LEFT JOIN person_tiers AS now ON now.person_id = member.person_id
WHERE member.account_id = {account:String}
ORDER BY tier DESC, score DESC, person_id
LIMIT {limit:UInt32}
